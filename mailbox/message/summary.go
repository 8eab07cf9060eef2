package message

import "time"

// A Summary is what is worth knowing of a message without reading it again:
// parsed once, when the message arrives, and stored beside it. It is immutable
// once made, and may be shared.
type Summary struct {
	Envelope Envelope
	Root     *Part  // the tree of MIME parts; never nil
	Preview  string // the first 200 characters of readable text (RFC 8970), may be empty
}

// An Envelope is the header of RFC 3501 §7.4.2: the text of the fields as it
// stands in the message, unfolded, RFC 2047 encoded words not decoded (see
// DecodeText), and addresses parsed.
type Envelope struct {
	Date      string    // as in the message
	Time      time.Time // Date parsed, zero if it can't be
	Subject   string
	From      []Address
	Sender    []Address // without a default: the field as it stands
	ReplyTo   []Address
	To        []Address
	Cc        []Address
	Bcc       []Address
	InReplyTo string
	MessageID string // with angle brackets
}

// An Address is an element of an address list: a mailbox, or the start or the
// end of a group.
type Address struct {
	Kind   AddressKind
	Name   string // display name, raw (see DecodeText), unquoted; for GroupStart the group's name
	Route  string // obsolete source route, "@a,@b"
	Local  string // local part, unquoted
	Domain string // empty if the address lacks one
}

// AddressKind tells what an Address stands for.
type AddressKind uint8

const (
	Mailbox AddressKind = iota
	GroupStart
	GroupEnd
)

// A Part is a node of the MIME tree, with its place in the message.
type Part struct {
	Type, Subtype     string  // lower case; "text" and "plain" where the message says nothing usable
	Params            []Param // in the order of the message, names in lower case, RFC 2231 joined, values raw otherwise
	ID                string  // Content-ID, with angle brackets
	Description       string
	Encoding          string // Content-Transfer-Encoding in lower case, "7bit" by default
	MD5               string
	Disposition       string // lower case, empty if there is none
	DispositionParams []Param
	Language          []string
	Location          string

	// Offsets in octets from the start of the message. The header reaches from
	// HeaderOffset to BodyOffset, with the empty line that ends it, and the
	// body from BodyOffset over BodySize octets, without the line break that
	// belongs to a boundary. For the root, the header is the message's own.
	HeaderOffset int64
	BodyOffset   int64
	BodySize     int64
	Lines        int64 // line ends in the body; a last line without one counts too

	// Children are the parts of a multipart, or the one message within a
	// message/rfc822 or message/global, whose Envelope is that message's.
	Children []*Part
	Envelope *Envelope
}

// Param is a parameter of Content-Type or Content-Disposition.
type Param struct{ Name, Value string }
