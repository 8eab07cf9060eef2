"""aiosmtpd as a server: aiosmtpd_server.py CERT KEY DIR PORT

It knows alice, whose password is "secret", and nobody at all as no recipient.
Messages go to files in DIR/new.
"""

import os
import ssl
import sys
import time

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword

cert, key, folder, port = sys.argv[1:]
new = os.path.join(folder, "new")
os.mkdir(new)
tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
tls.load_cert_chain(cert, key)


class Handler:
    count = 0

    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("nobody"):
            return "550 5.1.1 no such user"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server, session, envelope):
        self.count += 1
        part = os.path.join(folder, "part")
        with open(part, "wb") as f:
            f.write(envelope.content)
        os.rename(part, os.path.join(new, "%06d" % self.count))
        return "250 2.0.0 taken from %s to %s" % (envelope.mail_from, ",".join(envelope.rcpt_tos))


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=isinstance(data, LoginPassword) and (data.login, data.password) == (b"alice", b"secret"), handled=False)


controller = Controller(
    Handler(), hostname="127.0.0.1", port=int(port), enable_SMTPUTF8=True, tls_context=tls,
    authenticator=authenticate, data_size_limit=25 << 20, auth_require_tls=True,
)
controller.start()
while True:
    time.sleep(3600)
