package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// utf8Ext is what UTF8=ACCEPT adds to APPEND (RFC 6855 §4).
func utf8Ext() extension {
	return extension{
		caps: []imap.Cap{imap.CapUTF8Accept, imap.CapUTF8Only},
		appendItems: []row[imap.AppendMessage]{{
			name: "UTF8", has: func(m *imap.AppendMessage) bool { return m.UTF8 && !m.Catenate },
			read: func(d *decoder, m *imap.AppendMessage) bool {
				m.UTF8 = true
				return readUTF8Header(d, &m.Literal)
			},
			write: func(e *wire.Encoder, m *imap.AppendMessage) { writeUTF8Header(e, m.Literal) },
		}},
		catParts: []row[imap.CatPart]{{
			name: "UTF8", has: func(p *imap.CatPart) bool { return p.URL == "" && p.UTF8 },
			read: func(d *decoder, p *imap.CatPart) bool {
				p.UTF8 = true
				return readUTF8Header(d, &p.Literal)
			},
			write: func(e *wire.Encoder, p *imap.CatPart) { writeUTF8Header(e, p.Literal) },
		}},
	}
}

// readUTF8Header reads up to the octets of a literal8, which a parenthesis follows.
func readUTF8Header(d *decoder, lit *imap.Literal) bool {
	return d.SP() && d.Special('(') && (d.Peek() == '~' || d.Expected("literal8")) && d.LiteralHeader(lit)
}

func writeUTF8Header(e *wire.Encoder, lit imap.Literal) { e.Raw(" (").LiteralHeader(lit.Size, true) }
