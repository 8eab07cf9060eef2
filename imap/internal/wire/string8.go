package wire

import "bytes"

// NString8 expects a string, a literal8 (RFC 3516 §4.2) or NIL. b is nil for NIL
// only.
func (d *Decoder) NString8(b *[]byte) bool {
	if d.Peek() == '~' {
		if d.PeekAt(1) != '{' {
			return d.Expected("literal")
		}
		s, ok := d.literal()
		*b = []byte(s)
		return ok
	}
	var s string
	var some bool
	if !d.NString(&s, &some) {
		return false
	}
	if *b = nil; some {
		*b = []byte(s)
	}
	return true
}

// NString8 appends b as a string, or as a literal8 if there is a NUL in it, or NIL
// if b is nil.
func (e *Encoder) NString8(b []byte) *Encoder {
	switch {
	case b == nil:
		return e.NIL()
	case bytes.IndexByte(b, 0) < 0:
		return e.String(string(b))
	}
	e.LiteralHeader(int64(len(b)), true)
	e.B = append(e.B, b...)
	return e
}
