package search

import (
	"context"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// An Indexer is a [mailbox.Mailbox] that can determine, without reading messages,
// which of them can't match a key.
//
// It only narrows a search: the messages that it returns are judged like those of
// a mailbox without an index. So it may be coarse (words instead of substrings,
// hashes instead of texts, a range that is a day too long), and it can't declare
// that a message matches.
type Indexer interface {
	mailbox.Mailbox

	// Candidates returns a set that includes all messages of within that match
	// the key, as package search defines it. It may also include UIDs that do
	// not match, are not in within, or do not exist. It must include every
	// message that exists, can be read and matches: a message that is not in
	// the index yet is a candidate.
	//
	// The key contains no other keys. ok is false if the index can exclude
	// nothing; the set is then ignored.
	Candidates(ctx context.Context, key Key, within mailbox.UIDSet) (set mailbox.UIDSet, ok bool, err error)
}
