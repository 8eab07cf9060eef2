package imapclient

import (
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// An Event is something that the server tells unasked: an *Update, *Alert,
// *MailboxStatus, *MailboxChanged, *MetadataChanged, *AnnotationsChanged, *Unknown or
// *Malformed. See Client.Watch.
type Event any

// An Update says what has changed in the selected mailbox since the last Update.
type Update struct {
	Mailbox  *Mailbox
	Exists   int            // how many messages there are now
	Arrived  int            // how many are new
	New      Set            // and which: those with UIDs above all that were told of before
	Messages []*Message     // the first 1,000 of them, with the items of WatchOptions.Fetch
	Removed  int            // how many were expunged
	Vanished mailbox.UIDSet // and which, as far as their UIDs are known
	Flags    []FlagUpdate   // the last word on each message whose flags have changed, at most 16,384 …
	Lost     bool           // … or else this: there were changes that are not in here; Sync or Fetch(Flags) tells
}

// FlagUpdate is the flags of one message, as they are now.
type FlagUpdate struct {
	UID    mailbox.UID
	Flags  mailbox.FlagSet
	ModSeq mailbox.ModSeq // zero: not told
}

const (
	maxFlagUpdates = 16384
	maxFlagOctets  = 4 << 20 // if many have many keywords, fewer
)

// An Alert is a text that must be shown to the user (RFC 9051 §7.1, ALERT).
type Alert struct{ Text string }

// MailboxStatus is the STATUS of a mailbox that was not asked for (RFC 5465).
type MailboxStatus struct{ *imap.StatusData }

// MailboxChanged says that a mailbox was created, renamed (OldName), deleted
// (\NonExistent) or subscribed to (RFC 5465).
type MailboxChanged struct{ *imap.ListData }

// MetadataChanged says that annotations of a mailbox, or of the server where Mailbox is
// empty, have changed (RFC 5464 §4.4.2). Servers tell if METADATA or METADATA-SERVER is
// among Options.Enable.
type MetadataChanged struct {
	Mailbox string
	Entries []string // their names; Client.Metadata tells the values
}

// AnnotationsChanged says that annotations of a message have changed (RFC 5257 §4.4). See
// SelectOptions.Annotate.
type AnnotationsChanged struct {
	Mailbox *Mailbox
	UID     mailbox.UID // zero: not known
	Entries []string    // their names; Fetch with Annotation tells the values
}

// Unknown is a response that this package does not know, or that nobody has asked for.
type Unknown struct {
	Name   string // in capitals
	Number uint32 // the number before the name, if there was one
	Values []imap.Value
}

// Malformed is a response that can't be understood.
type Malformed struct {
	Raw []byte // at most 64 KiB of it
	Err error
}

// maxEvents is how many events wait for Watch. Of more, the oldest that are
// neither updates nor alerts are dropped.
// Nor do they exceed maxEventOctets.
const (
	maxEvents      = 1000
	maxEventOctets = 4 << 20
	maxAlert       = 4096 // octets of the text of one
)

// events are what waits for Watch. The Client's mu guards it.
type events struct {
	queue    []Event // a *Mailbox stands for the Update that it will yield
	sizes    []int64 // octets of each
	octets   int64   // of all
	size     int64   // octets of the response that the reader handles
	dropped  int
	signal   chan struct{} // has an element if there is something to be taken
	watching bool
	fetch    *request // what is told of new messages, nil: nothing

	// Of the Watch, which has a goroutine of its own.
	idle    *call     // the IDLE that was issued last, nil if there is none
	until   time.Time // when it is issued anew; zero: never
	refused bool      // the server has refused IDLE
}

// add adds an event. It is called by the reader.
func (e *events) add(ev Event) {
	octets := e.size
	switch ev := ev.(type) {
	case *Alert:
		ev.Text = ev.Text[:min(len(ev.Text), maxAlert)]
		octets = int64(len(ev.Text))
	case *Malformed:
		octets = int64(len(ev.Raw))
	case *Unknown:
		octets *= 16 // values cost more than their octets
	}
	if octets > maxEventOctets {
		e.dropped++
		return
	}
	for len(e.queue) >= maxEvents || len(e.queue) > 0 && e.octets+octets > maxEventOctets {
		at := 0
		for at < len(e.queue)-1 {
			if _, alert := e.queue[at].(*Alert); !alert {
				if _, update := e.queue[at].(*Mailbox); !update {
					break
				}
			}
			at++
		}
		if m, ok := e.queue[at].(*Mailbox); ok { // all others are alerts and updates
			m.queued = false
		}
		e.remove(at)
		e.dropped++
	}
	e.push(ev, octets)
}

func (e *events) push(ev Event, octets int64) {
	e.queue, e.sizes = append(e.queue, ev), append(e.sizes, octets)
	e.octets += octets
	e.wake()
}

func (e *events) remove(at int) {
	e.octets -= e.sizes[at]
	e.queue, e.sizes = slices.Delete(e.queue, at, at+1), slices.Delete(e.sizes, at, at+1)
}

// clear forgets all that waits.
func (e *events) clear() {
	e.only(nil)
	e.queue, e.sizes, e.octets, e.dropped = nil, nil, 0, 0
}

// only forgets the updates of all mailboxes but m.
func (e *events) only(m *Mailbox) {
	for i := 0; i < len(e.queue); i++ {
		if x, ok := e.queue[i].(*Mailbox); ok && x != m {
			x.queued = false
			e.remove(i)
			i--
		}
	}
}

// update notes that a mailbox has an Update. What comes while one waits joins it.
func (e *events) update(m *Mailbox) {
	if !m.queued {
		m.queued = true
		e.push(m, 0)
	}
	e.wake()
}

func (e *events) wake() {
	select {
	case e.signal <- struct{}{}:
	default:
	}
}

func (e *events) endLocked() { e.wake() }

// take returns the next event, nil if there is none. A *Mailbox stands for the
// Update that settle makes.
func (e *events) take() Event {
	if len(e.queue) == 0 {
		return nil
	}
	ev := e.queue[0]
	e.remove(0)
	if m, ok := ev.(*Mailbox); ok {
		m.queued = false
	}
	return ev
}
