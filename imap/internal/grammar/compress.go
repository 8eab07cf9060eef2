package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// compressExt is COMPRESS (RFC 4978).
func compressExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapCompressDeflate},
		commands: []row[imap.Command]{command("COMPRESS",
			func(d *decoder, c *imap.Compress) bool {
				if !d.SP() {
					return false
				}
				c.Mechanism = string(wire.Upper(d.Word()))
				return c.Mechanism != "" || d.Expected("compression mechanism")
			},
			func(e *wire.Encoder, c *imap.Compress) { e.SP().Atom(c.Mechanism) })},
	}
}
