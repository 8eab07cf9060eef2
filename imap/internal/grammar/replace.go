package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// replaceExt is REPLACE (RFC 8508).
func replaceExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapReplace},
		commands: pair("REPLACE", "UID REPLACE", func(c *imap.Replace) *bool { return &c.UID }, readReplace, writeReplace),
	}
}

func readReplace(d *decoder, c *imap.Replace) bool {
	if !d.SP() {
		return false
	}
	if d.Try('*') {
		c.Num = imap.Star
	} else if !d.NZNumber(&c.Num) {
		return false
	}
	return d.SP() && d.Mailbox(&c.Mailbox) && readMessage(d, &c.Message)
}

func writeReplace(e *wire.Encoder, c *imap.Replace) {
	if e.SP(); c.Num == imap.Star {
		e.Raw("*")
	} else {
		e.Uint(uint64(c.Num))
	}
	WriteMessage(e.SP().Mailbox(c.Mailbox), &c.Message)
}
