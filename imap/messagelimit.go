package imap

import "github.com/posthorn-mail/posthorn/mailbox"

// MessageLimit is the code of a command that named more messages than the server
// handles at once (RFC 9738 §3).
type MessageLimit struct {
	Limit uint32

	// UID is the lowest UID that the server has handled: it has left out the
	// messages below. If it has refused the command, it is the lowest that it
	// would handle. Zero: not given.
	UID mailbox.UID
}

// The search keys of RFC 9738, which need MESSAGELIMIT. UID 5:* also matches the
// last message if its UID is lower; UIDAFTER 4 does not.
type (
	SearchUIDAfter  struct{ UID mailbox.UID } // the UID is higher
	SearchUIDBefore struct{ UID mailbox.UID } // the UID is lower
)

// SearchKey marks the type as a search.Key.
func (SearchUIDAfter) SearchKey() {}

// SearchKey marks the type as a search.Key.
func (SearchUIDBefore) SearchKey() {}
