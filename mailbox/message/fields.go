package message

import (
	"bytes"
	"strings"
)

// fields sets the frame's part and envelope from the header in hdr.
func (p *Parser) fields(f *frame) {
	var seen fieldSet
	count := 0
	for start := 0; start < len(p.hdr); {
		end := fieldEnd(p.hdr, start)
		raw := p.hdr[start:end]
		off := f.part.HeaderOffset + int64(start)
		start = end
		name, value := splitField(raw)
		if name == nil {
			p.brokenField(raw, off)
			continue
		}
		if count++; count > p.opt.MaxFields {
			p.defect(DefectFieldCount, off, "")
			return
		}
		id := identify(name)
		if id == fieldOther || f.env == nil && id < fieldContentType {
			continue
		}
		if seen.has(id) && id > fieldManyTimes {
			p.defect(DefectDuplicate, off, fieldNames[id])
			continue
		}
		seen.add(id)
		text, clean := unfold(value[:0], value)
		if !clean {
			p.defect(DefectControl, off, fieldNames[id])
		}
		if kind := p.field(f, id, text); kind != 0 {
			p.defect(kind, off, fieldNames[id])
		}
	}
}

func (p *Parser) brokenField(raw []byte, off int64) {
	switch {
	case raw[0] == ' ' || raw[0] == '\t':
		p.defect(DefectStrayFold, off, "")
	case bytes.HasPrefix(raw, mboxFrom):
		p.defect(DefectMboxFrom, off, "")
	default:
		p.defect(DefectNoColon, off, "")
	}
}

var mboxFrom = []byte("From ")

// field reads one field into the part or envelope. It returns a DefectKind if
// the field is malformed, else zero.
func (p *Parser) field(f *frame, id fieldID, text []byte) DefectKind {
	env, part := f.env, f.part
	s := string(text)
	switch id {
	case fieldFrom:
		return p.addressField(&env.From, s)
	case fieldSender:
		return p.addressField(&env.Sender, s)
	case fieldReplyTo:
		return p.addressField(&env.ReplyTo, s)
	case fieldTo:
		return p.addressField(&env.To, s)
	case fieldCc:
		return p.addressField(&env.Cc, s)
	case fieldBcc:
		return p.addressField(&env.Bcc, s)
	case fieldReferences:
		if env == &p.sum.Envelope {
			p.sum.References = appendMessageIDs(p.sum.References, s, maxReferences)
		}
	case fieldDate:
		env.Date = s
		t, ok := ParseDate(s)
		if !ok {
			return DefectDate
		}
		env.Time = t
	case fieldSubject:
		env.Subject = s
	case fieldInReplyTo:
		env.InReplyTo = s
	case fieldMessageID:
		env.MessageID = s
	case fieldContentType:
		return parseContentType(part, s)
	case fieldContentDisposition:
		return parseDisposition(part, s)
	case fieldContentTransferEncoding:
		if enc := parseToken(s); enc != "" {
			part.Encoding = enc
		}
	case fieldContentID:
		part.ID = s
	case fieldContentDescription:
		part.Description = s
	case fieldContentMD5:
		part.MD5 = s
	case fieldContentLanguage:
		part.Language = parseLanguages(s)
	case fieldContentLocation:
		part.Location = strings.Join(strings.Fields(s), "") // white space is not part of the URI (RFC 2557 §4.4.1)
	}
	return 0
}

// maxReferences bounds Summary.References, since each reading of a stored
// summary decodes them.
const maxReferences = 1000

func (p *Parser) addressField(list *[]Address, s string) DefectKind {
	a := addressParser{s: s, max: p.opt.MaxAddresses - p.addresses}
	n := len(*list)
	*list = a.parse(*list)
	p.addresses += len(*list) - n
	switch {
	case a.full:
		return DefectAddressCount
	case a.broken:
		return DefectAddress
	}
	return 0
}

type fieldID uint8

const (
	fieldOther fieldID = iota
	fieldFrom
	fieldSender
	fieldReplyTo
	fieldTo
	fieldCc
	fieldBcc
	fieldReferences
	fieldManyTimes // the fields above are joined where they occur again
	fieldDate
	fieldSubject
	fieldInReplyTo
	fieldMessageID
	fieldContentType // the fields from here on occur in parts too
	fieldContentDisposition
	fieldContentTransferEncoding
	fieldContentID
	fieldContentDescription
	fieldContentMD5
	fieldContentLanguage
	fieldContentLocation
	fieldIDs
)

var fieldNames = [fieldIDs]string{
	fieldFrom:                    "From",
	fieldSender:                  "Sender",
	fieldReplyTo:                 "Reply-To",
	fieldTo:                      "To",
	fieldCc:                      "Cc",
	fieldBcc:                     "Bcc",
	fieldReferences:              "References",
	fieldDate:                    "Date",
	fieldSubject:                 "Subject",
	fieldInReplyTo:               "In-Reply-To",
	fieldMessageID:               "Message-ID",
	fieldContentType:             "Content-Type",
	fieldContentDisposition:      "Content-Disposition",
	fieldContentTransferEncoding: "Content-Transfer-Encoding",
	fieldContentID:               "Content-ID",
	fieldContentDescription:      "Content-Description",
	fieldContentMD5:              "Content-MD5",
	fieldContentLanguage:         "Content-Language",
	fieldContentLocation:         "Content-Location",
}

func identify(name []byte) fieldID {
	for id := fieldOther + 1; id < fieldIDs; id++ {
		if n := fieldNames[id]; len(n) == len(name) && equalFold(n, name) {
			return id
		}
	}
	return fieldOther
}

type fieldSet uint32

func (s fieldSet) has(id fieldID) bool { return s&(1<<id) != 0 }
func (s *fieldSet) add(id fieldID)     { *s |= 1 << id }

// fieldEnd returns the end of the field that starts at i: the end of the first
// line that no folded line follows.
func fieldEnd(b []byte, i int) int {
	for {
		n := bytes.IndexByte(b[i:], '\n')
		if n < 0 {
			return len(b)
		}
		i += n + 1
		if i == len(b) || b[i] != ' ' && b[i] != '\t' {
			return i
		}
	}
}

// splitField divides a field at its colon. name is nil if it is not a field:
// RFC 5322 §3.6.8 allows the printable ASCII octets in a name, and §4.5 blanks
// before the colon.
func splitField(raw []byte) (name, value []byte) {
	i := bytes.IndexByte(raw, ':')
	if i < 0 {
		return nil, nil
	}
	name, value = raw[:i], raw[i+1:]
	for len(name) > 0 && (name[len(name)-1] == ' ' || name[len(name)-1] == '\t') {
		name = name[:len(name)-1]
	}
	for _, c := range name {
		if c <= ' ' || c >= 0x7f {
			return nil, nil
		}
	}
	if len(name) == 0 {
		return nil, nil
	}
	return name, value
}

// unfold appends the text of a field value to dst, which may be value[:0]:
// folding line breaks are removed (RFC 5322 §2.2.3), other control octets that
// could end a line or a string become spaces, and surrounding blanks are
// removed. clean is false if there were such control octets.
func unfold(dst, value []byte) (text []byte, clean bool) {
	clean = true
	start := len(dst)
	run := 0 // the end of the last run of CR
	for i := 0; i < len(value); i++ {
		c := value[i]
		switch c {
		case '\n':
			continue
		case '\r':
			if i >= run {
				for run = i + 1; run < len(value) && value[run] == '\r'; run++ {
				}
			}
			if run == len(value) || value[run] == '\n' {
				i = run - 1
				continue
			}
			c, clean = ' ', false
		case 0:
			c, clean = ' ', false
		}
		if len(dst) == start && (c == ' ' || c == '\t') {
			continue
		}
		dst = append(dst, c)
	}
	for len(dst) > start && (dst[len(dst)-1] == ' ' || dst[len(dst)-1] == '\t') {
		dst = dst[:len(dst)-1]
	}
	return dst, clean
}

func equalFold(s string, b []byte) bool {
	for i := range len(s) {
		if lower(s[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}
