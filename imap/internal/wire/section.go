package wire

import "github.com/posthorn-mail/posthorn/imap"

// Section appends a section as a response names it (RFC 9051 §7.5.2): item is
// BODY, BINARY or BINARY.SIZE, and of a partial the origin only. It is spelled as
// the client asked for it where that is known.
func (e *Encoder) Section(item string, s *imap.BodySection) *Encoder {
	e.Raw(item).Raw("[")
	if s.Text != "" {
		e.B = append(e.B, s.Text...)
	} else {
		e.sectionText(s)
	}
	e.Raw("]")
	if s.Partial != nil {
		e.Raw("<").Int(s.Partial.Offset).Raw(">")
	}
	return e
}

// SectionQuery appends a section as a client asks for it.
func (e *Encoder) SectionQuery(item string, s *imap.BodySection) *Encoder {
	e.Raw(item)
	if s.Peek {
		e.Raw(".PEEK")
	}
	e.Raw("[").sectionText(s).Raw("]")
	if s.Partial != nil {
		e.Raw("<").Int(s.Partial.Offset).Raw(".").Int(s.Partial.Count).Raw(">")
	}
	return e
}

func (e *Encoder) sectionText(s *imap.BodySection) *Encoder {
	for i, n := range s.Path {
		if i > 0 {
			e.Raw(".")
		}
		e.Uint(uint64(n))
	}
	if s.Spec == imap.SectionAll {
		return e
	}
	if len(s.Path) > 0 {
		e.Raw(".")
	}
	switch s.Spec {
	case imap.SectionHeader:
		return e.Raw("HEADER")
	case imap.SectionText:
		return e.Raw("TEXT")
	case imap.SectionMIME:
		return e.Raw("MIME")
	case imap.SectionHeaderFields:
		e.Raw("HEADER.FIELDS (")
	case imap.SectionHeaderFieldsNot:
		e.Raw("HEADER.FIELDS.NOT (")
	default:
		return e.fail("unknown section")
	}
	for i, f := range s.Fields {
		if i > 0 {
			e.SP()
		}
		e.AString(f)
	}
	return e.Raw(")")
}
