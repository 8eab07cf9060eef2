package mailbox

import (
	"context"
	"iter"
)

// A Mailbox is a set of messages and a modification sequence.
//
// Every message has a UID that is never used again, ascending in the order of
// arrival, and a ModSeq. Every change gives the messages it touches a ModSeq
// higher than any that the mailbox has had; an expunge leaves the UID behind
// with such a ModSeq. A reader who knows the mailbox as of some [State] learns
// the rest from Changes.
//
// Changes become visible in the order of their ModSeqs: when a reader has seen
// HighestModSeq n, no change with a ModSeq of n or less can appear later. In
// the same way, when a reader has seen UIDNext u, no message with a UID below
// u can appear later.
//
// Where a call takes a UIDSet, UIDs in it that don't exist are passed over
// without error; the set may reach to the highest UID (see [AllUIDs]).
//
// No call needs memory that grows with the mailbox, but for sets of UIDs, which
// grow with the gaps in them; and none delays the calls of other accounts, or
// of other mailboxes, for longer than a few milliseconds. SetFlags and Expunge
// may therefore do their work in slices: others can see a part of it done, and
// where an error ends the call, the part that is done stays done and is in the
// result. Each message is changed in one step.
//
// What the user may do is known from Info().Access. A call that needs a right
// that the user lacks returns ErrReadOnly where nothing in the mailbox can be
// changed, and ErrPermission elsewhere.
type Mailbox interface {
	// Info describes the mailbox as it was when the handle was opened. ID and
	// UIDValidity never change.
	Info() Info

	// Status returns the counters. It is cheap: its cost does not grow with
	// the mailbox.
	Status(ctx context.Context) (Status, error)

	// Snapshot returns all UIDs, with the State of the same instant. It is for
	// a reader that begins; one that goes on asks Changes.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Changes returns what has changed since a state, all as of the same
	// instant. A message that came and went in between appears in Vanished or
	// nowhere. A store that has forgotten expunges that far back returns in
	// Vanished every UID below UIDNext that does not exist. After a ModSeq
	// that the mailbox has not reached yet, nothing has changed.
	//
	// A reader that has a ModSeq but no UIDNext, such as an IMAP client that
	// synchronizes anew, passes MaxUID for it: then every message with a higher
	// ModSeq is in Changed.
	Changes(ctx context.Context, since State) (Changes, error)

	// Messages yields the messages of the set in ascending order of UID, with
	// what want asks for. It is the one bulk read, one pass over the mailbox
	// in memory that does not grow with it. A message, and all that it points
	// to but Flags, is valid until the next step of the iteration: copy what
	// is to be kept. A message expunged while the iteration runs may be passed
	// over or yielded; one that arrives meanwhile is not yielded. The sequence
	// may be run over again, and then yields what there is by then.
	//
	// A damaged message costs itself only: a [*MessageError] is yielded in its
	// place, with a nil message, and the iteration goes on. Any other error
	// ends it.
	//
	// The caller may call other methods of the store, this one included,
	// within the loop: a store holds no lock while it yields.
	Messages(ctx context.Context, set UIDSet, want Want) iter.Seq2[*Message, error]

	// Append adds messages in the order given, all or none. It reads each
	// Incoming once and never holds one in memory. When it returns, the
	// messages are durable. ErrTooLarge, before anything is read if the Size
	// says so; ErrOverQuota, ErrLimit, ErrReadOnly; a Body that ends before or
	// after Size is ErrSize, and an error of the Body is returned wrapped.
	// Flags that the user has no right to set are left out, here as in Copy and
	// Move (RFC 4314 §4).
	Append(ctx context.Context, msgs ...Incoming) (Result, error)

	// SetFlags changes the flags of the messages of the set. Messages whose
	// flags are already so keep their ModSeq. Flags that the user may not
	// change (see Access.MayChange) are left as they are; where the user may
	// change none, that is ErrPermission or ErrReadOnly. ErrLimit.
	SetFlags(ctx context.Context, set UIDSet, change FlagChange) (FlagResult, error)

	// Expunge removes those messages of the set that have all the flags of
	// having (the zero FlagSet: all of them). ErrReadOnly.
	Expunge(ctx context.Context, set UIDSet, having FlagSet) (Result, error)

	// Copy appends the messages of the set, with flags and dates, to another
	// mailbox of the account, all or none, in ascending order. ErrNotExist if
	// there is no such mailbox, also where the set is empty; ErrOverQuota,
	// ErrLimit, ErrReadOnly. Copying into the same mailbox is allowed.
	Copy(ctx context.Context, set UIDSet, dest string) (Result, error)

	// Move copies and expunges in one step: nobody ever sees a message in
	// both mailboxes or in none. It takes no room in a quota that both
	// mailboxes share. Moving into the same mailbox gives the messages new
	// UIDs.
	Move(ctx context.Context, set UIDSet, dest string) (Result, error)
}
