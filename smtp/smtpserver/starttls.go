package smtpserver

import (
	"github.com/posthorn-mail/posthorn/smtp"
)

// startTLS is STARTTLS (RFC 3207).
func startTLS() extension {
	return extension{
		keyword: true, ext: smtp.ExtStartTLS,
		offered:  func(c *Conn) bool { return c.srv.TLSConfig != nil && c.tp.TLS() == nil },
		commands: []command{{verb: "STARTTLS", states: stReady, run: bare((*Conn).cmdStartTLS)}},
	}
}

func (c *Conn) cmdStartTLS() {
	c.send(220, smtp.EnhancedCode{2, 0, 0}, "ready to start TLS")
	// This refuses what came behind the command in the clear.
	if err := c.tp.StartTLSServer(c.ctx, c.srv.TLSConfig); err != nil {
		c.log.Debug("smtp: STARTTLS failed", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
		c.goodbye = true
		return
	}
	// RFC 3207 §4.2: discard all that the client has sent.
	c.reset()
	c.hello, c.extended, c.identity, c.state = "", false, "", stStart
	c.parser.Extensions = 0
	c.errors = 0
}

// requireTLS is REQUIRETLS (RFC 8689 §4.1), which is there only under TLS.
func requireTLS() extension {
	f := declared(smtp.ExtRequireTLS)
	f.offered = func(c *Conn) bool {
		return c.srv.extender.Has(smtp.ExtRequireTLS) && c.tp.TLS() != nil
	}
	return f
}
