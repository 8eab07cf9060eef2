package imapclient

import (
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// An Item is what Fetch may ask for: a Want, a Section, ChangedSince or RawItem.
// The UID is always asked for.
type Item interface{ item() }

// A Want is a set of data items.
type Want uint32

// The data items that a Want can name.
const (
	Flags     Want = 1 << iota
	Date           // INTERNALDATE
	Size           // RFC822.SIZE
	ModSeq         // RFC 7162
	SaveDate       // RFC 8514
	ObjectID       // EMAILID and THREADID (RFC 8474)
	Envelope       // parsed from the header by the client if the server's can't be read
	Structure      // BODYSTRUCTURE
	Preview        // RFC 8970; see EmulatePreview
	Gmail          // X-GM-MSGID, X-GM-THRID and X-GM-LABELS

	// Entry and Summary are what the server has of these: a preview that the
	// Client has to make must be asked for as an item of its own.
	Entry   = Flags | Date | Size | ModSeq | SaveDate | ObjectID
	Summary = Envelope | Structure | Preview
)

func (Want) item() {}

// A Section names octets of a message: all of it, its header, or a part. The zero
// Section is Whole. It is always fetched without marking the message as seen,
// unless MarkSeen.
type Section struct {
	path    []int
	spec    imap.Section
	fields  []string
	offset  int64
	count   int64 // zero or below: to the end
	decoded bool
	mark    bool
}

func (Section) item() {}

// Whole is the message as it was received.
func Whole() Section { return Section{} }

// Header is the header of the message; with arguments, these fields of it.
func Header(fields ...string) Section { return Section{}.Header(fields...) }

// Part is a part of the message, by its numbers (RFC 9051 §6.4.5.1): Part(2) is
// the second part of a multipart, or the whole body of a message that has only
// one part, as Part(1).
func Part(path ...int) Section { return Section{path: path} }

// Header returns the section of the header of a part that is a message.
func (s Section) Header(fields ...string) Section {
	s.spec, s.fields = imap.SectionHeader, nil
	if len(fields) > 0 {
		s.spec, s.fields = imap.SectionHeaderFields, fields
	}
	return s
}

// MIME returns the section of the MIME header of a part.
func (s Section) MIME() Section { s.spec, s.fields = imap.SectionMIME, nil; return s }

// Text returns the section of the body of a part that is a message, or of the
// message itself.
func (s Section) Text() Section { s.spec, s.fields = imap.SectionText, nil; return s }

// Range returns the section's octets from offset on: count of them, or with a
// count of zero or less all to the end. Thus a broken download is resumed.
func (s Section) Range(offset, count int64) Section {
	s.offset, s.count = max(offset, 0), count
	return s
}

// Decoded returns the part with its transfer encoding removed: by the server if it
// has BINARY (RFC 3516), otherwise by the client. It has no effect on sections
// other than parts.
func (s Section) Decoded() Section { s.decoded = true; return s }

// MarkSeen makes the fetch set \Seen.
func (s Section) MarkSeen() Section { s.mark = true; return s }

// equal reports whether both name the same octets, apart from ranges.
func (s Section) equal(t Section) bool {
	return s.spec == t.spec && s.decoded == t.decoded && slices.Equal(s.path, t.path) &&
		slices.EqualFunc(s.fields, t.fields, strings.EqualFold)
}

// same reports whether both name the same octets.
func (s Section) same(t Section) bool {
	return s.equal(t) && s.offset == t.offset && max(s.count, 0) == max(t.count, 0)
}

func (s Section) wirePath() []uint32 {
	var out []uint32
	for _, n := range s.path {
		out = append(out, uint32(n))
	}
	return out
}

// fetchItem returns the data item of the section's octets from offset on, at most
// count; zero: all.
func (s Section) fetchItem(offset, count int64, binary bool) imap.FetchItem {
	b := &imap.BodySection{Path: s.wirePath(), Spec: s.spec, Fields: s.fields, Peek: !s.mark}
	if offset > 0 || count > 0 {
		if count <= 0 {
			count = 1<<32 - 1 // a number of 32 bits in RFC 3501
		}
		b.Partial = &imap.Partial{Offset: offset, Count: count}
	}
	att := imap.FetchBodySection
	if binary {
		att = imap.FetchBinary
	}
	return imap.FetchItem{Att: att, Section: b}
}

// names reports whether an item of a response is about the section.
func (s Section) names(att imap.FetchAtt, b *imap.BodySection, binary bool) bool {
	if b == nil { // RFC822 and its like, from servers that confuse them
		return len(s.path) == 0 && (att == imap.FetchRFC822 && s.spec == imap.SectionAll ||
			att == imap.FetchRFC822Header && s.spec == imap.SectionHeader || att == imap.FetchRFC822Text && s.spec == imap.SectionText)
	}
	return (att == imap.FetchBinary) == binary && b.Spec == s.spec &&
		slices.EqualFunc(b.Path, s.path, func(x uint32, n int) bool { return x == uint32(n) }) &&
		slices.EqualFunc(b.Fields, s.fields, strings.EqualFold)
}

// isOf reports whether an item of a response is the section, and begins where its
// range does.
func (s Section) isOf(p *partData, binary bool) bool {
	return s.names(p.att, p.section, binary) && (p.section == nil || p.section.Partial == nil || p.section.Partial.Offset == s.offset)
}

type changedSince mailbox.ModSeq

func (changedSince) item() {}

// ChangedSince restricts a fetch to messages that have changed after the
// mod-sequence (RFC 7162 §3.1.4.1).
func ChangedSince(m mailbox.ModSeq) Item { return changedSince(m) }

type rawItem struct {
	name string
	args []imap.Value
}

func (rawItem) item() {}

// RawItem is a data item that this package does not know, with its arguments. What
// the server returns for it is in Message.Raw.
func RawItem(name string, args ...imap.Value) Item { return rawItem{name, args} }
