package wire

import (
	"bytes"
	"strconv"

	"github.com/posthorn-mail/posthorn/imap"
)

// Size expects a number of octets or lines. A tolerant Decoder takes a number in
// floating point, which some servers write, and NIL as zero.
func (d *Decoder) Size(n *int64) bool {
	if !d.Tolerant {
		return d.Number64(n)
	}
	pos := d.pos
	w := d.Word()
	if Is(w, "NIL") {
		*n = 0
		return true
	}
	if v, err := strconv.ParseInt(string(w), 10, 64); err == nil && v >= 0 {
		*n = v
		return true
	}
	v, err := strconv.ParseFloat(string(w), 64)
	if err != nil || !(v >= 0 && v < 1<<62) {
		d.pos = min(pos, len(d.line))
		return d.Expected("number")
	}
	*n = int64(v)
	return true
}

// Retry calls parse. If that fails on the grammar, a tolerant Decoder calls it
// again and takes unescaped quotes inside of strings as text: a string then ends
// only where a blank, a parenthesis or the line's end follows its quote. It does
// so only if parse stayed on its line.
func (d *Decoder) Retry(parse func() bool) bool {
	m, depth, items := d.Mark(), d.depth, d.items
	if parse() {
		return true
	}
	if _, ok := d.err.(*SyntaxError); !ok || !d.Tolerant || d.loose || m.octets != d.octets {
		return false
	}
	err := d.err
	d.err, d.pos, d.depth, d.items, d.loose = nil, m.pos, depth, items, true
	ok := parse()
	d.loose = false
	if !ok {
		d.err = err
	}
	return ok
}

// looseQuoted is quoted for Retry.
func (d *Decoder) looseQuoted(s *string) bool {
	b := d.line[d.pos+1:]
	for i := 0; i < len(b); i++ {
		if b[i] != '"' {
			continue
		}
		escaped := (i-len(bytes.TrimRight(b[:i], `\`)))%2 == 1
		last := i+1 == len(b)
		if !last && b[i+1] != ')' && (escaped || b[i+1] != ' ') {
			continue
		}
		d.pos += i + 2
		text := b[:i]
		if escaped {
			text = b[:i-1]
		}
		out := make([]byte, 0, len(text))
		for j := 0; j < len(text); j++ {
			if text[j] == '\\' && j+1 < len(text) && (text[j+1] == '"' || text[j+1] == '\\') {
				j++
			}
			out = append(out, text[j])
		}
		return d.text(out, s)
	}
	return d.Expected(`closing '"' of the quoted string`)
}

// Value expects any value: an atom, a string, NIL, or a list of values.
func (d *Decoder) Value(v *imap.Value) bool {
	switch c := d.Peek(); {
	case c == '(':
		v.Kind = imap.ValueList
		return d.List(func() bool {
			var x imap.Value
			if !d.Value(&x) {
				return false
			}
			v.List = append(v.List, x)
			return true
		})
	case c == '"' || c == '{' || c == '~' && d.PeekAt(1) == '{':
		v.Kind = imap.ValueString
		return d.String(&v.Text)
	}
	// Anything else: up to a blank or a parenthesis outside of brackets.
	start, open := d.pos, 0
	for ; d.err == nil && d.pos < len(d.line); d.pos++ {
		c := d.line[d.pos]
		if c == '[' {
			open++
		}
		if c == ']' && open > 0 {
			open--
		}
		if open == 0 && (c == ' ' || c == '(' || c == ')') {
			break
		}
	}
	if d.err != nil || d.pos == start {
		return d.Expected("value")
	}
	w := d.line[start:d.pos]
	if Is(w, "NIL") {
		v.Kind = imap.ValueNIL
		return true
	}
	v.Kind, v.Text = imap.ValueAtom, string(w)
	return true
}

// SkipTo skips values up to the parenthesis that closes the current list, and
// takes it.
func (d *Decoder) SkipTo() bool {
	for d.err == nil {
		if c := d.Peek(); c != ' ' && c != ')' && c != '(' {
			return d.Expected("SP or ')'")
		}
		d.blanks()
		if d.Try(')') {
			return true
		}
		var v imap.Value
		if !d.Value(&v) {
			return false
		}
	}
	return false
}
