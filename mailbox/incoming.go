package mailbox

import (
	"io"
	"time"
)

// An Incoming is a message on its way into a mailbox. The store reads Size
// octets from Body, and then once more to see it end; it stores what it reads
// unchanged and never refuses a message for its contents.
type Incoming struct {
	Body         io.Reader
	Size         int64     // octets; SizeUnknown: all until io.EOF
	Flags        FlagSet   // \Recent is not one
	InternalDate time.Time // zero: now
}

// SizeUnknown as the Size of an Incoming lets the store count by itself: it
// takes all there is, within the account's MaxMessageSize.
const SizeUnknown = -1
