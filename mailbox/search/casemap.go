package search

import (
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A collator makes the keys by which i;unicode-casemap (RFC 5051) compares
// texts: their order is that of the octets of the keys, and texts with the same
// key are equal.
type collator struct{ title, key []byte }

// keyOf returns the key of a text in UTF-8. It is valid until the next call.
func (c *collator) keyOf(text string) []byte {
	c.key = c.key[:0]
	for i := range len(text) {
		b := text[i]
		if b >= utf8.RuneSelf {
			return c.unicodeKey(text)
		}
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		c.key = append(c.key, b)
	}
	return c.key
}

// unicodeKey is keyOf for any text: characters in titlecase, then decomposed as
// in Normalization Form KD (RFC 5051 §2, step 2).
func (c *collator) unicodeKey(text string) []byte {
	if !utf8.ValidString(text) { // step 1 (b)
		c.key = append(c.key[:0], text...)
		return c.key
	}
	c.title = c.title[:0]
	for _, r := range text {
		c.title = utf8.AppendRune(c.title, unicode.ToTitle(r))
	}
	c.key = norm.NFKD.Append(c.key[:0], c.title...)
	return c.key
}

// A dictionary numbers the texts that it is given, equal ones alike: a mailbox has
// far fewer subjects and senders than messages.
type dictionary struct {
	numbers map[string]uint32
	texts   []string // by number
}

// number returns the number of a text.
func (d *dictionary) number(text []byte) uint32 {
	n, ok := d.numbers[string(text)]
	if !ok {
		if d.numbers == nil {
			d.numbers = map[string]uint32{}
		}
		n = uint32(len(d.texts))
		s := string(text)
		d.numbers[s] = n
		d.texts = append(d.texts, s)
	}
	return n
}
