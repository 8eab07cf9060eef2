package mailbox

import (
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// An Entry holds what a store knows of a message without reading it. It is a
// value; copies share nothing mutable.
type Entry struct {
	UID          UID
	ModSeq       ModSeq
	Flags        FlagSet
	InternalDate time.Time // when the message was received; kept to the second, with its zone
	SaveDate     time.Time // when it was saved in this mailbox, to the second (RFC 8514); zero if unknown
	Size         int64     // octets
	EmailID      string    // same content, same ID: kept by Copy and Move (RFC 8474); empty if the store has none
	ThreadID     string    // empty if the store has no threads
}

// A Message is what Mailbox.Messages yields: the UID, and the parts requested.
// Other fields may be set or not.
type Message struct {
	Entry                        // with WantFlags UID, ModSeq and Flags; with WantEntry all of it
	Envelope   *message.Envelope // with WantEnvelope
	Structure  *message.Part     // with WantStructure
	References []string          // with WantReferences: the identifiers of the References field, in order
	Preview    string            // with WantPreview (RFC 8970)
	Header     Content           // with WantHeader: the header with the empty line that ends it
	Content    Content           // with WantContent: the whole message
}

// Located returns the structure with the offsets of its parts, for a message
// read with WantStructure and WantContent. If the store does not know the
// offsets, Located parses the message.
func (m *Message) Located() (*message.Part, error) {
	if m.Structure != nil && m.Structure.Located {
		return m.Structure, nil
	}
	sum, _, err := message.Parse(io.NewSectionReader(m.Content, 0, m.Content.Size()), nil)
	if err != nil {
		return nil, err
	}
	return sum.Root, nil
}

// Want tells Messages what to yield besides the UID. A store reads and decodes
// no more than that.
type Want uint8

// The parts that can be requested.
const (
	WantFlags      Want = 1 << iota // Entry.ModSeq and Entry.Flags
	WantEntry                       // all of Entry, flags included
	WantEnvelope                    // Message.Envelope
	WantStructure                   // Message.Structure
	WantReferences                  // Message.References
	WantPreview                     // Message.Preview
	WantHeader                      // Message.Header
	WantContent                     // Message.Content
)

// WantSummary is all parts that are parsed when a message arrives.
const WantSummary = WantEnvelope | WantStructure | WantReferences | WantPreview

// Content is the octets of a message, as they were appended. It may be read from
// several goroutines. If it is also an io.WriterTo, that is the fastest way to
// read all of it.
type Content interface {
	io.ReaderAt
	Size() int64
}

// A MessageError says that one message can't be read, because it is damaged.
// Mailbox.Messages yields it in place of the message and continues; a Content
// returns it, wrapped or not, if only the octets are damaged.
type MessageError struct {
	UID UID
	Err error
}

func (e *MessageError) Error() string { return fmt.Sprintf("mailbox: message %d: %v", e.UID, e.Err) }

// Unwrap returns Err.
func (e *MessageError) Unwrap() error { return e.Err }
