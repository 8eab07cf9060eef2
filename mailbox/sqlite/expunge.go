package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	var res mailbox.Result
	var gone mailbox.UIDSet // in the slice
	err := b.slices(ctx, set, func(t *tx, row *boxRow, at *cursor) (err error) {
		gone, err = t.expunge(row, at, having)
		return err
	}, func(step mailbox.Step) {
		for uid := range gone.All() {
			res.Add(uid, 0)
		}
		res.Steps.Add(step)
	})
	if err != nil {
		return res, fmt.Errorf("expunge: %w", err)
	}
	return res, nil
}

// expunge removes the messages of the next slice that have all the flags of
// having.
func (t *tx) expunge(row *boxRow, at *cursor, having mailbox.FlagSet) (gone mailbox.UIDSet, err error) {
	cols := colFlags | colContent
	if having.System()&mailbox.SystemDeleted != 0 {
		cols |= onlyDeleted // the usual CLOSE: few or none in a large mailbox
	}
	waiting := int64(0)
	err = t.slice(row, at, cols, func(e *entry) error {
		if !e.Flags.HasAll(having) {
			return nil
		}
		gone.Add(e.UID)
		n, err := t.release(e.content, e.Size)
		if err != nil {
			return err
		}
		waiting += n
		return t.remove(row, e)
	})
	if err != nil || gone.IsEmpty() {
		return gone, err
	}
	if err := t.waits(row.account, waiting); err != nil {
		return gone, err
	}
	return gone, t.vanish(row, gone)
}

const releaseContent = `UPDATE content SET refs = refs - 1,
	free_at = CASE WHEN EXISTS (SELECT 1 FROM body b WHERE b.id = content.id) THEN ? ELSE ? END,
	waiting = CASE refs WHEN 1 THEN ? + length(summary) ELSE 0 END WHERE id = ? RETURNING waiting`

// release removes a reference to a content of that size, and returns the octets that
// wait to be freed if it was the last; see waits.
func (t *tx) release(content, size int64) (waiting int64, err error) {
	t.wrote = true
	return t.c.queryInt(releaseContent, t.now.Unix(), t.now.Add(t.s.grace()).Unix(), size+rowSize, content)
}

// remove removes a message from its mailbox and all counters.
func (t *tx) remove(row *boxRow, e *entry) error {
	acct, err := t.account(row.account)
	if err != nil {
		return err
	}
	if _, err := t.exec("DELETE FROM message WHERE account = ? AND mailbox = ? AND uid = ?", row.account, row.id, int64(e.UID)); err != nil {
		return err
	}
	acct.change(t)
	acct.messages--
	acct.storage -= e.Size
	row.change(t)
	row.messages--
	row.storage -= e.Size
	row.count(e.Flags.System(), -1)
	return nil
}
