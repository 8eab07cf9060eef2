package mailboxtest_test

import (
	"context"
	"testing"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// scanIndex is an index that knows nothing: it searches. What stale says is
// taken for what it knows.
type scanIndex struct {
	*overBox
	stale func(key search.Key, found mailbox.UIDSet) mailbox.UIDSet
}

func (x scanIndex) Candidates(ctx context.Context, key search.Key, within mailbox.UIDSet) (mailbox.UIDSet, bool, error) {
	found, err := search.Find(ctx, x.overBox, within, key, nil)
	if x.stale != nil {
		found = x.stale(key, found)
	}
	return found, true, err
}

// laggingIndex does not find flags that were set since the message came.
func laggingIndex(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox {
	return scanIndex{over(m), func(key search.Key, found mailbox.UIDSet) mailbox.UIDSet {
		if _, ok := key.(search.Flag); ok {
			return found.Subtract(mailbox.UIDSetOf(3, 4))
		}
		return found
	}}
}

// TestSoundIndex checks that the suite finds no fault with an index that has
// none.
func TestSoundIndex(t *testing.T) {
	sound := defect{box: func(_ mailbox.Account, m mailbox.Mailbox) mailbox.Mailbox { return scanIndex{over(m), nil} }}
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return openBroken(t, sound, mailbox.Limits{}) }, nil)
}
