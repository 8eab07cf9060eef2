package mailbox

import "context"

// A Store holds the mail of many accounts.
//
// All its methods, and those of the values it returns, are safe for concurrent
// use. A call whose context is done returns an error that wraps ctx.Err(); when
// the context was done before the call, it has done nothing.
type Store interface {
	// Account opens the account of that name. The name is what an
	// authenticator or a delivery resolver returned; the store compares it
	// byte for byte. ErrNotExist if there is none.
	Account(ctx context.Context, name string) (Account, error)
}

// An Account is the mail of one user: a set of named mailboxes, of which INBOX
// always exists.
//
// Names are UTF-8 in Unicode normalization form C; "/" separates the levels of
// the hierarchy. "INBOX" is compared without regard to case and returned in
// capitals, as a name of its own or as the first level of another; all other
// names are compared byte for byte. See [ValidName] for what is refused.
//
// The list can also hold mailboxes of other accounts, under the prefixes that
// a [Namespacer] tells; what the user may do with each is in [Info.Access].
type Account interface {
	// Mailboxes lists every mailbox, ordered by name, and also the names that
	// are subscribed to without existing (Info.NonExistent). Superior names
	// that are no mailboxes are not listed. want says what to tell of each
	// besides: a store with many mailboxes reads it for all in one step.
	Mailboxes(ctx context.Context, want ListWant) ([]Info, error)

	// Mailbox opens a mailbox by name. The handle follows the mailbox, not
	// the name: after a rename it reads the same messages, after a deletion
	// its calls return ErrNotExist, even when another mailbox has the name
	// by then. It needs no closing and holds no resources.
	Mailbox(ctx context.Context, name string) (Mailbox, error)

	// Create makes one mailbox and none of its superiors. opts may be nil.
	// ErrExist, ErrInvalidName, ErrLimit, ErrOverQuota, ErrPermission.
	Create(ctx context.Context, name string, opts *CreateOptions) (Info, error)

	// Rename gives a mailbox, and every inferior of it, another name, all or
	// none. from need not be a mailbox itself if it has inferiors. IDs, UIDs
	// and UIDVALIDITY stay. Subscriptions stay with the names. INBOX can't be
	// renamed, nor any mailbox to a place below itself (ErrInvalidName): what
	// RFC 3501 §6.3.5 wants of INBOX is done by the server, with Create and
	// Move. ErrNotExist, ErrExist, ErrPermission.
	Rename(ctx context.Context, from, to string) error

	// Delete removes the mailbox and its messages, and no inferior of it.
	// INBOX can't be deleted (ErrInvalidName). A mailbox made later under
	// the name has another ID and a UIDVALIDITY that the name never had.
	// ErrNotExist, ErrPermission.
	Delete(ctx context.Context, name string) error

	// Subscribe puts the name on the list of subscriptions, or takes it off.
	// The name need not exist, though it must be a valid one to be put there;
	// setting what is already set is no error. ErrInvalidName, ErrLimit.
	Subscribe(ctx context.Context, name string, on bool) error

	// Watch tells of changes to the account by whichever process makes them.
	// Events are hints, sent after the change is readable; events about one
	// mailbox may be merged into one, none is lost: after a change there is an
	// event that was sent after it. A slow reader delays nobody. The channel
	// is closed when ctx is done or the store is closed.
	Watch(ctx context.Context) (<-chan Event, error)

	// Limits tells what the account takes. Zero fields are without limit.
	Limits() Limits

	// Close gives up the handle. Mailboxes opened through it must not be used
	// after it.
	Close() error
}

// ListWant tells Account.Mailboxes what to say of each mailbox besides the
// rest of its Info.
type ListWant uint8

// What can be asked for; the zero value asks for nothing.
const (
	ListStatus ListWant = 1 << iota // Info.Status
)

// CreateOptions refine Account.Create.
type CreateOptions struct {
	SpecialUse SpecialUse
}

// Limits are the bounds of an account. Zero means no limit.
type Limits struct {
	MaxMessageSize int64 // octets
	MaxNameLength  int   // octets of a mailbox name; zero: DefaultMaxNameLength
	MaxMailboxes   int
	MaxKeywords    int // different keywords in one mailbox
}
