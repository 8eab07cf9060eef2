package mailbox

import (
	"fmt"
	"io"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// An Entry is what is known of a message without reading it. It is a value;
// copies share nothing mutable.
type Entry struct {
	UID          UID
	ModSeq       ModSeq
	Flags        FlagSet
	InternalDate time.Time // when the message was received; kept to the second, with its zone
	SaveDate     time.Time // when it came into this mailbox, to the second (RFC 8514); zero where the store does not know
	Size         int64     // octets
	EmailID      string    // same content, same ID: kept by Copy and Move (RFC 8474); empty where the store has none
	ThreadID     string    // empty where the store knows no threads
}

// A Message is what Mailbox.Messages yields: the UID, and what was asked for.
// Other fields may be set or not.
type Message struct {
	Entry                        // with WantFlags UID, ModSeq and Flags; with WantEntry all of it
	Envelope   *message.Envelope // with WantEnvelope
	Structure  *message.Part     // with WantStructure
	References []string          // with WantReferences: the identifiers of the References field, in its order
	Preview    string            // with WantPreview (RFC 8970)
	Header     Content           // with WantHeader: the header with the empty line that ends it
	Content    Content           // with WantContent: the whole message
}

// Located returns the structure with the offsets of its parts, for a message
// read with WantStructure and WantContent. Where the store does not know the
// offsets, the message is parsed for them.
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

// What can be asked for.
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

// WantSummary is all that was parsed when the message arrived.
const WantSummary = WantEnvelope | WantStructure | WantReferences | WantPreview

// Content is the octets of a message, unchanged from what was appended. It may
// be read from several goroutines. It may also be an io.WriterTo, which is then
// the fastest way to read all.
type Content interface {
	io.ReaderAt
	Size() int64
}

// A MessageError says that one message can't be read, because it is damaged.
// Mailbox.Messages yields it in place of the message and goes on; a Content
// returns it, wrapped or not, where only the octets are damaged.
type MessageError struct {
	UID UID
	Err error
}

func (e *MessageError) Error() string { return fmt.Sprintf("mailbox: message %d: %v", e.UID, e.Err) }

// Unwrap returns Err.
func (e *MessageError) Unwrap() error { return e.Err }
