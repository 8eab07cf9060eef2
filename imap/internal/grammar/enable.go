package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// Enabled is an ENABLED response (RFC 5161 §3.2).
type Enabled []imap.Cap

// enableExt is ENABLE (RFC 5161).
func enableExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapEnable, imap.CapIMAP4rev2},
		commands: []row[imap.Command]{command("ENABLE", readEnable, func(e *wire.Encoder, c *imap.Enable) { writeCaps(e, c.Caps) })},
		responses: []row[Response]{value("ENABLED",
			func(d *decoder, caps *Enabled) bool { return readCaps(d, (*[]imap.Cap)(caps)) },
			func(e *wire.Encoder, caps *Enabled) { writeCaps(e, *caps) })},
	}
}

func readEnable(d *decoder, c *imap.Enable) bool {
	for len(c.Caps) == 0 || d.TrySP() {
		var s string
		if len(c.Caps) == 0 && !d.SP() || !d.Element() || !d.Atom(&s) {
			return false
		}
		c.Caps = append(c.Caps, imap.Cap(s))
	}
	return true
}

func writeCaps(e *wire.Encoder, caps []imap.Cap) {
	for _, c := range caps {
		e.SP().Atom(string(c))
	}
}
