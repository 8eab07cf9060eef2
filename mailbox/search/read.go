package search

import (
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// needs are the parts of a message that a test looks at, the cheapest first.
type needs uint8

const (
	needsFlags needs = 1 << iota // and ModSeq
	needsEntry
	needsEnvelope
	needsHeader
	needsContent // and structure
)

// all adds the parts that other parts include.
func (n needs) all() needs {
	if n&needsEntry != 0 {
		n |= needsFlags
	}
	if n&needsContent != 0 {
		n |= needsHeader
	}
	return n
}

// passes returns the parts to read in each pass: one more than in the pass before,
// which decides what it can. A part that another one includes has no pass of its
// own.
func (n needs) passes() []needs {
	var out []needs
	for part := needsFlags; part <= needsContent; part <<= 1 {
		if n&part == 0 || part == needsFlags && n&needsEntry != 0 || part == needsHeader && n&needsContent != 0 {
			continue
		}
		out = append(out, n&(part<<1-1))
	}
	return out
}

// want returns the Want for Mailbox.Messages.
func (n needs) want() mailbox.Want {
	var w mailbox.Want
	if n&needsFlags != 0 {
		w |= mailbox.WantFlags
	}
	if n&needsEntry != 0 {
		w |= mailbox.WantEntry
	}
	if n&needsEnvelope != 0 {
		w |= mailbox.WantEnvelope
	}
	switch {
	case n&needsContent != 0:
		w |= mailbox.WantStructure | mailbox.WantContent
	case n&needsHeader != 0:
		w |= mailbox.WantHeader
	}
	return w
}

// headerOf reads the header, from the content if that was read.
func headerOf(msg *mailbox.Message) io.Reader {
	c := msg.Content
	if c == nil {
		c = msg.Header
	}
	return io.NewSectionReader(c, 0, c.Size())
}

// asMessageError returns the MessageError in err, or nil.
func asMessageError(err error) *mailbox.MessageError {
	var damaged *mailbox.MessageError
	if errors.As(err, &damaged) {
		return damaged
	}
	return nil
}
