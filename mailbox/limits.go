package mailbox

import "cmp"

// Defaults of Limits. Honest clients stay far below them.
const (
	// DefaultMaxNameLength: a command line of 8,192 octets can hold several such
	// names in modified UTF-7, the longest form.
	DefaultMaxNameLength = 1000

	// DefaultMaxNameDepth bounds what a client has to draw, and how many names
	// there can be that are no mailboxes but have inferiors.
	DefaultMaxNameDepth = 32

	DefaultMaxMailboxes = 10_000
	DefaultMaxKeywords  = 1000

	// DefaultMaxKeywordLength is what JMAP allows (RFC 8621 §4.1.1). SELECT tells
	// all keywords of a mailbox in one line, twice: with both defaults, a line has
	// 256 KB at most.
	DefaultMaxKeywordLength = 255
)

// Limits are the bounds of an account. To a store that is opened with it, a field of
// zero is the default and a negative one no limit.
type Limits struct {
	MaxMessageSize int64 // octets; no limit by default
	MaxNameLength  int   // octets of a mailbox name; see ValidName
	MaxNameDepth   int   // levels of a mailbox name

	// MaxMailboxes is how many mailboxes an account may have, and also how many
	// subscriptions.
	MaxMailboxes int

	MaxKeywords      int // different keywords in one mailbox
	MaxKeywordLength int // octets; see ValidKeywords
}

// WithDefaults returns the limits with the defaults in the place of zero fields.
func (l Limits) WithDefaults() Limits {
	l.MaxNameLength = cmp.Or(l.MaxNameLength, DefaultMaxNameLength)
	l.MaxNameDepth = cmp.Or(l.MaxNameDepth, DefaultMaxNameDepth)
	l.MaxMailboxes = cmp.Or(l.MaxMailboxes, DefaultMaxMailboxes)
	l.MaxKeywords = cmp.Or(l.MaxKeywords, DefaultMaxKeywords)
	l.MaxKeywordLength = cmp.Or(l.MaxKeywordLength, DefaultMaxKeywordLength)
	return l
}
