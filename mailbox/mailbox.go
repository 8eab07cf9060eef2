package mailbox

import (
	"context"
	"iter"
)

// A Mailbox is a set of messages and a modification sequence.
//
// Every message has a UID that is never used again, ascending in the order of
// arrival, and a ModSeq. Every change gives the messages it touches a ModSeq
// higher than any that the mailbox has had; the store keeps the UID of an
// expunged message with such a ModSeq. A reader that knows the mailbox as of some
// [State] learns of later changes from Changes.
//
// Changes become visible in the order of their ModSeqs: when a reader has seen
// HighestModSeq n, no change with a ModSeq of n or less can appear later. In
// the same way, when a reader has seen UIDNext u, no message with a UID below
// u can appear later.
//
// Calls ignore UIDs of a UIDSet that don't exist; the set may reach to the
// highest UID (see [AllUIDs]).
//
// The memory of a call does not grow with the mailbox, except for sets of UIDs,
// which grow with the gaps in them; and no call delays those of other accounts
// for longer than a few milliseconds. SetFlags and Expunge may therefore work in
// slices: other readers can see a part of the change, and if an error ends the
// call, the finished part remains and is in the result. Each message is changed
// in one step. Append is all or none: a store may limit how many messages it takes at
// once. So are Copy and Move; but with very many messages (a thousand and more) they
// may work in slices as well: an error then ends Move as it ends Expunge, and Copy
// takes back what it has done, which other readers may have seen.
//
// Info().Access says what the user may do. A call that needs a right that the
// user lacks returns ErrReadOnly if the user can change nothing in the mailbox,
// and ErrPermission otherwise.
type Mailbox interface {
	// Info describes the mailbox as it was when the handle was opened. ID and
	// UIDValidity never change.
	Info() Info

	// Status returns the counters. It is cheap: its cost does not grow with
	// the mailbox.
	Status(ctx context.Context) (Status, error)

	// Snapshot returns all UIDs, with the State of the same instant. It is for
	// a new reader; later it calls Changes.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Changes returns what has changed since a state, all as of the same
	// instant. A message that was added and expunged since then is in Vanished
	// or in no set. A store that no longer remembers all expunges since then
	// returns in Vanished every UID below UIDNext that does not exist. A ModSeq
	// above HighestModSeq yields no changes.
	//
	// A reader that has a ModSeq but no UIDNext, such as an IMAP client that
	// synchronizes anew, passes MaxUID for it: then every message with a higher
	// ModSeq is in Changed.
	Changes(ctx context.Context, since State) (Changes, error)

	// Messages yields the messages of the set in ascending order of UID, with
	// the parts that want names. It makes one pass over the mailbox, in memory
	// that does not grow with the mailbox. A message, and all that it points
	// to except Flags, is valid until the next step of the iteration. A message
	// expunged during the iteration may be yielded or not; one that arrives
	// during it is not yielded. The sequence may be used again, and then yields
	// the messages that exist by then.
	//
	// A damaged message does not affect others: Messages yields a
	// [*MessageError] in its place, with a nil message, and continues. Any
	// other error ends the iteration.
	//
	// The caller may call other methods of the store, this one included,
	// within the loop: a store holds no lock while it yields.
	Messages(ctx context.Context, set UIDSet, want Want) iter.Seq2[*Message, error]

	// Append adds messages in the order given, all or none. It reads each
	// Incoming once and never holds one in memory. When it returns, the
	// messages are durable. ErrTooLarge, before anything is read if Size is too
	// large; ErrOverQuota, ErrLimit, ErrReadOnly; ErrSize if the Body ends
	// before or after Size; an error of the Body is returned wrapped. Append,
	// Copy and Move omit flags that the user has no right to set (RFC 4314 §4).
	Append(ctx context.Context, msgs ...Incoming) (Result, error)

	// SetFlags changes the flags of the messages of the set. Messages that
	// already have the resulting flags keep their ModSeq. Flags that the user
	// may not change (see Access.MayChange) are not changed; if the user may
	// change none, the error is ErrPermission or ErrReadOnly. ErrLimit.
	SetFlags(ctx context.Context, set UIDSet, change FlagChange) (FlagResult, error)

	// Expunge removes the messages of the set that have all the flags of
	// having (the zero FlagSet: all messages of the set). ErrReadOnly.
	Expunge(ctx context.Context, set UIDSet, having FlagSet) (Result, error)

	// Copy appends the messages of the set, with flags and dates, to another
	// mailbox of the account, all or none, in ascending order. ErrNotExist if
	// there is no such mailbox, even if the set is empty; ErrOverQuota,
	// ErrLimit, ErrReadOnly. Copying into the same mailbox is allowed: the
	// messages are those of the set that exist when the call begins, and none of
	// their copies, also if the set has UIDs that these get.
	Copy(ctx context.Context, set UIDSet, dest string) (Result, error)

	// Move copies and expunges in one step: no reader sees a message in both
	// mailboxes or in neither. It needs no space in a quota that both mailboxes
	// share. Moving into the same mailbox gives the messages new UIDs, each once.
	Move(ctx context.Context, set UIDSet, dest string) (Result, error)
}
