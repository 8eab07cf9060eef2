"""Two sessions of Python's imaplib on one mailbox, one of which expunges.

usage: sessions.py PORT CERT PASSWORD
"""

import imaplib
import ssl
import sys

port, cert, password = sys.argv[1:4]


def check(condition, what):
    if not condition:
        raise SystemExit("FAIL: " + what)


def ok(reply):
    check(reply[0] == "OK", repr(reply))
    return reply[1]


def login():
    m = imaplib.IMAP4_SSL("127.0.0.1", int(port), ssl_context=ssl.create_default_context(cafile=cert))
    # The longest ID that RFC 2971 §3.3 allows, before login.
    pairs = " ".join('"%s" "%s"' % (("name%02d" % i).ljust(30, "x"), '\\"' * 1024) for i in range(30))
    ok(m.xatom("ID", "(" + pairs + ")"))
    ok(m.login("bob@example.org", password))
    return m


one, two = login(), login()

# An account without limits has no quota roots.
roots, quotas = ok(one.getquotaroot("INBOX"))
check(roots == [b"INBOX"], repr(roots))
check(quotas == [None], repr(quotas))

for i in range(6):
    ok(one.append("INBOX", None, None, b"Subject: %d\r\n\r\nbody\r\n" % i))
check(ok(one.select("INBOX")) == [b"6"], "EXISTS")
check(one.response("RECENT")[1] == [b"6"], "RECENT")
ok(two.select("INBOX"))
ok(two.store("2:3", "+FLAGS.SILENT", r"(\Deleted)"))
ok(two.expunge())

# What is gone is left out, and nothing fails.
numbers = [line.split()[0] for line in ok(one.fetch("1:6", "(UID)"))]
check(numbers == [b"1", b"4", b"5", b"6"], repr(numbers))
check(ok(one.fetch("2", "(BODY[])")) == [None], "FETCH of what is gone")
stored = ok(one.store("1:3", "+FLAGS", r"(\Flagged)"))
check([line.split()[0] for line in stored] == [b"1"], repr(stored))
ok(one.store("2", "+FLAGS.SILENT", r"(\Flagged)"))
check(ok(one.search(None, "ALL")) == [b"1 4 5 6"], "SEARCH")
check(one.response("EXPUNGE")[1] == [None], "EXPUNGE during FETCH, STORE or SEARCH")
typ, data = one.copy("1:3", "INBOX")
check(typ == "NO" and b"EXPUNGEISSUED" in data[0], repr((typ, data)))
check(one.response("EXPUNGE")[1] == [b"2", b"2"], "EXPUNGE with COPY")
check(one.response("RECENT")[1] == [b"4"], "RECENT after EXPUNGE")
ok(one.copy("1:2", "INBOX"))
one.logout()
two.logout()
print("ok")
