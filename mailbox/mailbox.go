package mailbox

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A Store holds the mail of many accounts.
//
// All its methods, and those of the values it hands out, are safe for
// concurrent use. A call whose context is done returns an error that wraps
// ctx.Err(); when the context was done before the call, it has done nothing.
type Store interface {
	// Account opens the account of that name. The name is what an
	// authenticator or a delivery resolver returned; the store compares it
	// byte for byte. ErrNotExist if there is none.
	Account(ctx context.Context, name string) (Account, error)
}

// An Admin is a Store whose accounts can be listed, made and removed.
type Admin interface {
	Store

	// CreateAccount makes an account with an empty INBOX. ErrExist if there
	// is one of that name.
	CreateAccount(ctx context.Context, name string) error

	// DeleteAccount removes the account with all its mail. Handles to it that
	// are still open answer ErrNotExist.
	DeleteAccount(ctx context.Context, name string) error

	// Accounts yields the names of all accounts in byte order.
	Accounts(ctx context.Context) iter.Seq2[string, error]
}

// An Account is one user's mail: a set of named mailboxes, of which INBOX
// always exists.
//
// Names are UTF-8 in Unicode normalization form C; "/" separates the levels of
// the hierarchy. "INBOX" is compared without regard to case and returned in
// capitals, as a name of its own or as the first level of another; all other
// names are compared byte for byte. See [ValidName] for what is refused.
type Account interface {
	// Mailboxes lists every mailbox, ordered by name, and also the names that
	// are subscribed to without existing (Info.NonExistent). Superior names
	// that are no mailboxes are not listed.
	Mailboxes(ctx context.Context) ([]Info, error)

	// Mailbox opens a mailbox by name. The handle follows the mailbox, not
	// the name: after a rename it reads the same messages, after a deletion
	// its calls return ErrNotExist, even when another mailbox has the name
	// by then. It needs no closing and holds no resources.
	Mailbox(ctx context.Context, name string) (Mailbox, error)

	// Create makes one mailbox and none of its superiors. opts may be nil.
	// ErrExist, ErrInvalidName, ErrLimit, ErrOverQuota.
	Create(ctx context.Context, name string, opts *CreateOptions) (Info, error)

	// Rename gives a mailbox, and every inferior of it, another name, all or
	// none. from need not be a mailbox itself if it has inferiors. IDs, UIDs
	// and UIDVALIDITY stay. Subscriptions stay with the names. INBOX can't be
	// renamed, nor any mailbox to a place below itself (ErrInvalidName): what
	// RFC 3501 §6.3.5 wants of INBOX is done by the server, with Create and
	// Move. ErrNotExist, ErrExist.
	Rename(ctx context.Context, from, to string) error

	// Delete removes the mailbox and its messages, and no inferior of it.
	// INBOX can't be deleted (ErrInvalidName). A mailbox made later under
	// the name has another ID and a UIDVALIDITY that the name never had.
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

// A Mailbox is a set of messages and a modification sequence.
//
// Every message has a UID that is never used again, ascending in the order of
// arrival, and a ModSeq. Every change gives the messages it touches a ModSeq
// higher than any that the mailbox has had, all messages of one call the same;
// an expunge leaves the UID behind with such a ModSeq. Whoever knows the
// mailbox as of some ModSeq learns the rest from Changes.
//
// Changes become visible in the order of their ModSeqs: when a reader has seen
// HighestModSeq n, no change with a ModSeq of n or less can appear later. In
// the same way, when a reader has seen UIDNext u, no message with a UID below
// u can appear later.
//
// Where a call takes a UIDSet, UIDs in it that don't exist are passed over
// without error; the set may reach to the highest UID (see [AllUIDs]).
type Mailbox interface {
	// Info describes the mailbox as it was when the handle was opened. ID and
	// UIDValidity never change.
	Info() Info

	// Status returns the counters. It is cheap: its cost does not grow with
	// the mailbox.
	Status(ctx context.Context) (Status, error)

	// Snapshot returns all UIDs, with the UIDNext and HighestModSeq of the
	// same instant. It is for a reader that begins; one that goes on asks
	// Changes.
	Snapshot(ctx context.Context) (Snapshot, error)

	// Changes returns what has changed since that ModSeq, all as of the same
	// instant: the entries of the messages whose ModSeq is higher, new ones
	// included, and the UIDs that have vanished. A message that came and went
	// in between appears in Vanished or nowhere. A store that has forgotten
	// expunges that far back returns in Vanished every UID below UIDNext that
	// does not exist. After a ModSeq that the mailbox has not reached yet,
	// nothing has changed.
	Changes(ctx context.Context, since ModSeq) (Changes, error)

	// Messages yields the messages of the set in ascending order of UID, with
	// what want asks for. It is the one bulk read, one pass over the mailbox
	// in memory that does not grow with it. A message, and the content in it,
	// is valid until the next step of the iteration; copy what is to be kept,
	// except Flags and Summary, which are immutable. A message expunged while
	// the iteration runs may be passed over or yielded; one that arrives
	// meanwhile is not yielded. An error ends the iteration. The sequence may
	// be run over again, and then yields what there is by then.
	//
	// The caller may call other methods of the store, this one included,
	// within the loop: a store holds no lock while it yields.
	Messages(ctx context.Context, set UIDSet, want Want) iter.Seq2[*Message, error]

	// Append adds messages in the order given, all or none, and returns their
	// UIDs. It reads each Draft once and never holds one in memory. When it
	// returns, the messages are durable. ErrTooLarge, before anything is read
	// if the Size says so; ErrOverQuota, ErrLimit, ErrReadOnly; a Draft whose
	// Body ends before or after Size is ErrSize, and an error of the Body is
	// returned wrapped.
	Append(ctx context.Context, drafts ...Draft) ([]UID, error)

	// SetFlags changes the flags of the messages of the set, all or none but
	// for conflicts. Messages whose flags are already so keep their ModSeq.
	// ErrLimit, ErrReadOnly.
	SetFlags(ctx context.Context, set UIDSet, change FlagChange) (FlagResult, error)

	// Expunge removes those messages of the set that have all the flags of
	// having (the zero FlagSet: all of them), and returns their UIDs and the
	// ModSeq of the removal (zero when nothing was removed). ErrReadOnly.
	Expunge(ctx context.Context, set UIDSet, having FlagSet) (UIDSet, ModSeq, error)

	// Copy appends the messages of the set, with flags and dates, to another
	// mailbox of the account, all or none, in ascending order. ErrNotExist if
	// there is no such mailbox, also where the set is empty; ErrOverQuota,
	// ErrLimit, ErrReadOnly. Copying into the same mailbox is allowed.
	Copy(ctx context.Context, set UIDSet, dest string) (CopyResult, error)

	// Move copies and expunges in one step: nobody ever sees a message in
	// both mailboxes or in none. It takes no room in a quota that both
	// mailboxes share. Moving into the same mailbox gives the messages new
	// UIDs.
	Move(ctx context.Context, set UIDSet, dest string) (CopyResult, error)
}

// Info describes a mailbox.
type Info struct {
	ID          string // unique in the account, never used again, stable over renames; RFC 8474 objectid syntax
	Name        string
	UIDValidity uint32 // above zero; see RFC 3501 §2.3.1.1
	SpecialUse  SpecialUse
	Subscribed  bool
	NonExistent bool // only a subscription: no mailbox has the name, ID and UIDValidity are empty
}

// CreateOptions refine Account.Create.
type CreateOptions struct {
	SpecialUse SpecialUse
}

// Status are the counters of a mailbox.
type Status struct {
	Messages      uint32
	Unseen        uint32 // messages without \Seen
	Deleted       uint32 // messages with \Deleted
	FirstUnseen   UID    // the lowest UID without \Seen, zero if there is none
	UIDNext       UID
	UIDValidity   uint32
	HighestModSeq ModSeq // at least 1
	Size          int64  // octets of all messages
}

// A Snapshot is the contents of a mailbox at an instant.
type Snapshot struct {
	UIDs          UIDSet
	UIDNext       UID
	HighestModSeq ModSeq
	Keywords      []Flag // every keyword that messages have, sorted; perhaps some that they had before
}

// Changes are what happened in a mailbox after a ModSeq.
type Changes struct {
	Changed       []Entry // ascending by UID
	Vanished      UIDSet  // may hold UIDs that the caller never knew of
	UIDNext       UID
	HighestModSeq ModSeq // pass it to the next call
}

// An Entry is what is known of a message without reading it. It is a value;
// copies share nothing mutable.
type Entry struct {
	UID          UID
	ModSeq       ModSeq
	Flags        FlagSet
	InternalDate time.Time // when the message was received; kept to the second, with its zone
	SaveDate     time.Time // when it came into this mailbox, to the second (RFC 8514)
	Size         int64     // octets
	EmailID      string    // same content, same ID: kept by Copy and Move (RFC 8474)
	ThreadID     string    // empty where the store knows no threads
}

// A Message is what Mailbox.Messages yields.
type Message struct {
	Entry
	Summary *message.Summary // with WantSummary; immutable
	Content Content          // with WantContent
}

// Content is the octets of a message, unchanged from the Draft. It may be read
// from several goroutines. It may also be an io.WriterTo, which is then the
// fastest way to read all.
type Content interface {
	io.ReaderAt
	Size() int64
}

// Want tells Messages what to yield besides the entries.
type Want uint8

const (
	WantSummary Want = 1 << iota // Message.Summary
	WantContent                  // Message.Content

	WantEntry Want = 0 // nothing besides
)

// A Draft is a message on its way into a mailbox. The store reads Size octets
// from Body, and then once more to see it end; it stores what it reads
// unchanged and never refuses a message for its contents.
type Draft struct {
	Body         io.Reader
	Size         int64     // octets; SizeUnknown: all until io.EOF
	Flags        FlagSet   // \Recent is not one
	InternalDate time.Time // zero: now
}

// SizeUnknown as a Draft's Size lets the store count by itself: it takes all
// there is, within the account's MaxMessageSize.
const SizeUnknown = -1

// A FlagChange is an operation on flags.
type FlagChange struct {
	Op    FlagOp
	Flags FlagSet

	// If UnchangedSince is not nil, messages with a higher ModSeq are left as
	// they are and returned in FlagResult.Conflicts (RFC 7162 §3.1.3).
	UnchangedSince *ModSeq
}

// FlagOp says what becomes of the flags that a message has.
type FlagOp uint8

const (
	FlagsAdd     FlagOp = iota // +FLAGS: also have these
	FlagsRemove                // -FLAGS: no longer have these
	FlagsReplace               // FLAGS: have these and no others
)

// FlagResult is what SetFlags did.
type FlagResult struct {
	Entries   []Entry // every message of the set that exists and is no conflict, with its flags as they are now, ascending by UID
	Conflicts UIDSet  // left alone because of UnchangedSince
	ModSeq    ModSeq  // of the change; zero if nothing changed
}

// CopyResult says where messages went. The n-th UID of Source became the n-th
// of Dest.
type CopyResult struct {
	DestID          string
	DestUIDValidity uint32
	Source, Dest    UIDSet
	ModSeq          ModSeq // for Move: of the removal from the source; otherwise zero
}

// Limits are the bounds of an account. Zero means no limit.
type Limits struct {
	MaxMessageSize int64 // octets
	MaxNameLength  int   // octets of a mailbox name; zero: DefaultMaxNameLength
	MaxMailboxes   int
	MaxKeywords    int // different keywords in one mailbox
}

// An Event tells that something changed.
type Event struct {
	MailboxID string // empty: what changed belongs to the account (EventMailboxes)
	Kind      EventKind
}

// EventKind is a set of things that changed. When a mailbox is deleted there is
// an EventVanished about it besides the EventMailboxes.
type EventKind uint8

const (
	EventNew       EventKind = 1 << iota // messages arrived
	EventFlags                           // flags changed
	EventVanished                        // messages were expunged
	EventMailboxes                       // mailboxes or subscriptions were created, renamed, deleted; quotas were set; the account was deleted
)

// Optional interfaces follow. A server finds them by type assertion and offers
// what rests on them only where they are there.

// A RecentMarker is a Mailbox that can tell which messages are \Recent
// (RFC 3501 §2.3.2): those that one session, and no other, is the first to be
// told of.
type RecentMarker interface {
	// MarkRecent claims for the session of the caller the messages below next
	// that no earlier call has claimed, and returns the lowest UID that was
	// unclaimed. The messages from first up to, and without, next are recent
	// in that session and in no other; there are none when first is next or
	// above it. A session passes the UIDNext of its Snapshot or Changes.
	MarkRecent(ctx context.Context, next UID) (first UID, err error)

	// Recent returns the lowest UID that no MarkRecent has claimed, and claims
	// nothing. It serves EXAMINE and STATUS.
	Recent(ctx context.Context) (first UID, err error)
}

// A QuotaKeeper is an Account with quotas (RFC 9208). Roots are names chosen
// by the store; a root limits the mailboxes that name it.
type QuotaKeeper interface {
	// QuotaRoots returns the roots that limit a mailbox. ErrNotExist if there
	// is no such mailbox.
	QuotaRoots(ctx context.Context, mailbox string) ([]string, error)

	// Quota returns the usage and limits of a root. ErrNotExist.
	Quota(ctx context.Context, root string) ([]QuotaResource, error)

	// SetQuota replaces the limits of a root: resources not named become
	// unlimited. ErrNotExist if the store knows no such root or resource. It
	// is for administrators; servers offer it to clients only where told to.
	SetQuota(ctx context.Context, root string, limits map[QuotaName]int64) error
}

// QuotaName names a resource that is limited.
type QuotaName string

// The resources of RFC 9208 §5.
const (
	QuotaStorage           QuotaName = "STORAGE" // octets here; in units of 1024 octets on the wire
	QuotaMessage           QuotaName = "MESSAGE"
	QuotaMailbox           QuotaName = "MAILBOX"
	QuotaAnnotationStorage QuotaName = "ANNOTATION-STORAGE"
)

// QuotaResource is how much of a resource is used. Unlimited resources are
// not listed.
type QuotaResource struct {
	Name         QuotaName
	Usage, Limit int64
}
