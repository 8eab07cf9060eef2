package smtp

import "time"

// MailOptions are the parameters of MAIL FROM. The zero value sets none of
// them. Each field names the extension that the server must announce.
type MailOptions struct {
	// Size is the size of the message in octets as estimated by the client
	// (SIZE, RFC 1870); zero: not given.
	Size int64

	// Body is the type of the content (8BITMIME, RFC 6152; BINARYMIME, RFC
	// 3030); empty: not given.
	Body BodyType

	// UTF8 says that addresses or header fields are in UTF-8 (SMTPUTF8, RFC
	// 6531).
	UTF8 bool

	// Auth is the identity that submitted the message (AUTH, RFC 4954 §5). Nil:
	// not given; the zero Address: "<>", unknown.
	Auth *Address

	// Return says how much of the message a notification of failure should
	// return, EnvelopeID is text by which the sender recognises it: printable
	// ASCII, at most 100 octets when encoded (DSN, RFC 3461 §4.3, §4.4).
	Return     Return
	EnvelopeID string

	// RequireTLS requests that the message be relayed over TLS only, with
	// verified certificates (REQUIRETLS, RFC 8689).
	RequireTLS bool

	// Priority is from -9 to 9 (MT-PRIORITY, RFC 6710). Nil: not given.
	Priority *int

	// DeliverBy sets a time for the delivery (DELIVERBY, RFC 2852).
	DeliverBy *DeliverBy

	// HoldFor and HoldUntil request that the message be held for a time or
	// until an instant; at most one may be set (FUTURERELEASE, RFC 4865).
	HoldFor   time.Duration // whole seconds
	HoldUntil time.Time

	// Solicit holds solicitation class keywords (NO-SOLICITING, RFC 3865).
	Solicit []string

	// Track requests that the message be tracked (MTRK, RFC 3885).
	Track *Track

	// ConversionPermitted allows servers to convert the content (CONPERM, RFC
	// 4141).
	ConversionPermitted bool
}

// RcptOptions are the parameters of RCPT TO. The zero value sets none of them.
type RcptOptions struct {
	// Notify says when the sender wants to be notified about the recipient,
	// Original is the recipient as the sender named it (DSN, RFC 3461 §4.1,
	// §4.2).
	Notify   Notify
	Original OriginalRecipient

	// ValidSince requests delivery only to a mailbox that has had the same
	// owner since then (RRVS, RFC 7293). ValidSinceAction tells a relay what to
	// do if the next server lacks the extension: 'R' to reject, 'C' to
	// continue, zero if not given.
	ValidSince       time.Time
	ValidSinceAction byte

	// ConversionNegotiated says that the sender knows the recipient's
	// capabilities (CONNEG, RFC 4141).
	ConversionNegotiated bool
}
