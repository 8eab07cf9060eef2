package message

import (
	"strings"
	"unicode/utf8"
)

// DecodeText decodes the encoded words (RFC 2047) in the text of a field, such
// as Envelope.Subject or Address.Name, to UTF-8. Raw octets above 127 are read
// as UTF-8 where they are valid UTF-8, otherwise as windows-1252. The result is
// valid UTF-8 without NUL, CR and LF. What can't be decoded is left unchanged.
func DecodeText(s string) string {
	text, _ := decodeText(s, false)
	return text
}

// CheckText decodes as DecodeText does, and lists the defects of the text:
// DefectCharset, DefectEncodedWord, DefectRaw8bit, with offsets in s.
func CheckText(s string) (string, []Defect) { return decodeText(s, true) }

func decodeText(s string, check bool) (string, []Defect) {
	if !strings.Contains(s, "=?") {
		if !utf8.ValidString(s) {
			var defects []Defect
			if check {
				defects = []Defect{{Kind: DefectRaw8bit}}
			}
			return cleanText(guess([]byte(s))), defects
		}
		return cleanText(s), nil
	}
	d := textDecoder{check: check}
	d.decode(s)
	return cleanText(d.out.String()), d.defects
}

type textDecoder struct {
	out     strings.Builder
	check   bool
	defects []Defect

	// Adjacent words in the same charset are decoded together: against RFC 2047
	// §5, senders split characters between words.
	charset string
	raw     []byte
}

func (d *textDecoder) defect(kind DefectKind, off int) {
	if d.check && len(d.defects) < 100 {
		d.defects = append(d.defects, Defect{Kind: kind, Offset: int64(off)})
	}
}

func (d *textDecoder) decode(s string) {
	plain := 0 // start of what has not been written yet
	pending := false
	dead := 0 // no encoded word ends before this place
	for i := 0; ; {
		j := strings.Index(s[i:], "=?")
		if j < 0 {
			break
		}
		i += j
		if i < dead {
			i += 2
			continue
		}
		charset, enc, text, n := cutEncodedWord(s[i:])
		if n <= 0 {
			dead = i - n
			i += 2
			continue
		}
		// Blanks between two encoded words are not shown (RFC 2047 §6.2).
		if between := s[plain:i]; !pending || strings.Trim(between, " \t\r\n") != "" {
			d.flush()
			d.plain(between, plain)
		}
		if pending && !strings.EqualFold(charset, d.charset) {
			d.flush()
		}
		if !KnownCharset(charset) {
			d.defect(DefectCharset, i)
		}
		d.charset = charset
		var ok bool
		if enc == 'b' || enc == 'B' {
			d.raw, ok = appendBase64(d.raw, text)
		} else {
			d.raw, ok = appendQ(d.raw, text)
		}
		if !ok {
			d.defect(DefectEncodedWord, i)
		}
		i += n
		plain, pending = i, true
	}
	d.flush()
	d.plain(s[plain:], plain)
}

func (d *textDecoder) flush() {
	if len(d.raw) > 0 {
		d.out.WriteString(decodeCharset(d.charset, d.raw))
		d.raw = d.raw[:0]
	}
}

func (d *textDecoder) plain(s string, off int) {
	if utf8.ValidString(s) {
		d.out.WriteString(s)
		return
	}
	d.defect(DefectRaw8bit, off)
	d.out.WriteString(guess([]byte(s)))
}

// cutEncodedWord reads the encoded word at the start of s, which starts with
// "=?", and returns its length. If there is none, n is zero or less, and there
// is no "?=" in s before -n. Blanks in the text are allowed.
func cutEncodedWord(s string) (charset string, enc byte, text string, n int) {
	q := strings.IndexByte(s[2:], '?')
	if q < 0 {
		return "", 0, "", -len(s)
	}
	charset = s[2 : 2+q]
	rest := s[2+q+1:]
	if len(rest) < 2 || rest[1] != '?' || !strings.ContainsRune("bBqQ", rune(rest[0])) || !isCharsetName(charset) {
		return "", 0, "", 0
	}
	e := strings.Index(rest[2:], "?=")
	if e < 0 {
		return "", 0, "", -len(s)
	}
	charset, _, _ = strings.Cut(charset, "*") // RFC 2231 §5: a language may follow
	return charset, rest[0], rest[2 : 2+e], 2 + q + 1 + 2 + e + 2
}

func isCharsetName(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f {
			return false
		}
	}
	return s != "" && len(s) < 80
}

// appendQ decodes the Q encoding (RFC 2047 §4.2).
func appendQ(dst []byte, s string) ([]byte, bool) {
	ok := true
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '_':
			c = ' '
		case c == '=' && i+2 < len(s) && unhex(s[i+1]) < 16 && unhex(s[i+2]) < 16:
			c = unhex(s[i+1])<<4 | unhex(s[i+2])
			i += 2
		case c == '=':
			ok = false
		}
		dst = append(dst, c)
	}
	return dst, ok
}

// cleanText replaces what could end a line or a string.
func cleanText(s string) string {
	if strings.IndexByte(s, 0) < 0 && strings.IndexByte(s, '\r') < 0 && strings.IndexByte(s, '\n') < 0 {
		return s
	}
	return strings.Map(func(r rune) rune {
		if r == 0 || r == '\r' || r == '\n' {
			return ' '
		}
		return r
	}, s)
}
