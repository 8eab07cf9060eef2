package mailbox

import (
	"io"
	"time"
)

// An Incoming is a message to be added to a mailbox. The store reads Size octets
// from Body, and then once more to see io.EOF; it stores the octets unchanged
// and never refuses a message because of its contents.
type Incoming struct {
	Body         io.Reader
	Size         int64     // octets; SizeUnknown: all until io.EOF
	Flags        FlagSet   // \Recent is ignored
	InternalDate time.Time // zero: now
}

// SizeUnknown as the Size of an Incoming makes the store read until io.EOF, up
// to the account's MaxMessageSize.
const SizeUnknown = -1
