package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// moveExt is MOVE (RFC 6851).
func moveExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapMove, imap.CapIMAP4rev2},
		commands: pair("MOVE", "UID MOVE", func(c *imap.Move) *bool { return &c.UID },
			func(d *decoder, c *imap.Move) bool {
				return d.SP() && d.NumSet(&c.Set) && d.SP() && d.Mailbox(&c.Mailbox)
			},
			func(e *wire.Encoder, c *imap.Move) { e.SP().NumSet(c.Set).SP().Mailbox(c.Mailbox) }),
	}
}
