package mailbox

import "context"

// A Replacer is a Mailbox that can replace a message in one step (RFC 8508).
type Replacer interface {
	// Replace appends a message to the mailbox of that name and expunges the
	// message with the UID from this one: both, or on error neither. No reader
	// sees both messages. A quota that both mailboxes share needs space for the
	// difference in size only. dest may be the name of this mailbox. In the
	// Result the UID is the source of the new message.
	//
	// ErrNotExist if there is no such mailbox, or no message with the UID; and
	// all errors of Append.
	Replace(ctx context.Context, uid UID, dest string, msg Incoming) (Result, error)
}
