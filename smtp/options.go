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
