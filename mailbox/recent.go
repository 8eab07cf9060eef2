package mailbox

import "context"

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
