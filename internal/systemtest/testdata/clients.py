"""Python's own smtplib, imaplib and poplib against a running mail server.

usage: clients.py PORTS_JSON CERT ALICE_PASSWORD BOB_PASSWORD

Mail sent by one protocol is read by the others byte for byte, flags, folders
and deletions are seen by all.
"""

import imaplib
import json
import poplib
import smtplib
import ssl
import sys
import time

ports = json.loads(sys.argv[1])
cert, alice_password, bob_password = sys.argv[2:5]
HOST = "127.0.0.1"
ALICE, BOB = "alice@example.org", "bob@example.org"
tls = ssl.create_default_context(cafile=cert)


def check(condition, what):
    if not condition:
        raise SystemExit("FAIL: " + what)


def ok(reply):
    check(reply[0] == "OK", repr(reply))
    return reply[1]


HEAD = b"From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: %s\r\nMessage-ID: <%s@example.org>\r\n\r\n"
BODIES = {
    "plain": b"Hello Bob.\r\n",
    "dots": b".\r\n..\r\n.leading dot\r\n...three\r\nend.\r\n.\r\n",
    "empty-lines": b"\r\n\r\n\r\nafter three empty lines\r\n\r\n",
    "eight-bit": "Grüße aus Köln, 漢字\r\n".encode(),
    "latin": bytes(range(128, 256)) + b"\r\n",
    "long-line": b"x" * 900 + b"\r\n",
    "tabs": b"\ttab\r\n trailing blank \r\n",
    "big": b"".join(b"line %06d of a larger message, with some words in it\r\n" % i for i in range(20000)),
}


def message(name):
    return HEAD % (name.encode(), name.encode()) + BODIES[name]


def by_subject(raw):
    for line in raw.split(b"\r\n\r\n")[0].split(b"\r\n"):
        if line.lower().startswith(b"subject: "):
            return line[9:].decode()
    raise SystemExit("FAIL: no subject in %r" % raw[:200])


# --- smtplib: port 2525 for mail from outside, submission with STARTTLS, smtps.
with smtplib.SMTP(HOST, ports["smtp"]) as s:
    s.ehlo()
    for ext in ("size", "pipelining", "8bitmime", "smtputf8", "enhancedstatuscodes", "starttls"):
        check(s.has_extn(ext), "EHLO lacks " + ext)
    s.sendmail("someone@elsewhere.test", [BOB], message("plain"))
    try:
        s.sendmail("someone@elsewhere.test", ["nobody@example.org"], message("plain"))
        check(False, "unknown recipient taken")
    except smtplib.SMTPRecipientsRefused as e:
        check(e.recipients["nobody@example.org"][0] == 550, repr(e))
    try:
        s.sendmail("someone@elsewhere.test", ["relay@elsewhere.test"], message("plain"))
        check(False, "relayed")
    except smtplib.SMTPRecipientsRefused as e:
        check(e.recipients["relay@elsewhere.test"][0] == 550, repr(e))
    refused = s.sendmail("someone@elsewhere.test", [BOB, "nobody@example.org"], message("tabs"))
    check(list(refused) == ["nobody@example.org"], repr(refused))

with smtplib.SMTP(HOST, ports["submission"]) as s:
    s.starttls(context=tls)
    s.ehlo()
    try:
        s.sendmail(ALICE, [BOB], message("plain"))
        check(False, "submission without AUTH")
    except smtplib.SMTPSenderRefused as e:
        check(e.smtp_code == 530, repr(e))
    try:
        s.login(ALICE, "wrong")
        check(False, "wrong password taken")
    except smtplib.SMTPAuthenticationError as e:
        check(e.smtp_code == 535, repr(e))
    s.login(ALICE, alice_password)
    for name in ("dots", "empty-lines", "eight-bit", "latin"):
        s.sendmail(ALICE, [BOB], message(name))
    try:
        s.sendmail(BOB, [BOB], message("plain"))
        check(False, "sender that is not the user's")
    except smtplib.SMTPSenderRefused as e:
        check(500 <= e.smtp_code < 600, repr(e))
    try:
        s.sendmail(ALICE, [BOB], message("plain").replace(b"From: Alice <alice@", b"From: Bob <bob@"))
        check(False, "From header that is not the user's")
    except smtplib.SMTPDataError as e:
        check(500 <= e.smtp_code < 600, repr(e))

for mechanism in ("auth_plain", "auth_login", "auth_cram_md5"):
    with smtplib.SMTP_SSL(HOST, ports["smtps"], context=tls) as s:
        s.ehlo()
        s.user, s.password = ALICE, alice_password
        name = mechanism[5:].upper().replace("_", "-")
        check(name in s.esmtp_features["auth"], name + " not offered: " + s.esmtp_features["auth"])
        code, _ = s.auth(name, getattr(s, mechanism))
        check(code == 235, mechanism)
with smtplib.SMTP_SSL(HOST, ports["smtps"], context=tls) as s:
    s.login(ALICE, alice_password)
    for name in ("long-line", "big"):
        s.sendmail(ALICE, [BOB], message(name))

sent = {"plain", "tabs", "dots", "empty-lines", "eight-bit", "latin", "long-line", "big"}

# --- imaplib: what was sent is there, byte for byte behind the trace fields.
m = imaplib.IMAP4(HOST, ports["imap"])
m.starttls(tls)
try:
    m.login(BOB, "wrong")
    check(False, "wrong password taken by IMAP")
except imaplib.IMAP4.error as e:
    check("AUTHENTICATIONFAILED" in str(e), repr(e))
m.login(BOB, bob_password)
count = int(ok(m.select("INBOX"))[0])
check(count == len(sent), "%d messages in INBOX, want %d" % (count, len(sent)))
found = {}
for item in ok(m.uid("FETCH", "1:*", "(UID FLAGS RFC822.SIZE BODY.PEEK[])")):
    if isinstance(item, tuple):
        raw = item[1]
        name = by_subject(raw)
        found[name] = raw
        check(raw.endswith(message(name)), "IMAP changed " + name)
        check(raw.startswith(b"Return-Path: <"), "no Return-Path in " + name)
        check(b"\r\nReceived: from " in raw or raw.startswith(b"Received: from "), "no Received in " + name)
        check(b"RFC822.SIZE %d" % len(raw) in item[0], "size of " + name)
        check(b"\\Seen" not in item[0], "PEEK set \\Seen")
check(set(found) == sent, repr(set(found)))

# --- poplib: the same octets by POP3, with USER/PASS, APOP and STLS.
p = poplib.POP3(HOST, ports["pop3"])
p.stls(tls)
p.user(BOB)
p.pass_(bob_password)
check(p.stat()[0] == len(sent), repr(p.stat()))
uidls = {}
for line in p.uidl()[1]:
    n, uidl = line.split()
    lines = p.retr(int(n))[1]
    raw = b"\r\n".join(lines) + b"\r\n"
    name = by_subject(raw)
    check(raw == found[name], "POP3 and IMAP differ in " + name)
    uidls[uidl] = name
    top = p.top(int(n), 1)[1]
    body = lines.index(b"")
    check(top == lines[: body + 2], "TOP of " + name)
p.quit()
check(len(uidls) == len(sent), "UIDLs repeat")

p = poplib.POP3_SSL(HOST, ports["pop3s"], context=tls)
p.user(BOB)
try:
    p.pass_("wrong")
    check(False, "wrong password taken by POP3")
except poplib.error_proto as e:
    check(b"-ERR" in e.args[0], repr(e))
p.user(BOB)
p.pass_(bob_password)
check({line.split()[1] for line in p.uidl()[1]} == set(uidls), "UIDLs changed between sessions")
p.quit()

p = poplib.POP3(HOST, ports["pop3"])
p.apop(BOB, bob_password)
listing = dict(line.split() for line in p.uidl()[1])
victim = next(n for n, uidl in listing.items() if uidls[uidl] == "plain")
p.dele(int(victim))
check(len(p.list()[1]) == len(sent) - 1, "LIST after DELE")
p.rset()
p.dele(int(victim))
p.quit()

# --- The deletion reaches the IMAP session; flags and mailboxes work.
m.noop()
check(m.response("EXPUNGE")[1] not in (None, [None]), "no EXPUNGE for the message that POP3 deleted")
check(ok(m.uid("SEARCH", "SUBJECT", "plain"))[0] == b"", "deleted message is still found")
uids = ok(m.uid("SEARCH", None, "ALL"))[0].split()
check(len(uids) == len(sent) - 1, repr(uids))
ok(m.uid("STORE", uids[0], "+FLAGS", r"(\Flagged $Forwarded)"))
check(ok(m.uid("SEARCH", "FLAGGED", "KEYWORD", "$Forwarded"))[0] == uids[0], "SEARCH FLAGGED KEYWORD")
ok(m.create("Archive/2026"))
ok(m.create("Entwürfe".encode("utf-7").replace(b"+", b"&").decode()))
names = b"\n".join(ok(m.list()))
check(b'"Archive/2026"' in names or b" Archive/2026" in names, repr(names))
ok(m.uid("COPY", uids[0], "Archive/2026"))
ok(m.uid("MOVE", uids[1], "Archive/2026")) if "MOVE" in imaplib.Commands else ok(m._simple_command("UID", "MOVE", uids[1].decode(), "Archive/2026"))
status = ok(m.status("Archive/2026", "(MESSAGES UIDNEXT UIDVALIDITY UNSEEN)"))[0]
check(b"MESSAGES 2" in status, repr(status))
ok(m.rename("Archive", "Old"))
check(b"MESSAGES 2" in ok(m.status("Old/2026", "(MESSAGES)"))[0], "after RENAME")
appended = message("dots")
data = ok(m.append("Drafts", r"(\Draft \Seen)", imaplib.Time2Internaldate(time.time()), appended))
check(b"APPENDUID" in data[0], repr(data))
ok(m.select("Drafts"))
got = ok(m.fetch("1", "(FLAGS INTERNALDATE BODY[])"))[0]
check(got[1] == appended, "APPEND changed the message")
check(b"\\Draft" in got[0], repr(got[0]))
part = ok(m.fetch("1", "(BODY[HEADER.FIELDS (SUBJECT)])"))[0][1]
check(part == b"Subject: dots\r\n\r\n", repr(part))
check(ok(m.fetch("1", "(BODY[TEXT]<2.4>)"))[0][1] == BODIES["dots"][2:6], "partial")
ok(m.store("1", "+FLAGS", r"\Deleted"))
ok(m.expunge())
check(ok(m.search(None, "ALL"))[0] == b"", "EXPUNGE")
ok(m.unselect()) if hasattr(m, "unselect") else ok(m.close())
ok(m.delete("Old/2026"))
check(ok(m.namespace())[0].startswith(b'(("" "/"))'), "NAMESPACE")
m.logout()

for mechanism in ("CRAM-MD5",):
    m = imaplib.IMAP4_SSL(HOST, ports["imaps"], ssl_context=tls)
    check("AUTH=" + mechanism in m.capabilities, repr(m.capabilities))
    m.login_cram_md5(ALICE, alice_password)
    m.logout()

# A password in the clear is taken over loopback, which is where this runs.
m = imaplib.IMAP4(HOST, ports["imap"])
m.login(ALICE, alice_password)
m.logout()
print("ok: %d messages" % len(sent))
