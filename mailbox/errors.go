package mailbox

import "errors"

// The errors that a store returns, wrapped or not; test for them with
// errors.Is. A server turns each into the reply of its protocol. Any other
// error is a fault of the store.
var (
	// ErrNotExist: no account, mailbox or quota root has that name, or the
	// mailbox of the handle has been deleted.
	ErrNotExist = errors.New("mailbox: does not exist")

	// ErrExist: the name is taken.
	ErrExist = errors.New("mailbox: already exists")

	// ErrInvalidName: no mailbox can have that name (see ValidName), or the
	// operation is not allowed on INBOX.
	ErrInvalidName = errors.New("mailbox: invalid name")

	// ErrOverQuota: a quota would be exceeded.
	ErrOverQuota = errors.New("mailbox: over quota")

	// ErrTooLarge: the message is larger than Limits.MaxMessageSize.
	ErrTooLarge = errors.New("mailbox: message too large")

	// ErrReadOnly: the mailbox can only be read.
	ErrReadOnly = errors.New("mailbox: read only")

	// ErrLimit: a limit other than quota and message size is reached, such as
	// the number of mailboxes or keywords or the length of a keyword, or the
	// mailbox has no UIDs left.
	ErrLimit = errors.New("mailbox: limit reached")

	// ErrSize: the Body of an Incoming is shorter or longer than its Size.
	ErrSize = errors.New("mailbox: message size differs from the announced size")

	// ErrPermission: the user lacks a right that the call needs.
	ErrPermission = errors.New("mailbox: permission denied")

	// ErrUnavailable: the call failed for now; the same call may succeed
	// later.
	ErrUnavailable = errors.New("mailbox: temporarily unavailable")

	// ErrClosed: the store or the account handle has been closed.
	ErrClosed = errors.New("mailbox: closed")
)
