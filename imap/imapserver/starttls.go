package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
)

// startTLSExt is STARTTLS (RFC 9051 §6.2.1).
func startTLSExt() extension {
	return extension{
		caps:      []imap.Cap{imap.CapStartTLS},
		capStates: notAuthenticated,
		offer:     func(c *Conn) bool { return c.srv.TLSConfig != nil && c.tp.TLS() == nil },
		commands:  []command{{"STARTTLS", notAuthenticated, on((*Conn).startTLS)}},
	}
}

func (c *Conn) startTLS(*imap.StartTLS) (reply, error) {
	switch {
	case c.srv.TLSConfig == nil:
		return reply{}, no("", "TLS is not available")
	case c.tp.TLS() != nil:
		return reply{}, bad("TLS is active already")
	}
	return reply{text: "begin TLS negotiation", after: func() error {
		// StartTLSServer refuses to go on when plaintext follows the command:
		// it would be read as if the client had sent it under TLS
		// (CVE-2011-0411). Nothing that the client said before is kept.
		c.clientID = nil
		return link(c.tp.StartTLSServer(c.ctx, c.srv.TLSConfig))
	}}, nil
}
