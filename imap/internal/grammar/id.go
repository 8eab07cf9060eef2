package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// idExt is ID (RFC 2971).
func idExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapID},
		commands: []row[imap.Command]{command("ID",
			func(d *decoder, c *imap.ID) bool { return readIDFields(d, &c.Fields) },
			func(e *wire.Encoder, c *imap.ID) { writeIDFields(e, &c.Fields) })},
		responses: []row[Response]{value("ID", readIDFields, writeIDFields)},
	}
}

// readIDFields reads a list of pairs, or NIL (RFC 2971 §3.1).
func readIDFields(d *decoder, fields *imap.IDFields) bool {
	if !d.SP() {
		return false
	}
	if d.TryKeyword("NIL") {
		return true
	}
	return d.List(func() bool {
		var f imap.IDField
		if len(*fields) == imap.MaxIDFields {
			return d.Fail(&wire.LimitError{What: "too many ID fields", Limit: imap.MaxIDFields})
		}
		if !d.AString(&f.Name) || !d.SP() || !readText(d, &f.Value) {
			return false
		}
		*fields = append(*fields, f)
		return true
	})
}

func writeIDFields(e *wire.Encoder, fields *imap.IDFields) {
	if len(*fields) == 0 {
		e.SP().NIL()
		return
	}
	sep := " ("
	for _, f := range *fields {
		e.Raw(sep).String(f.Name).SP().NString(f.Value)
		sep = " "
	}
	e.Raw(")")
}
