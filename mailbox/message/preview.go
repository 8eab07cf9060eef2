package message

import (
	"bytes"
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
	"golang.org/x/text/transform"
)

const (
	previewLength = 200      // characters (RFC 8970 §3.3)
	previewPlain  = 4 << 10  // octets of a text/plain part that are read
	previewHTML   = 32 << 10 // octets of a text/html part: style sheets come first
)

// preview collects the start of the text that a Summary shows: of the first
// text/plain part and the first text/html part that are neither attachments
// nor in a message within the message.
type preview struct {
	plain, html capture
	current     *capture

	// The text/plain part counts even if it comes second: the two are
	// alternatives. Otherwise it is a footer below the message.
	alternative bool
}

type capture struct {
	part *Part
	buf  []byte
	max  int
}

// startPart begins the body of the part on top of the stack, a leaf.
func (p *preview) startPart(stack []frame) {
	part := stack[len(stack)-1].part
	if part.Type != "text" || part.Disposition == "attachment" {
		return
	}
	for i := range stack {
		if stack[i].part.Envelope != nil {
			return
		}
	}
	c := &p.plain
	switch part.Subtype {
	case "plain":
		c.max = previewPlain
		p.alternative = len(stack) > 1 && stack[len(stack)-2].part.Subtype == "alternative"
	case "html":
		if !p.plain.blank() {
			return // it is no longer needed
		}
		c = &p.html
		c.max = previewHTML
	default:
		return
	}
	if c.part == nil {
		c.part, p.current = part, c
	}
}

func (p *preview) write(b []byte) {
	if c := p.current; c != nil {
		c.buf = append(c.buf, b[:min(len(b), c.max-len(c.buf))]...)
	}
}

func (p *preview) endPart(part *Part) {
	if c := p.current; c != nil && c.part == part {
		// The line break that belongs to the boundary may have been written: it
		// is only white space.
		p.current = nil
	}
}

// blank reports whether nothing visible was captured.
func (c *capture) blank() bool {
	for _, b := range c.buf {
		if b > ' ' {
			return false
		}
	}
	return true
}

// text makes the preview of what was collected.
func (p *preview) text() string {
	first, second := previewOfPlain, previewOfHTML
	a, b := &p.plain, &p.html
	if a.part != nil && b.part != nil && b.part.HeaderOffset < a.part.HeaderOffset && !p.alternative {
		a, b, first, second = b, a, second, first
	}
	if s := first(a); s != "" {
		return s
	}
	return second(b)
}

// decoded is the text that was captured, in UTF-8.
func (c *capture) decoded() string {
	b := c.buf
	switch t := transferDecoder(c.part.Encoding).(type) {
	case nil:
	case *base64Decoder:
		b = t.flush(t.append(make([]byte, 0, len(b)), b))
	default:
		b, _, _ = transform.Bytes(t, b)
	}
	return decodeCharset(c.part.Charset(), b)
}

// previewOfPlain omits quoted lines, unless there are no others.
func previewOfPlain(c *capture) string {
	if len(c.buf) == 0 {
		return ""
	}
	text := c.decoded()
	if strings.HasPrefix(text, "-----BEGIN PGP MESSAGE") {
		return ""
	}
	var s, all snippet
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, ">") {
			s.add(line)
			if s.full() {
				break
			}
		} else {
			all.add(line)
		}
	}
	if s.n == 0 {
		return all.String()
	}
	return s.String()
}

func previewOfHTML(c *capture) string {
	if len(c.buf) == 0 {
		return ""
	}
	var s snippet
	z := html.NewTokenizer(strings.NewReader(c.decoded()))
	z.SetMaxBuf(2 * previewHTML)
	hidden := atom.Atom(0) // the element whose contents are not shown
	for !s.full() {
		switch z.Next() {
		case html.ErrorToken:
			return s.String()
		case html.TextToken:
			if hidden == 0 {
				s.add(string(z.Text()))
			}
		case html.StartTagToken:
			name, _ := z.TagName()
			switch a := atom.Lookup(name); a {
			case atom.Style, atom.Script, atom.Title, atom.Noscript, atom.Template:
				if hidden == 0 {
					hidden = a
				}
			default:
				if !isInline(a) {
					s.space = true
				}
			}
		case html.EndTagToken:
			name, _ := z.TagName()
			a := atom.Lookup(name)
			if a == hidden {
				hidden = 0
			}
			if !isInline(a) {
				s.space = true
			}
		case html.SelfClosingTagToken:
			s.space = true
		}
	}
	return s.String()
}

// isInline reports whether an element does not separate words.
func isInline(a atom.Atom) bool {
	switch a {
	case atom.A, atom.B, atom.I, atom.U, atom.Em, atom.Strong, atom.Span, atom.Font, atom.Small, atom.Big, atom.Sub, atom.Sup, atom.Code, atom.Tt, atom.Abbr, atom.S, atom.Mark:
		return true
	}
	return false
}

// A snippet is text of limited length with its white space joined.
type snippet struct {
	b     bytes.Buffer
	n     int
	space bool // a space is due before the next character
}

func (s *snippet) full() bool { return s.n >= previewLength }

func (s *snippet) String() string { return s.b.String() }

func (s *snippet) add(text string) {
	for _, r := range text {
		switch {
		case s.full():
			return
		case unicode.IsSpace(r):
			s.space = true
			continue
		case invisible(r):
			continue
		}
		if s.space && s.n > 0 {
			if s.n+2 > previewLength {
				s.n = previewLength
				return
			}
			s.b.WriteByte(' ')
			s.n++
		}
		s.space = false
		s.b.WriteRune(r)
		s.n++
	}
}

// invisible reports whether a character is not visible: controls, and the
// characters that newsletters pad their previews with.
func invisible(r rune) bool {
	return unicode.IsControl(r) || r == 0x34f || r == 0xad || r == 0xfeff || r >= 0x200b && r <= 0x200f || r >= 0x2028 && r <= 0x202e || r == 0x2060 || r == unicode.ReplacementChar
}
