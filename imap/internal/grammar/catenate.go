package grammar

import (
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// catenateExt is CATENATE (RFC 4469). The parts of a message are read and written one
// by one, since they can be large.
func catenateExt() extension {
	return extension{
		caps: []imap.Cap{imap.CapCatenate},
		appendItems: []row[imap.AppendMessage]{{
			name: "CATENATE", has: func(m *imap.AppendMessage) bool { return m.Catenate },
			read: func(d *decoder, m *imap.AppendMessage) bool {
				m.Catenate = true
				return d.SP() && d.Special('(')
			},
			write: func(e *wire.Encoder, _ *imap.AppendMessage) { e.Raw(" (") },
		}},
		catParts: []row[imap.CatPart]{
			{
				name: "URL", has: func(p *imap.CatPart) bool { return p.URL != "" },
				read: func(d *decoder, p *imap.CatPart) bool {
					return d.SP() && d.AString(&p.URL) && (p.URL != "" || d.Expected("URL"))
				},
				write: func(e *wire.Encoder, p *imap.CatPart) { e.SP().String(p.URL) },
			},
			{
				name: "TEXT", has: func(p *imap.CatPart) bool { return p.URL == "" && !p.UTF8 },
				read:  func(d *decoder, p *imap.CatPart) bool { return d.SP() && readLiteralHeader(d, &p.Literal) },
				write: func(e *wire.Encoder, p *imap.CatPart) { e.SP().LiteralHeader(p.Literal.Size, p.Literal.Binary) },
			},
		},
		codes: []row[any]{value("BADURL", // §4.1
			func(d *decoder, s *string) bool { return d.SP() && readURL(d, s) },
			func(e *wire.Encoder, s *string) { writeURL(e.SP(), *s) })},
	}
}

// NextPart skips the rest of the current part of a message with Catenate, and returns
// the next one, or nil behind the last. For a part without a URL, OpenLiteral must
// follow. Errors are as those of NextMessage.
func (r *Reader) NextPart() (*imap.CatPart, error) {
	if !r.parts {
		return nil, nil
	}
	if !r.closeLiteral() {
		return nil, r.refuse(r.d.Err())
	}
	if !r.first {
		if r.d.Try(')') {
			r.parts = false
			return nil, nil
		}
		if !r.d.SP() {
			return nil, r.refuse(r.d.Err())
		}
	}
	r.first = false
	var p imap.CatPart
	if !r.d.Element() || !all().catParts.read(r.d, &p, "URL or TEXT") {
		return nil, r.refuse(r.d.Err())
	}
	r.utf8 = p.UTF8
	return &p, nil
}

// WritePart writes a part of a message with Catenate, up to the octets of its
// literal. first says that no part precedes it. The octets, if it has no URL, and
// EndPart must follow.
func WritePart(e *wire.Encoder, p *imap.CatPart, first bool) {
	if !first {
		e.SP()
	}
	all().catParts.of(p).writeTo(e, p)
}

// EndPart writes what follows the octets of a part.
func EndPart(e *wire.Encoder, p *imap.CatPart) {
	if p.URL == "" && p.UTF8 {
		e.Raw(")")
	}
}

// readURL reads a URL as it stands in a response code, up to a blank. It may be
// quoted, as in the examples of RFC 4469.
func readURL(d *decoder, s *string) bool {
	if d.Peek() == '"' {
		return d.String(s)
	}
	var b []byte
	for c := d.Peek(); c > ' '; c = d.Peek() {
		b = append(b, c)
		d.Try(c)
	}
	*s = string(b)
	return len(b) > 0 || d.Expected("URL")
}

// writeURL writes a URL in a response code. It has no blanks, which would end it, and
// no "]", which would end the code.
func writeURL(e *wire.Encoder, s string) {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '\\' || c == ']' {
			e.Fail(fmt.Errorf("imap: URL %q can't be written", s))
			return
		}
	}
	if s == "" {
		e.Fail(fmt.Errorf("imap: URL %q can't be written", s))
	}
	e.Raw(s)
}
