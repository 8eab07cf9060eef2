package pop3server

import "github.com/posthorn-mail/posthorn/pop3"

// stlsExt is STLS (RFC 2595 §4).
func stlsExt() extension {
	return extension{
		commands: []command{{"STLS", authorization, (*conn).stls}},
		capabilities: func(c *conn) pop3.Capabilities {
			if c.srv.TLSConfig == nil || c.tp.TLS() != nil {
				return nil
			}
			return pop3.Capabilities{{Name: "STLS"}}
		},
	}
}

// stls turns on TLS (RFC 2595 §4). What the client said before is discarded,
// and data sent after the command ends the connection.
func (c *conn) stls(pop3.Command) {
	switch {
	case c.tp.TLS() != nil:
		c.err("", textTLSActive)
	case c.srv.TLSConfig == nil:
		c.err("", textNoTLS)
	case c.utf8: // RFC 6856 §2.1
		c.err("", textTLSAfterUTF8)
	default:
		c.say(textBeginTLS)
		c.user, c.named = "", false
		if err := c.tp.StartTLSServer(c.ctx, c.srv.TLSConfig); err != nil {
			c.log().Debug("pop3: STLS failed", "error", err)
			c.ended = true
		}
	}
}
