package search

import (
	"errors"
	"fmt"
	"io"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
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
	w := mailbox.WantEntry
	if n&needsEnvelope != 0 {
		w |= mailbox.WantSummary
	}
	if n&(needsHeader|needsContent) != 0 {
		w |= mailbox.WantSummary | mailbox.WantContent
	}
	return w
}

func envelopeOf(msg *mailbox.Message) *message.Envelope { return &msg.Summary.Envelope }

func structureOf(msg *mailbox.Message) *message.Part { return msg.Summary.Root }

func headerOf(msg *mailbox.Message) io.Reader {
	return msg.Summary.Root.Header().Reader(msg.Content)
}

// A MessageError says that one message can't be read, because it is damaged.
type MessageError struct {
	UID mailbox.UID
	Err error
}

func (e *MessageError) Error() string { return fmt.Sprintf("mailbox: message %d: %v", e.UID, e.Err) }

// Unwrap returns Err.
func (e *MessageError) Unwrap() error { return e.Err }

// asMessageError returns the MessageError in err, nil if there is none.
func asMessageError(err error) *MessageError {
	var damaged *MessageError
	if errors.As(err, &damaged) {
		return damaged
	}
	return nil
}
