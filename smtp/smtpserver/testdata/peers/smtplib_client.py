"""Python's smtplib as a client: smtplib_client.py PORT TLS_PORT CERT DIR

Sends the messages in the files of DIR in every way it knows, the letters
"clear", "starttls" and "tls" before their names saying which. Checks what it is
told about errors.
"""

import os
import smtplib
import ssl
import sys

port, tls_port, cert, folder = sys.argv[1:]
HOST, ALICE, BOB, NOBODY = "localhost", "alice@example.org", "bob@example.net", "nobody@example.net"
context = ssl.create_default_context(cafile=cert)


def check(condition, what):
    if not condition:
        raise SystemExit("FAIL: " + what)


def letters():
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as f:
            yield name, f.read()


def send(s, way):
    for name, text in letters():
        if way == "starttls" and name == "large":
            continue
        text = text.replace(b"Subject: ", b"Subject: " + way.encode() + b" ", 1)
        check(s.sendmail(ALICE, [BOB], text, ["BODY=8BITMIME"]) == {}, name)


with smtplib.SMTP("127.0.0.1", int(port)) as s:
    send(s, "clear")
    # One recipient unknown, then all, and on it goes.
    refused = s.sendmail(ALICE, [BOB, NOBODY], b"Subject: partial\r\n\r\nx\r\n")
    check(list(refused) == [NOBODY] and refused[NOBODY][0] == 550, repr(refused))
    try:
        s.sendmail(ALICE, [NOBODY], b"Subject: none\r\n\r\nx\r\n")
        check(False, "taken for nobody")
    except smtplib.SMTPRecipientsRefused:
        pass
    try:
        s.sendmail(ALICE, [BOB], b"Subject: large\r\n\r\n" + b"x" * 26 * 1024 * 1024)
        check(False, "too large, but taken")
    except smtplib.SMTPSenderRefused as e:
        check(e.smtp_code == 552, repr(e))
    check(s.noop()[0] == 250, "NOOP")
    check(s.sendmail("jürgen@example.org", ["bücher@example.net"], "Subject: Grüße\r\n\r\nx\r\n".encode(), ["SMTPUTF8", "BODY=8BITMIME"]) == {}, "SMTPUTF8")

with smtplib.SMTP(HOST, int(port)) as s:
    s.starttls(context=context)
    s.login("alice", "secret")
    send(s, "starttls")

with smtplib.SMTP_SSL(HOST, int(tls_port), context=context) as s:
    for mechanism in ("cram_md5", "plain", "login"):
        s.ehlo()
        s.user, s.password = "alice", "wrong"
        try:
            s.auth(mechanism.replace("_", "-").upper(), getattr(s, "auth_" + mechanism))
            check(False, "wrong password")
        except smtplib.SMTPAuthenticationError as e:
            check(e.smtp_code == 535, repr(e))
    s.login("alice", "secret")
    send(s, "tls")
