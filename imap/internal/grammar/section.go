package grammar

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
)

// sectionExt is the data items of FETCH that are octets of the message: BODY[…]
// (RFC 9051 §6.4.5.1), and RFC822, RFC822.HEADER and RFC822.TEXT (RFC 3501 §6.4.5).
func sectionExt() extension {
	return extension{
		fetchItems: []row[imap.FetchItem]{
			sectionItem("BODY[", imap.FetchBodySection, false), sectionItem("BODY.PEEK[", imap.FetchBodySection, true),
			item(imap.FetchRFC822), item(imap.FetchRFC822Header), item(imap.FetchRFC822Text),
		},
		fetchData: []row[Item]{
			sectionDatum("BODY[", imap.FetchBodySection, readBody, writeBody),
			datum(imap.FetchRFC822, readBody, writeBody),
			datum(imap.FetchRFC822Header, readBody, writeBody),
			datum(imap.FetchRFC822Text, readBody, writeBody),
		},
	}
}

// sectionItem is the row of a data item with a section; its name ends with "[".
// The items of BINARY have part numbers only, and BINARY.SIZE has no range.
func sectionItem(name string, att imap.FetchAtt, peek bool) row[imap.FetchItem] {
	return row[imap.FetchItem]{
		name: name,
		has: func(it *imap.FetchItem) bool {
			return it.Att == att && it.Section != nil && (it.Section.Peek == peek || att == imap.FetchBinarySize)
		},
		read: func(d *decoder, it *imap.FetchItem) bool {
			it.Att, it.Section = att, &imap.BodySection{Peek: peek}
			return readSection(d, it.Section, att != imap.FetchBodySection) &&
				(d.Peek() != '<' || att == imap.FetchBinarySize || readPartial(d, it.Section))
		},
		write: func(e *wire.Encoder, it *imap.FetchItem) {
			s := it.Section
			if att == imap.FetchBinarySize {
				s = &imap.BodySection{Path: s.Path}
			}
			writeSection(e, s)
			e.Raw("]")
			if s.Partial != nil {
				e.Raw("<").Int(s.Partial.Offset).Raw(".").Int(s.Partial.Count).Raw(">")
			}
		},
	}
}

// readSection reads section-spec, or only section-part if binary is true, up to
// the "]" (RFC 9051 §9).
func readSection(d *decoder, s *imap.BodySection, binary bool) bool {
	mark := d.Mark()
	if !readSectionSpec(d, s, binary) {
		return false
	}
	s.Text = string(d.Since(mark))
	return d.Special(']')
}

func readSectionSpec(d *decoder, s *imap.BodySection, binary bool) bool {
	for c := d.Peek(); c >= '0' && c <= '9'; c = d.Peek() {
		var n uint32
		if !d.Element() || !d.NZNumber(&n) {
			return false
		}
		s.Path = append(s.Path, n)
		if d.Peek() != '.' {
			return true
		}
		d.Try('.')
		if next := d.Peek(); next < '0' || next > '9' {
			if binary {
				return d.Expected("part number")
			}
			return readSectionText(d, s)
		}
	}
	if binary || d.Peek() == ']' {
		return true
	}
	return readSectionText(d, s)
}

// sectionNames are in the order of imap.Section.
var sectionNames = [...]string{
	imap.SectionHeader: "HEADER", imap.SectionHeaderFields: "HEADER.FIELDS", imap.SectionHeaderFieldsNot: "HEADER.FIELDS.NOT",
	imap.SectionText: "TEXT", imap.SectionMIME: "MIME",
}

func hasFields(s imap.Section) bool {
	return s == imap.SectionHeaderFields || s == imap.SectionHeaderFieldsNot
}

func readSectionText(d *decoder, s *imap.BodySection) bool {
	w := d.Word()
	for spec, name := range sectionNames {
		if name != "" && wire.Is(w, name) {
			s.Spec = imap.Section(spec)
		}
	}
	if s.Spec == imap.SectionAll || s.Spec == imap.SectionMIME && len(s.Path) == 0 {
		return d.Expected("section")
	}
	return !hasFields(s.Spec) || d.SP() && d.List1(func() bool {
		var f string
		if !d.AString(&f) {
			return false
		}
		s.Fields = append(s.Fields, f)
		return true
	})
}

func writeSection(e *wire.Encoder, s *imap.BodySection) {
	for i, n := range s.Path {
		if i > 0 {
			e.Raw(".")
		}
		e.Uint(uint64(n))
	}
	if s.Spec == imap.SectionAll {
		return
	}
	if int(s.Spec) >= len(sectionNames) {
		e.Fail(fmt.Errorf("imap: unknown section %d", s.Spec))
		return
	}
	if len(s.Path) > 0 {
		e.Raw(".")
	}
	if e.Raw(sectionNames[s.Spec]); hasFields(s.Spec) {
		e.SP()
		writeAll(e, s.Fields, func(f string) { e.AString(f) })
	}
}

func readPartial(d *decoder, s *imap.BodySection) bool {
	var p imap.Partial
	if !d.Special('<') || !d.Number64(&p.Offset) || !d.Special('.') || !d.Number64(&p.Count) {
		return false
	}
	if p.Count == 0 {
		return d.Expected("count above zero")
	}
	s.Partial = &p
	return d.Special('>')
}

// readDataSection reads a section as a response names it, after the "[": a range
// has only its origin (RFC 9051 §7.5.2). The sections that were read last are kept
// and shared: most responses name the same.
func readDataSection(d *decoder, binary bool) (*imap.BodySection, bool) {
	line, at := d.Line(), d.Mark().Pos()
	end := bytes.IndexByte(line[at:], ' ') // of most sections
	if end >= 0 {
		if s, ok := d.sections[string(line[at:at+end])]; ok {
			d.Advance(end)
			return s, true
		}
	}
	mark := d.Mark()
	s := &imap.BodySection{}
	if !readSection(d, s, binary) {
		return nil, false
	}
	if d.Try('<') {
		s.Partial = &imap.Partial{}
		if !d.Number64(&s.Partial.Offset) || !d.Special('>') {
			return nil, false
		}
	}
	if text := d.Since(mark); len(text) == end {
		if len(d.sections) >= maxSections || d.sections == nil {
			d.sections = map[string]*imap.BodySection{}
		}
		d.sections[string(text)] = s
	}
	return s, true
}

// maxSections bounds what readDataSection keeps.
const maxSections = 256

// writeDataSection writes a section as a response names it, in the spelling of the
// client if that is known.
func writeDataSection(e *wire.Encoder, s *imap.BodySection) {
	if e.Raw("["); s.Text != "" {
		e.Raw(s.Text)
	} else {
		writeSection(e, s)
	}
	if e.Raw("]"); s.Partial != nil {
		e.Raw("<").Int(s.Partial.Offset).Raw(">")
	}
}

// readBody reads a body: a literal is left on the connection.
func readBody(d *decoder, it *Item) bool {
	if c := d.Peek(); c == '{' || c == '~' {
		var lit imap.Literal
		if !d.LiteralHeader(&lit) {
			return false
		}
		body, err := d.OpenLiteral()
		if err != nil {
			return false
		}
		it.Body, it.Size = body, lit.Size
		return true
	}
	var s string
	var some bool
	if !d.NString(&s, &some) {
		return false
	}
	if some {
		it.Body, it.Size = strings.NewReader(s), int64(len(s))
	}
	return true
}

// writeBody writes a body that is in memory; a server streams the octets of a
// message after the same header.
func writeBody(e *wire.Encoder, it *Item) {
	if it.Body == nil {
		e.NIL()
		return
	}
	b, err := io.ReadAll(it.Body)
	if err != nil {
		e.Fail(err)
	}
	e.LiteralHeader(int64(len(b)), it.Att == imap.FetchBinary)
	e.B = append(e.B, b...)
}
