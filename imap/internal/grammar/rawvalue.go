package grammar

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// WriteValue writes a value. It fails for one that is not valid, so that nothing in
// it can end the line or become another argument.
func WriteValue(e *wire.Encoder, v imap.Value) {
	if !v.Valid() && v.Kind != imap.ValueList {
		e.Fail(fmt.Errorf("imap: value %q can't be written", v.Text))
		return
	}
	switch v.Kind {
	case imap.ValueNIL:
		e.NIL()
	case imap.ValueAtom:
		e.Raw(v.Text)
	case imap.ValueString:
		e.String(v.Text)
	case imap.ValueList:
		writeAll(e, v.List, func(x imap.Value) { WriteValue(e, x) })
	}
}

// writeValues writes values, each after a blank.
func writeValues(e *wire.Encoder, list []imap.Value) {
	for _, v := range list {
		WriteValue(e.SP(), v)
	}
}

// writeRaw writes a command by its name.
func writeRaw(e *wire.Encoder, c *imap.Raw) {
	name := c.Command
	if len(name) > 4 && strings.EqualFold(name[:4], "UID ") {
		e.Raw("UID ")
		name = name[4:]
	}
	e.Atom(name)
	writeValues(e, c.Args)
}
