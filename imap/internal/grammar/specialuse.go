package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// specialUseExt is SPECIAL-USE and CREATE-SPECIAL-USE (RFC 6154).
func specialUseExt() extension {
	return extension{
		caps:        []imap.Cap{imap.CapSpecialUse},
		listSelects: []row[imap.List]{option("SPECIAL-USE", listSelect, imap.SelectSpecialUse)},
		listReturns: []row[imap.List]{option("SPECIAL-USE", listReturn, imap.ReturnSpecialUse)},
		createParams: []row[imap.Create]{{
			name: "USE", caps: []imap.Cap{imap.CapCreateSpecialUse},
			has: func(c *imap.Create) bool { return len(c.SpecialUse) > 0 }, read: readUse, write: writeUse,
		}},
	}
}

func readUse(d *decoder, c *imap.Create) bool {
	return d.SP() && d.List(func() bool {
		var s string
		if !d.Special('\\') || !d.Atom(&s) {
			return false
		}
		c.SpecialUse = append(c.SpecialUse, imap.MailboxAttr(`\`+s))
		return true
	})
}

func writeUse(e *wire.Encoder, c *imap.Create) {
	e.SP()
	writeAttrs(e, c.SpecialUse)
}
