package wire

import (
	"bytes"
	"math"
	"strings"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/imap"
)

// classes of octets (RFC 9051 §9).
const (
	classAtom    = 1 << iota // ATOM-CHAR
	classAString             // ASTRING-CHAR
	classList                // list-char
	classTag                 // of a tag
	classDigit
)

// classOf is the table of classes. It is never changed.
var classOf = func() (t [256]uint8) {
	for c := range 256 {
		b := byte(c)
		atom := imap.IsAtomChar(b)
		if atom {
			t[c] |= classAtom
		}
		if atom || b == ']' {
			t[c] |= classAString
		}
		if atom || b == ']' || b == '%' || b == '*' {
			t[c] |= classList
		}
		if (atom || b == ']') && b != '+' {
			t[c] |= classTag
		}
		if b >= '0' && b <= '9' {
			t[c] |= classDigit
		}
	}
	return t
}()

// take takes the octets of the class that come next, which may be none.
func (d *Decoder) take(class uint8) []byte {
	if d.err != nil {
		return nil
	}
	i := d.pos
	for i < len(d.line) && classOf[d.line[i]]&class != 0 {
		i++
	}
	b := d.line[d.pos:i]
	d.pos = i
	return b
}

// Word takes the characters of an atom, which may be none. The slice is valid
// until the next line is read; a keyword is compared with Is.
func (d *Decoder) Word() []byte { return d.take(classAtom) }

// Is compares a word with a keyword in capitals, without regard to case.
func Is(word []byte, keyword string) bool {
	if len(word) != len(keyword) {
		return false
	}
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		if c != keyword[i] {
			return false
		}
	}
	return true
}

// Upper turns a word into capitals, in place.
func Upper(word []byte) []byte {
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			word[i] = c - ('a' - 'A')
		}
	}
	return word
}

// TryKeyword takes the keyword, which is in capitals, if it is the next word.
func (d *Decoder) TryKeyword(keyword string) bool {
	pos := d.pos
	if d.err != nil || !Is(d.Word(), keyword) {
		d.pos = pos
		return false
	}
	return true
}

// Keyword expects the keyword, which is in capitals.
func (d *Decoder) Keyword(keyword string) bool {
	return d.TryKeyword(keyword) || d.Expected(keyword)
}

// Tag expects a command's tag.
func (d *Decoder) Tag(s *string) bool {
	b := d.take(classTag)
	if len(b) == 0 {
		return d.Expected("tag")
	}
	*s = string(b)
	return true
}

// Atom expects an atom.
func (d *Decoder) Atom(s *string) bool {
	b := d.take(classAtom)
	if len(b) == 0 {
		return d.Expected("atom")
	}
	*s = string(b)
	return true
}

// String expects a quoted string or a literal.
func (d *Decoder) String(s *string) bool {
	switch c := d.Peek(); {
	case c == '"':
		return d.quoted(s)
	case c == '{', c == '~' && d.Tolerant && d.PeekAt(1) == '{':
		v, ok := d.literal()
		*s = v
		return ok
	}
	return d.Expected("string")
}

// AString expects an atom, which may contain "]", or a string.
func (d *Decoder) AString(s *string) bool {
	return d.orString(s, classAString)
}

func (d *Decoder) orString(s *string, class uint8) bool {
	switch c := d.Peek(); {
	case c == '"', c == '{':
		return d.String(s)
	case classOf[c]&class != 0:
		*s = string(d.take(class))
		return true
	}
	return d.Expected("astring")
}

// NString expects a string or NIL; s is empty for NIL, and ok false.
func (d *Decoder) NString(s *string, ok *bool) bool {
	*ok = true
	switch c := d.Peek(); {
	case c == '"', c == '{', c == '~':
		return d.String(s)
	}
	pos := d.pos
	w := d.Word()
	if Is(w, "NIL") {
		*s, *ok = "", false
		return true
	}
	if d.Tolerant && len(w) > 0 {
		*s = string(w)
		return true
	}
	d.pos = pos
	return d.Expected("string or NIL")
}

// quoted expects a quoted string. 8-bit text in it must be UTF-8 (RFC 9051
// §4.3); a tolerant Decoder takes other text as ISO 8859-1.
func (d *Decoder) quoted(s *string) bool {
	if d.loose {
		return d.looseQuoted(s)
	}
	// Most strings are short, and nothing in them is special.
	for i := d.pos + 1; i < len(d.line); i++ {
		c := d.line[i]
		if c == '"' {
			*s = d.str(d.pos+1, i)
			d.pos = i + 1
			return true
		}
		if c == '\\' || c >= 0x80 {
			break
		}
	}
	b := d.line[d.pos+1:]
	i := bytes.IndexByte(b, '"')
	if i < 0 {
		return d.Expected(`closing '"' of the quoted string`)
	}
	esc := bytes.IndexByte(b[:i], '\\')
	if esc < 0 {
		from := d.pos + 1
		d.pos += i + 2
		if d.Share && utf8.Valid(b[:i]) {
			*s = d.str(from, from+i)
			return true
		}
		return d.text(b[:i], s)
	}
	out := append(make([]byte, 0, i+16), b[:esc]...)
	for i = esc; i < len(b); i++ {
		switch c := b[i]; c {
		case '"':
			d.pos += i + 2
			return d.text(out, s)
		case '\\':
			i++
			if i >= len(b) {
				return d.Expected(`closing '"' of the quoted string`)
			}
			if c = b[i]; c != '"' && c != '\\' {
				if !d.Tolerant {
					d.pos += i
					return d.Expected(`'"' or '\' after '\'`)
				}
				out = append(out, '\\')
			}
			out = append(out, c)
		default:
			out = append(out, c)
		}
	}
	return d.Expected(`closing '"' of the quoted string`)
}

// text checks the text of a quoted string.
func (d *Decoder) text(b []byte, s *string) bool {
	if !utf8.Valid(b) {
		if !d.Tolerant {
			return d.Fail(&SyntaxError{Problem: "quoted string is not UTF-8"})
		}
		var w strings.Builder
		for _, c := range b {
			w.WriteRune(rune(c))
		}
		*s = w.String()
		return true
	}
	*s = string(b)
	return true
}

// Number64 expects a number of up to 63 bits.
func (d *Decoder) Number64(n *int64) bool {
	b := d.take(classDigit)
	if len(b) == 0 {
		return d.Expected("number")
	}
	var v int64
	for _, c := range b {
		if v > (math.MaxInt64-int64(c-'0'))/10 {
			d.pos -= len(b)
			return d.Expected("number below 2^63")
		}
		v = v*10 + int64(c-'0')
	}
	*n = v
	return true
}

// Number expects a number of up to 32 bits.
func (d *Decoder) Number(n *uint32) bool {
	var v int64
	pos := d.pos
	if !d.Number64(&v) {
		return false
	}
	if v > math.MaxUint32 {
		d.pos = pos
		return d.Expected("number below 2^32")
	}
	*n = uint32(v)
	return true
}

// NZNumber expects a number of up to 32 bits that is not zero.
func (d *Decoder) NZNumber(n *uint32) bool {
	pos := d.pos
	if !d.Number(n) {
		return false
	}
	if *n == 0 {
		d.pos = pos
		return d.Expected("number above zero")
	}
	return true
}
