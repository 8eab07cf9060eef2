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
	case imap.ValueMailbox:
		e.Mailbox(v.Text)
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

// ReadRaw reads an untagged response as values, whether or not its name has a row.
// text is the response as sent, with its literals, and without the CRLF at its end.
// Of a status response it reads the condition only. If the values can't be read, the
// error is a *wire.SyntaxError or *wire.LimitError, and the Unknown has the name.
func ReadRaw(text []byte, utf8 bool) (*Unknown, error) {
	lim := wire.LimitsClient()
	lim.Line, lim.Literal, lim.Command, lim.Elements = len(text)+2, int64(len(text)), 2*int64(len(text))+2, 1<<26
	d := &decoder{Decoder: wire.NewDecoder(wire.Bytes(append(text[:len(text):len(text)], "\r\n"...)), lim)}
	d.Tolerant, d.UTF8 = true, utf8
	u := &Unknown{}
	if err := d.Begin(); err != nil {
		return u, err
	}
	if d.Special('*') && d.SP() {
		if c := d.Peek(); c >= '0' && c <= '9' && (!d.Number(&u.N) || !d.SP()) {
			return u, d.Err()
		}
		u.Name = string(wire.Upper(d.Word()))
		switch imap.Condition(u.Name) {
		case imap.OK, imap.NO, imap.BAD, imap.BYE, imap.PREAUTH:
			return u, nil
		}
		if values(d, &u.Values) && d.End() {
			return u, nil
		}
	}
	u.Values = nil
	return u, d.Err()
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
