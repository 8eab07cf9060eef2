"""The time that commands take with Python's own imaplib and smtplib."""

import imaplib
import smtplib
import sys
import time

imap_port, smtp_port, user, password = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
TEXT = "From: Alice <alice@example.org>\r\nTo: Bob <bob@example.org>\r\nSubject: latency\r\n\r\n"


def timed(what, n, f):
    begin = time.monotonic()
    for _ in range(n):
        f()
    print("%s\t%.3f" % (what, (time.monotonic() - begin) * 1000 / n))


def message(size):
    line = "x" * 70 + "\r\n"
    return (TEXT + line * (size // len(line))).encode()


m = imaplib.IMAP4("127.0.0.1", imap_port)
m.login(user, password)
timed("imaplib NOOP", 50, m.noop)
for size in 500, 20_000, 200_000:
    timed("imaplib APPEND of %d octets" % size, 50, lambda: m.append("INBOX", None, None, message(size)))
m.logout()
if smtp_port:
    s = smtplib.SMTP("127.0.0.1", smtp_port)
    for size in 500, 20_000, 200_000:
        timed("smtplib sendmail of %d octets" % size, 50, lambda: s.sendmail("alice@example.org", user, message(size)))
    s.quit()
