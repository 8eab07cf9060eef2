package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// uidPlusExt is UIDPLUS (RFC 4315).
func uidPlusExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapUIDPlus, imap.CapIMAP4rev2},
		commands: []row[imap.Command]{form("UID EXPUNGE", func(c *imap.Expunge) *bool { return &c.UID }, true,
			func(d *decoder, c *imap.Expunge) bool { return d.SP() && d.NumSet(&c.Set) },
			func(e *wire.Encoder, c *imap.Expunge) { e.SP().NumSet(c.Set) })},
		codes: []row[any]{
			value("APPENDUID",
				func(d *decoder, a *imap.AppendUID) bool {
					return d.SP() && d.NZNumber(&a.UIDValidity) && d.SP() && d.UIDSet(&a.UIDs)
				},
				func(e *wire.Encoder, a *imap.AppendUID) { e.SP().Uint(uint64(a.UIDValidity)).SP().UIDSet(a.UIDs) }),
			value("COPYUID", readCopyUID, func(e *wire.Encoder, c *imap.CopyUID) {
				e.SP().Uint(uint64(c.UIDValidity)).SP().UIDSet(c.Source).SP().UIDSet(c.Dest)
			}),
		},
	}
}

func readCopyUID(d *decoder, c *imap.CopyUID) bool {
	return d.SP() && d.NZNumber(&c.UIDValidity) && d.SP() && d.UIDSet(&c.Source) && d.SP() && d.UIDSet(&c.Dest) &&
		(c.Source.Len() == c.Dest.Len() || d.Expected("sets of the same size"))
}
