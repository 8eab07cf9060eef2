package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// copyExt is COPY (RFC 9051 §6.4.7).
func copyExt() extension {
	return extension{commands: pair("COPY", "UID COPY", func(c *imap.Copy) *bool { return &c.UID },
		func(d *decoder, c *imap.Copy) bool {
			return d.SP() && d.NumSet(&c.Set) && d.SP() && d.Mailbox(&c.Mailbox)
		},
		func(e *wire.Encoder, c *imap.Copy) { e.SP().NumSet(c.Set).SP().Mailbox(c.Mailbox) })}
}
