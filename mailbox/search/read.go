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

// all adds what is part of something else.
func (n needs) all() needs {
	if n&needsEntry != 0 {
		n |= needsFlags
	}
	if n&needsContent != 0 {
		n |= needsHeader
	}
	return n
}

// passes returns what is read one after the other: each part together with
// those before it, so that whatever is decided by less is decided. What is part
// of something else is no pass of its own.
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

// want returns what Mailbox.Messages is asked for.
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

// headerOf reads the header, as the beginning of the content where that is
// there.
func headerOf(msg *mailbox.Message) io.Reader {
	c := msg.Content
	if c == nil {
		c = msg.Header
	}
	return io.NewSectionReader(c, 0, c.Size())
}

// asMessageError returns the MessageError in err, nil if there is none.
func asMessageError(err error) *mailbox.MessageError {
	var damaged *mailbox.MessageError
	if errors.As(err, &damaged) {
		return damaged
	}
	return nil
}
