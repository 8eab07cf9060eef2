package smtp

import (
	"strings"
	"unicode/utf8"
)

const upperHex = "0123456789ABCDEF"

// AppendXtext appends s as xtext (RFC 3461 §4): what isn't printable ASCII, and
// "+" and "=", as "+" and two hexadecimal digits.
func AppendXtext(dst []byte, s string) []byte {
	for i := range len(s) {
		c := s[i]
		if c < '!' || c > '~' || c == '+' || c == '=' {
			dst = append(dst, '+', upperHex[c>>4], upperHex[c&15])
		} else {
			dst = append(dst, c)
		}
	}
	return dst
}

// ParseXtext decodes xtext. It is as strict as the grammar and refuses
// hexadecimal digits in lower case.
func ParseXtext(s string) (string, bool) {
	plus := -1
	for i := range len(s) {
		c := s[i]
		if c < '!' || c > '~' || c == '=' {
			return "", false
		}
		if c == '+' && plus < 0 {
			plus = i
		}
	}
	if plus < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		c := s[i]
		if c == '+' {
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			c = byte(hi<<4 | lo)
			i += 2
		}
		out = append(out, c)
	}
	return string(out), true
}

// appendUTF8Addr appends an address of type utf-8 in one of the two forms of
// RFC 6533 §3: utf-8-addr-unitext, which keeps UTF-8 and requires SMTPUTF8, or
// utf-8-addr-xtext, all in ASCII.
func appendUTF8Addr(dst []byte, s string, unitext bool) []byte {
	for _, r := range s {
		switch {
		case r > ' ' && r < 0x7f && r != '+' && r != '=' && r != '\\':
			dst = append(dst, byte(r))
		case r >= utf8.RuneSelf && unitext:
			dst = utf8.AppendRune(dst, r)
		default:
			dst = append(dst, `\x{`...)
			shift := 4
			for r>>shift != 0 {
				shift += 4
			}
			for shift = max(shift, 8) - 4; shift >= 0; shift -= 4 {
				dst = append(dst, upperHex[r>>shift&15])
			}
			dst = append(dst, '}')
		}
	}
	return dst
}

// parseUTF8Addr decodes utf-8-addr-unitext and utf-8-addr-xtext. Plain xtext is
// accepted too, as some clients send it: "+" is never a literal in either form.
func parseUTF8Addr(s string) (string, bool) {
	if !utf8.ValidString(s) {
		return "", false
	}
	var out []byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c <= ' ' || c == 0x7f || c == '=':
			return "", false
		case c == '+':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := strings.IndexByte(upperHex, s[i+1]), strings.IndexByte(upperHex, s[i+2])
			if hi < 0 || lo < 0 {
				return "", false
			}
			out = append(out, byte(hi<<4|lo))
			i += 2
		case c == '\\':
			// EmbeddedUnicodeChar = "\x{" HEXPOINT "}"
			end := strings.IndexByte(s[i:], '}')
			if end < 5 || end > 9 || s[i+1] != 'x' || s[i+2] != '{' {
				return "", false
			}
			var r rune
			for _, h := range []byte(s[i+3 : i+end]) {
				d := strings.IndexByte(upperHex, h)
				if d < 0 {
					return "", false
				}
				r = r<<4 | rune(d)
			}
			if !utf8.ValidRune(r) {
				return "", false
			}
			out = utf8.AppendRune(out, r)
			i += end
		default:
			out = append(out, c)
		}
	}
	return string(out), utf8.Valid(out)
}
