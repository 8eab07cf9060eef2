package search

import (
	"context"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// An Indexer is a [mailbox.Mailbox] that can tell, without reading messages,
// which of them can't match a key.
//
// It only narrows a search: the messages that it returns are judged like those
// of a mailbox without an index. So it may be as coarse as it likes (words
// instead of substrings, hashes instead of texts, a day more than was asked
// for), and there is no way for it to say that a message matches.
type Indexer interface {
	mailbox.Mailbox

	// Candidates returns messages of within among which are all that match the
	// key, as package search defines it. UIDs that do not match, are not
	// in within, or do not exist, may be among them. What must not happen is that
	// a message is missing that exists, can be read and matches: a message
	// that is not in the index yet is a candidate.
	//
	// The key is one that contains no others. ok is false where the index can
	// exclude nothing; the set is then not looked at.
	Candidates(ctx context.Context, key Key, within mailbox.UIDSet) (set mailbox.UIDSet, ok bool, err error)
}
