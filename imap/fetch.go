package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// Fetch is FETCH, or UID FETCH. The macros ALL, FAST and FULL have been
// expanded.
type Fetch struct {
	UID   bool
	Set   NumSet
	Items []FetchItem

	ChangedSince *mailbox.ModSeq // RFC 7162 §3.1.4; nil if not given
	Vanished     bool            // RFC 7162 §3.2.6
	Partial      *PartialRange   // RFC 9394 §3.3; with UID only
}

func (*Fetch) Name() string { return "FETCH" }

// A FetchItem is a message data item (RFC 9051 §6.4.5). Section is set for
// FetchBodySection, FetchBinary and FetchBinarySize, Annotation for FetchAnnotation, Name and Args for FetchRaw.
type FetchItem struct {
	Att        FetchAtt
	Section    *BodySection
	Annotation *AnnotationQuery

	// Name is the item as it is written, with a section if it has one. Args
	// follow, each after a blank. Only a client has such items: a server refuses
	// what it does not know.
	Name string
	Args []Value
}

// FetchAtt names a message data item.
type FetchAtt uint8

// The data items.
const (
	FetchUID FetchAtt = iota
	FetchFlags
	FetchInternalDate
	FetchSize     // RFC822.SIZE
	FetchEnvelope // ENVELOPE
	FetchBodyStructure
	FetchBody // BODY: the structure without extension data
	FetchBodySection
	FetchRFC822         // RFC 3501: BODY[]
	FetchRFC822Header   // RFC 3501: BODY.PEEK[HEADER]
	FetchRFC822Text     // RFC 3501: BODY[TEXT]
	FetchBinary         // RFC 3516
	FetchBinarySize     // RFC 3516
	FetchModSeq         // RFC 7162
	FetchEmailID        // RFC 8474
	FetchThreadID       // RFC 8474
	FetchSaveDate       // RFC 8514
	FetchPreview        // RFC 8970
	FetchPreviewLazy    // RFC 8970, PREVIEW (LAZY)
	FetchGmailMessageID // X-GM-MSGID
	FetchGmailThreadID  // X-GM-THRID
	FetchGmailLabels    // X-GM-LABELS
	FetchAnnotation     // RFC 5257
	FetchRaw            // an item that this package does not know
)

var fetchNames = [...]string{
	FetchUID: "UID", FetchFlags: "FLAGS", FetchInternalDate: "INTERNALDATE", FetchSize: "RFC822.SIZE",
	FetchEnvelope: "ENVELOPE", FetchBodyStructure: "BODYSTRUCTURE", FetchBody: "BODY", FetchBodySection: "BODY",
	FetchRFC822: "RFC822", FetchRFC822Header: "RFC822.HEADER", FetchRFC822Text: "RFC822.TEXT",
	FetchBinary: "BINARY", FetchBinarySize: "BINARY.SIZE", FetchModSeq: "MODSEQ", FetchEmailID: "EMAILID",
	FetchThreadID: "THREADID", FetchSaveDate: "SAVEDATE", FetchPreview: "PREVIEW", FetchPreviewLazy: "PREVIEW",
	FetchGmailMessageID: "X-GM-MSGID", FetchGmailThreadID: "X-GM-THRID", FetchGmailLabels: "X-GM-LABELS",
	FetchAnnotation: "ANNOTATION",
}

// String returns the item's name in a response, without a section.
func (a FetchAtt) String() string {
	if int(a) < len(fetchNames) && fetchNames[a] != "" {
		return fetchNames[a]
	}
	return "UNKNOWN"
}

// Marks reports whether fetching the item sets \Seen (RFC 9051 §6.4.5).
func (i FetchItem) Marks() bool {
	switch i.Att {
	case FetchBodySection, FetchBinary:
		return i.Section != nil && !i.Section.Peek
	case FetchRFC822, FetchRFC822Text:
		return true
	}
	return false
}

// A BodySection names octets of a message: BODY[…]<…>, or
// BINARY[…]<…>.
type BodySection struct {
	Path    []uint32 // part numbers, from 1; empty for the message itself
	Spec    Section
	Fields  []string // names for SectionHeaderFields and SectionHeaderFieldsNot, as the client spelled them
	Partial *Partial
	Peek    bool

	// Text is the section as the client spelled it, to be echoed. If it is
	// empty, the other fields are written.
	Text string
}

// Section names what to take of a part.
type Section uint8

// The section specifications of RFC 9051 §6.4.5.1.
const (
	SectionAll             Section = iota // the part's body, or the whole message if there is no path
	SectionHeader                         // HEADER
	SectionHeaderFields                   // HEADER.FIELDS
	SectionHeaderFieldsNot                // HEADER.FIELDS.NOT
	SectionText                           // TEXT
	SectionMIME                           // MIME: the header of the part itself; needs a path
)

// Partial is a range of octets: <Offset.Count>.
type Partial struct {
	Offset int64
	Count  int64 // above zero
}
