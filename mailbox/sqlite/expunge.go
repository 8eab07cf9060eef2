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
	err = t.slice(row, at, cols, func(e *entry) error {
		if !e.Flags.HasAll(having) {
			return nil
		}
		gone.Add(e.UID)
		if err := t.release(e.content); err != nil {
			return err
		}
		return t.remove(row, e)
	})
	if err != nil || gone.IsEmpty() {
		return gone, err
	}
	return gone, t.vanish(row, gone)
}

// release removes a reference to a content.
func (t *tx) release(content int64) error {
	_, err := t.exec("UPDATE content SET refs = refs - 1, free_at = ? WHERE id = ?", t.now.Add(t.s.tune.grace).Unix(), content)
	return err
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
