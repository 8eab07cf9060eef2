package mailbox

import "context"

// A Store holds the mail of many accounts.
//
// All its methods, and those of the values it returns, are safe for concurrent
// use. A call whose context is done returns an error that wraps ctx.Err(); if the
// context was done before the call, the call changes nothing.
type Store interface {
	// Account opens the account of that name, as an authenticator or a delivery
	// resolver returned it; the store compares it byte for byte. ErrNotExist if
	// there is none.
	Account(ctx context.Context, name string) (Account, error)
}

// An Account is the mail of one user: a set of named mailboxes, of which INBOX
// always exists.
//
// Names are UTF-8 in Unicode normalization form C; "/" separates the levels of
// the hierarchy. "INBOX" is compared without regard to case and returned in
// capitals, as a name of its own or as the first level of another; all other
// names are compared byte for byte. See [ValidName] for the names that are refused.
//
// The list can also include mailboxes of other accounts, under the prefixes that
// a [Namespacer] returns; [Info.Access] says what the user may do with each.
type Account interface {
	// Mailboxes lists every mailbox, ordered by name, and also subscribed names
	// that have no mailbox (Info.NonExistent). It does not list superior names
	// that are not mailboxes. want names optional parts of Info: a store with
	// many mailboxes reads them for all in one step.
	Mailboxes(ctx context.Context, want ListWant) ([]Info, error)

	// Mailbox opens a mailbox by name. The handle follows the mailbox, not
	// the name: after a rename it reads the same messages, and after a deletion
	// its calls return ErrNotExist, even if a new mailbox has the name. It
	// holds no resources and need not be closed.
	Mailbox(ctx context.Context, name string) (Mailbox, error)

	// Create creates one mailbox and none of its superiors. opts may be nil.
	// ErrExist, ErrInvalidName, ErrLimit, ErrOverQuota, ErrPermission.
	Create(ctx context.Context, name string, opts *CreateOptions) (Info, error)

	// Rename gives a mailbox, and every inferior of it, another name, all or
	// none. from need not be a mailbox itself if it has inferiors. IDs, UIDs
	// and UIDVALIDITY don't change. Subscriptions stay with the names. INBOX
	// can't be renamed, nor any mailbox to a name below itself
	// (ErrInvalidName): the server implements the renaming of INBOX (RFC 3501
	// §6.3.5) with Create and Move. ErrNotExist, ErrExist, ErrPermission.
	Rename(ctx context.Context, from, to string) error

	// Delete removes the mailbox and its messages, and no inferior of it.
	// INBOX can't be deleted (ErrInvalidName). A mailbox created later
	// with the name has a new ID and a UIDVALIDITY that the name never had.
	// ErrNotExist, ErrPermission.
	Delete(ctx context.Context, name string) error

	// Subscribe adds the name to the subscriptions, or removes it. The name
	// need not exist, but must be valid to be added; adding a name twice is not
	// an error. ErrInvalidName, ErrLimit.
	Subscribe(ctx context.Context, name string, on bool) error

	// Watch reports changes to the account, by all processes. Events are
	// hints, sent after the change is visible. Events for one mailbox may be
	// merged, but none is lost: every change is followed by an event. A slow
	// reader delays no other call. The channel is closed when ctx is done or
	// the store is closed.
	Watch(ctx context.Context) (<-chan Event, error)

	// Limits returns the limits of the account. A field that is zero or negative
	// means that there is none, or none that is known.
	Limits() Limits

	// Close releases the handle. Mailboxes opened through it must not be used
	// afterwards.
	Close() error
}

// ListWant names the optional parts of Info that Account.Mailboxes sets.
type ListWant uint8

// The parts that can be requested; the zero value requests none.
const (
	ListStatus ListWant = 1 << iota // Info.Status
)

// CreateOptions refine Account.Create.
type CreateOptions struct {
	SpecialUse SpecialUse
}
