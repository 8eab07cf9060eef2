package imapclient

import (
	"context"
	"iter"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// ChangeKind says what a Change is.
type ChangeKind uint8

// The kinds of a Change, in the order in which Sync yields them.
const (
	Reset    ChangeKind = iota + 1 // all that the program has is void
	Vanished                       // messages have gone
	Changed                        // the flags of a message may have changed
	New                            // a message that the program does not have
)

// String returns the name of the kind.
func (k ChangeKind) String() string {
	switch k {
	case Reset:
		return "reset"
	case Vanished:
		return "vanished"
	case Changed:
		return "changed"
	case New:
		return "new"
	}
	return "unknown"
}

// A Change is what Sync yields.
type Change struct {
	Kind     ChangeKind
	Vanished mailbox.UIDSet // of Vanished: all of them are UIDs of the State

	// Message is that of Changed, with Flags, with ModSeq if the mailbox has
	// mod-sequences, and with Gmail if that is one of the items; or that of New,
	// with the items. Its bodies can be read until the loop's next step.
	Message *Message
}

// SyncLevel says how much Sync can do: what changes it learns of at what cost.
type SyncLevel uint8

// The levels, the best last.
const (
	SyncScan      SyncLevel = iota // the flags of all messages are read: each known message is a Changed
	SyncCondStore                  // CONDSTORE tells which flags have changed; the UIDs are read if messages have gone
	SyncQResync                    // QRESYNC tells both (RFC 7162)
)

// String returns the name of the level.
func (l SyncLevel) String() string {
	switch l {
	case SyncQResync:
		return "QRESYNC"
	case SyncCondStore:
		return "CONDSTORE"
	}
	return "scan"
}

// SyncLevel returns the level of Sync in this mailbox. Besides the server's
// capabilities it depends on whether the mailbox has mod-sequences (RFC 7162
// §3.1.2.2). It waits for SELECT, after SelectOptions.NoWait.
func (m *Mailbox) SyncLevel() SyncLevel {
	<-m.sel.done
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.syncLevel()
}

// syncLevel is SyncLevel with mu held.
func (m *Mailbox) syncLevel() SyncLevel {
	switch c := m.c; {
	case m.info.HighestModSeq == 0 || !c.caps.Has(imap.CapCondStore):
		return SyncScan
	case c.caps.Has(imap.CapQResync) && c.enabled.Has(imap.CapQResync):
		return SyncQResync
	}
	return SyncCondStore
}

// Sync yields what has changed in the mailbox since the state, and moves the state
// forward. At each step the state is true of all that was yielded before: a program
// that saves it at any step, together with its data, loses nothing by a crash, and
// is told a few things once more. Sync does nothing until it is ranged over; s must
// not be used by others meanwhile, and belongs to one mailbox.
//
// The order is Reset, Vanished, Changed, and New in ascending order, as far as the
// server keeps to it. If more than 65,536 messages have changed, Vanished and
// Changed alternate.
//
// Reset comes if the mailbox has another UIDVALIDITY than the state, or none; all
// messages are then New. A Changed that the program knows already is possible: its
// own changes come back, and at the level SyncScan each message that it has is a
// Changed, for the program to compare.
//
// An error that comes with a Change concerns its message alone, which counts as
// yielded, and the loop may go on; any other ends the loop. Messages that arrive
// while Sync runs may come with the next one.
//
// If nothing has changed, which the server has told by SELECT and since then,
// nothing is sent.
func (m *Mailbox) Sync(ctx context.Context, s *State, items ...Item) iter.Seq2[*Change, error] {
	return func(yield func(*Change, error) bool) {
		y := &syncing{m: m, ctx: ctx, s: s, items: items, yield: yield}
		defer y.stop()
		if err := y.run(); err != nil && err != errLeft {
			yield(nil, err)
		}
	}
}
