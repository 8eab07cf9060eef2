package message

import "time"

// A Summary holds what is asked of a message most often. It is parsed once,
// when the message arrives, and stored with it. It is immutable and may be
// shared.
type Summary struct {
	Envelope   Envelope
	Root       *Part    // the tree of MIME parts; never nil
	References []string // the message identifiers of the References field, in its order, with angle brackets
	Preview    string   // the first 200 characters of readable text (RFC 8970), may be empty
}

// An Envelope is the header of RFC 3501 §7.4.2: the text of the fields as in
// the message, unfolded (RFC 5322 §2.2.3), RFC 2047 encoded words not decoded
// (see [DecodeText]), and addresses parsed.
//
// Where a field that may occur once occurs twice, the first counts; the
// addresses of several From, To, … fields are joined. No string of an Envelope
// or a Part contains NUL, CR or LF: where the message has them outside a fold,
// they are replaced by a space. Octets above 127 are kept and need not be valid
// UTF-8.
type Envelope struct {
	Date      string    // as in the message
	Time      time.Time // Date parsed, zero if it can't be
	Subject   string
	From      []Address
	Sender    []Address // as in the message: no default is filled in
	ReplyTo   []Address
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo string
	MessageID string // with angle brackets
}

// An Address is an element of an address list: a mailbox, or the start or the
// end of a group.
//
// A mailbox may lack its Domain, or both, where the message does: IMAP then
// requires empty strings, since NIL in place of the domain would mean a group.
type Address struct {
	Kind   AddressKind
	Name   string // display name, raw (see DecodeText), unquoted; for GroupStart the group's name
	Route  string // obsolete source route, "@a,@b"
	Local  string // local part, unquoted
	Domain string // empty if the address lacks one
}

// AddressKind says what an Address stands for.
type AddressKind uint8

// The kinds of Address.
const (
	Mailbox AddressKind = iota
	GroupStart
	GroupEnd
)

// A Part is a node of the MIME tree, with its place in the message.
//
// Two invariants hold without exception: a part is of type multipart if and
// only if it has children, and of type message/rfc822 or message/global if and
// only if it has an Envelope and exactly one child. A multipart without a
// boundary, or without any part, is represented as text/plain; a part nested
// deeper than the limit, or a message with a transfer encoding (which RFC 2046
// §5.2.1 forbids), as application/octet-stream.
type Part struct {
	Type, Subtype     string  // lower case; "text" and "plain" where the message says nothing usable
	Params            []Param // of Content-Type; see Param
	ID                string  // Content-ID, with angle brackets
	Description       string  // raw (see DecodeText)
	Encoding          string  // Content-Transfer-Encoding in lower case, "7bit" by default
	MD5               string
	Disposition       string // lower case, empty if there is none
	DispositionParams []Param
	Language          []string
	Location          string

	// Located says that HeaderOffset and BodyOffset are known, as they are from
	// a Parser. A part that an IMAP server has described has no offsets: reading
	// it by them fails with ErrNotLocated.
	Located bool

	// Offsets in octets from the start of the message. The header extends from
	// HeaderOffset to BodyOffset, including the empty line that ends it. The
	// body starts at BodyOffset and has BodySize octets, without the line break
	// that belongs to a boundary. For the root, the header is the message's
	// own.
	HeaderOffset int64
	BodyOffset   int64
	BodySize     int64
	Lines        int64 // line ends in the body; a last line without one counts too

	// Children are the parts of a multipart, or the one message within a
	// message/rfc822 or message/global, whose Envelope is that message's.
	Children []*Part
	Envelope *Envelope
}

// Param is a parameter of Content-Type or Content-Disposition as in the
// message, in the message's order: the name in lower case and with the marks of
// RFC 2231 ("filename*0*"), the value unquoted but neither joined nor decoded.
// This is what IMAP shows in a BODYSTRUCTURE. [Part.Param],
// [Part.DispositionParam] and [Part.Filename] join and decode.
type Param struct{ Name, Value string }
