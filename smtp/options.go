package smtp

import "time"

// MailOptions are the parameters of MAIL FROM. The zero value is none of them.
// Which extension must be there for a field to be sent stands beside it.
type MailOptions struct {
	// Size is the message's size in octets as the client reckons it (SIZE,
	// RFC 1870); zero: not told.
	Size int64

	// Body tells what the content needs (8BITMIME, RFC 6152; BINARYMIME, RFC
	// 3030); empty: not told.
	Body BodyType

	// UTF8 says that addresses or header fields are in UTF-8 (SMTPUTF8, RFC
	// 6531).
	UTF8 bool

	// Auth is the identity that submitted the message (AUTH, RFC 4954 §5). Nil:
	// not told; the zero Address: told to be unknown.
	Auth *Address

	// Return says how much of the message a notification of failure should
	// return, EnvelopeID is text for the sender to know it by: printable
	// ASCII, at most 100 octets when encoded (DSN, RFC 3461 §4.3, §4.4).
	Return     Return
	EnvelopeID string

	// RequireTLS asks that the message be relayed over TLS only, with
	// certificates that hold (REQUIRETLS, RFC 8689).
	RequireTLS bool

	// Priority is from -9 to 9 (MT-PRIORITY, RFC 6710). Nil: not told.
	Priority *int

	// DeliverBy sets a time for the delivery (DELIVERBY, RFC 2852).
	DeliverBy *DeliverBy

	// HoldFor and HoldUntil ask that the message be kept back for a time or
	// until an instant; one of them at most (FUTURERELEASE, RFC 4865).
	HoldFor   time.Duration // whole seconds
	HoldUntil time.Time

	// Solicit holds solicitation class keywords (NO-SOLICITING, RFC 3865).
	Solicit []string

	// Track asks that the message be tracked (MTRK, RFC 3885).
	Track *Track

	// ConversionPermitted lets servers convert the content (CONPERM, RFC
	// 4141).
	ConversionPermitted bool
}

// RcptOptions are the parameters of RCPT TO. The zero value is none of them.
type RcptOptions struct {
	// Notify says when the sender wants to be notified about the recipient,
	// Original is the recipient as the sender named it (DSN, RFC 3461 §4.1,
	// §4.2).
	Notify   Notify
	Original OriginalRecipient

	// ValidSince asks that the message go only to a mailbox whose owner is
	// the same since then (RRVS, RFC 7293). ValidSinceAction tells a relay what
	// to do where the next server lacks the extension: 'R' to reject, 'C' to
	// continue, zero if the client didn't say.
	ValidSince       time.Time
	ValidSinceAction byte

	// ConversionNegotiated tells that the sender knows what the recipient can
	// handle (CONNEG, RFC 4141).
	ConversionNegotiated bool
}

// A BodyType is what a message's content is declared to be.
type BodyType string

// The body types of RFC 6152 and RFC 3030.
const (
	Body7Bit       BodyType = "7BIT"
	Body8BitMIME   BodyType = "8BITMIME"
	BodyBinaryMIME BodyType = "BINARYMIME"
)

// Return says how much of a message should come back.
type Return string

// The values of RET.
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// Notify is a set of events that the sender wants to hear of. NotifyNever
// stands alone; zero leaves it to the server.
type Notify uint8

// The events of NOTIFY.
const (
	NotifySuccess Notify = 1 << iota
	NotifyFailure
	NotifyDelay
	NotifyNever
)

// notifyNames in the order of the bits.
var notifyNames = [...]string{"SUCCESS", "FAILURE", "DELAY", "NEVER"}

// An OriginalRecipient is the address of ORCPT: its type ("rfc822", "utf-8", …)
// and the address, decoded.
type OriginalRecipient struct{ Type, Address string }

// DeliverBy is the deadline of RFC 2852.
type DeliverBy struct {
	// Within is in whole seconds, zero or less once the time is over.
	Within time.Duration

	// Return says that the message shall come back when the time is over; if
	// not, it is delivered and the sender is told.
	Return bool

	// Trace asks for a notification when the message goes to a server without
	// the extension.
	Trace bool
}

// Track is the certifier of RFC 3885: a digest of the secret by which the sender
// will ask, and how long to keep the information, zero for the server's choice.
type Track struct {
	Certifier []byte
	Timeout   time.Duration // whole seconds
}
