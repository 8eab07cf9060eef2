package mailbox

import "context"

// A RecentMarker is a Mailbox that can tell which messages are \Recent
// (RFC 3501 §2.3.2): those of which one session, and no other, is the first to
// be told.
type RecentMarker interface {
	// MarkRecent claims for the session of the caller the messages below next
	// that no earlier call has claimed, and returns the lowest UID that was
	// unclaimed. The messages from first up to, but not including, next are
	// recent in that session and in no other; there are none if first is not
	// below next. A session passes the UIDNext of its Snapshot or Changes.
	MarkRecent(ctx context.Context, next UID) (first UID, err error)

	// Recent returns the lowest UID that no MarkRecent has claimed, and claims
	// nothing. It is for EXAMINE and STATUS.
	Recent(ctx context.Context) (first UID, err error)
}
