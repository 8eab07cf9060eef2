package grammar

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func parseFetch(d *wire.Decoder, uid bool) imap.Command {
	c := imap.Fetch{UID: uid}
	if !d.SP() || !d.NumSet(&c.Set) || !d.SP() {
		return nil
	}
	if d.Peek() == '(' {
		if !d.List1(func() bool { return parseFetchItem(d, &c, false) }) {
			return nil
		}
	} else if !parseFetchItem(d, &c, true) {
		return nil
	}
	if !d.TrySP() {
		return &c
	}
	ok := d.List1(func() bool { // fetch-modifiers, RFC 4466 §2.4
		switch w := d.Word(); {
		case wire.Is(w, "CHANGEDSINCE"):
			c.ChangedSince = new(mailbox.ModSeq)
			return d.SP() && d.ModSeq(c.ChangedSince)
		case wire.Is(w, "VANISHED"):
			c.Vanished = true
			return true
		}
		return d.Expected("fetch modifier")
	})
	if ok && c.Vanished && (!uid || c.ChangedSince == nil) { // RFC 7162 §3.2.6
		ok = d.Expected("VANISHED with UID FETCH and CHANGEDSINCE only")
	}
	return result(ok, &c)
}

// fetchMacros are the macros of RFC 9051 §6.4.5.
var fetchMacros = map[string][]imap.FetchAtt{
	"FAST": {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize},
	"ALL":  {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize, imap.FetchEnvelope},
	"FULL": {imap.FetchFlags, imap.FetchInternalDate, imap.FetchSize, imap.FetchEnvelope, imap.FetchBody},
}

// fetchItems are the items without a section.
var fetchItems = map[string]imap.FetchAtt{
	"FLAGS": imap.FetchFlags, "UID": imap.FetchUID, "ENVELOPE": imap.FetchEnvelope,
	"INTERNALDATE": imap.FetchInternalDate, "RFC822.SIZE": imap.FetchSize,
	"BODYSTRUCTURE": imap.FetchBodyStructure, "RFC822": imap.FetchRFC822,
	"RFC822.HEADER": imap.FetchRFC822Header, "RFC822.TEXT": imap.FetchRFC822Text,
	"MODSEQ": imap.FetchModSeq, "EMAILID": imap.FetchEmailID, "THREADID": imap.FetchThreadID,
	"SAVEDATE": imap.FetchSaveDate, "PREVIEW": imap.FetchPreview,
}

// parseFetchItem reads a fetch-att, or with macro also a macro. ATOM-CHAR takes
// in "[", so that a name ends there.
func parseFetchItem(d *wire.Decoder, c *imap.Fetch, macro bool) bool {
	var buf [24]byte
	name := buf[:0]
	for ch := d.Peek(); ch != '[' && imap.IsAtomChar(ch) && len(name) < len(buf); ch = d.Peek() {
		name = append(name, ch)
		d.Try(ch)
	}
	wire.Upper(name)
	if d.Peek() == '[' {
		return parseSectionItem(d, c, name)
	}
	if string(name) == "BODY" {
		c.Items = append(c.Items, imap.FetchItem{Att: imap.FetchBody})
		return true
	}
	if att, ok := fetchItems[string(name)]; ok {
		if att == imap.FetchPreview && d.Peek() == ' ' && d.PeekAt(1) == '(' { // RFC 8970 §3.1
			if !d.SP() || !d.Special('(') || !d.Keyword("LAZY") || !d.Special(')') {
				return false
			}
			att = imap.FetchPreviewLazy
		}
		c.Items = append(c.Items, imap.FetchItem{Att: att})
		return true
	}
	if atts, ok := fetchMacros[string(name)]; ok && macro {
		for _, att := range atts {
			c.Items = append(c.Items, imap.FetchItem{Att: att})
		}
		return true
	}
	return d.Expected("fetch item")
}

func parseSectionItem(d *wire.Decoder, c *imap.Fetch, name []byte) bool {
	item := imap.FetchItem{Section: &imap.BodySection{}}
	binary := true
	switch string(name) {
	case "BODY":
		item.Att, binary = imap.FetchBodySection, false
	case "BODY.PEEK":
		item.Att, binary, item.Section.Peek = imap.FetchBodySection, false, true
	case "BINARY":
		item.Att = imap.FetchBinary
	case "BINARY.PEEK":
		item.Att, item.Section.Peek = imap.FetchBinary, true
	case "BINARY.SIZE":
		item.Att, item.Section.Peek = imap.FetchBinarySize, true
	default:
		return d.Expected("fetch item without section")
	}
	d.Special('[')
	mark := d.Mark()
	if !parseSection(d, item.Section, binary) {
		return false
	}
	item.Section.Text = string(d.Since(mark))
	if !d.Special(']') {
		return false
	}
	if d.Peek() == '<' && item.Att != imap.FetchBinarySize && !parsePartial(d, item.Section) {
		return false
	}
	c.Items = append(c.Items, item)
	return true
}

// parseSection reads what stands between the brackets: section-spec, or with
// binary section-part alone (RFC 9051 §9).
func parseSection(d *wire.Decoder, s *imap.BodySection, binary bool) bool {
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
			return parseSectionText(d, s)
		}
	}
	if binary || d.Peek() == ']' {
		return true
	}
	return parseSectionText(d, s)
}

func parseSectionText(d *wire.Decoder, s *imap.BodySection) bool {
	switch w := d.Word(); {
	case wire.Is(w, "HEADER"):
		s.Spec = imap.SectionHeader
		return true
	case wire.Is(w, "TEXT"):
		s.Spec = imap.SectionText
		return true
	case wire.Is(w, "MIME") && len(s.Path) > 0:
		s.Spec = imap.SectionMIME
		return true
	case wire.Is(w, "HEADER.FIELDS"):
		s.Spec = imap.SectionHeaderFields
	case wire.Is(w, "HEADER.FIELDS.NOT"):
		s.Spec = imap.SectionHeaderFieldsNot
	default:
		return d.Expected("section")
	}
	return d.SP() && d.List1(func() bool {
		var f string
		if !d.AString(&f) {
			return false
		}
		s.Fields = append(s.Fields, f)
		return true
	})
}

func parsePartial(d *wire.Decoder, s *imap.BodySection) bool {
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
