package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The space of an account on the disk.
//
// Quotas count the messages that can be seen (RFC 9208 §5.1). The octets that the
// file holds for an account are others: messages that were expunged or whose mailbox
// was deleted, until they are swept, and bodies that are arriving. The row of the
// account counts these as waiting. Every change keeps that count in its own
// transaction, so it holds for all processes and after a crash. An account with a
// storage quota has room for its quota and an allowance of waiting octets; what
// shares contents, such as copies, only makes the file smaller than the sum.

// errWaiting is returned if an account's quota has room for a message and the disk
// has not: the space of deleted messages is not free yet.
var errWaiting = fmt.Errorf("%w: the space of deleted or arriving messages is not free yet", mailbox.ErrOverQuota)

// rowSize is how much a message takes besides its octets and summary, roughly.
const rowSize = 512

// allowance returns how many octets may wait beyond a quota.
func (s *Store) allowance(quota int64) int64 {
	switch n := s.opts.MaxWaiting; {
	case n > 0:
		return n
	case n < 0:
		return 0
	}
	return max(64<<20, quota/4)
}

// space returns errWaiting if the account may not hold so many octets more now.
func (a *accountRow) space(s *Store, octets int64) error {
	if a.maxStorage < 0 || octets <= 0 || octets <= a.maxStorage-a.storage-a.waiting+s.allowance(a.maxStorage) {
		return nil
	}
	return fmt.Errorf("%w: %d octets", errWaiting, a.waiting)
}

// waits adds to the waiting octets of an account, unless it has been deleted.
func (t *tx) waits(account, octets int64) error {
	if octets == 0 {
		return nil
	}
	a, err := t.account(account)
	if isNotExist(err) {
		return nil
	}
	if err == nil {
		a.change(t).waiting += octets
	}
	return err
}

// grace returns how long a content in chunks is kept after its last reference has
// gone, for those who are reading it. One in a single row is read at once and need
// not be kept.
//
// Readers of this process hold pins, the first of them soon after they have seen the
// message. Those of other processes hold nothing that can be seen from here.
func (s *Store) grace() time.Duration {
	if s.opts.Exclusive {
		return min(s.tune.grace, s.tune.hurry)
	}
	return s.tune.grace
}

// hurried returns the time up to which contents are freed if space is needed: they
// are kept for tune.hurry only.
func (t *tx) hurried() time.Time {
	return t.now.Add(max(0, t.s.grace()-t.s.tune.hurry))
}

// withSpace calls f, which returns errWaiting if the account may not hold so many
// octets more. Then it frees space, for which it may wait for some seconds, and
// calls f again.
func (a *account) withSpace(ctx context.Context, octets int64, f func() error) error {
	err := f()
	if !errors.Is(err, errWaiting) {
		return err
	}
	deadline := time.Now().Add(a.s.tune.patience)
	for errors.Is(err, errWaiting) && !time.Now().After(deadline) {
		if err := a.makeSpace(ctx, octets, deadline); err != nil {
			return err
		}
		err = f() // others may have taken it
	}
	return err
}

// makeSpace frees what waits in an account until it may hold so many octets more,
// or nothing that will be free before the deadline is left: errWaiting.
func (a *account) makeSpace(ctx context.Context, octets int64, deadline time.Time) error {
	var at freePlace
	for {
		var more bool
		var wait time.Duration
		var space error // of the account
		err := a.do(ctx, &request{rows: sweepContents, lazy: true, run: func(t *tx) error {
			next := at
			acct, err := t.account(a.id)
			if err != nil {
				return err
			}
			more, wait = true, 0
			if space = acct.space(t.s, octets); space == nil {
				return nil
			}
			if key, err := t.trash(selectTrashOf, a.id); err != nil || key != (boxKey{}) {
				if err == nil {
					err = t.sweepTrash(key)
				}
				return err
			}
			if more, err = t.sweepContents(&next, a.id, t.hurried(), sweepContents); err != nil {
				return err
			}
			space = acct.space(t.s, octets)
			if at = next; more || space == nil {
				return nil
			}
			at = freePlace{}
			wait, err = t.untilFree(a.id)
			return err
		}})
		if err != nil || space == nil {
			return err
		}
		if !more {
			if wait = max(wait, 100*time.Millisecond); time.Now().Add(wait).After(deadline) {
				return space
			}
			if err := sleep(ctx, wait); err != nil {
				return err
			}
		}
	}
}

// untilFree returns the time until a content of the account becomes free, or a long
// one.
func (t *tx) untilFree(account int64) (time.Duration, error) {
	first, err := t.c.queryInt(selectFirstFree, account)
	if first == 0 || err != nil {
		return time.Hour, err
	}
	return time.Unix(first, 0).Sub(t.hurried()), nil
}

const selectFirstFree = `SELECT free_at FROM content INDEXED BY content_waiting WHERE account = ? AND refs = 0
	ORDER BY free_at LIMIT 1`
