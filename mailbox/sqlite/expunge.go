package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.UIDSet, mailbox.ModSeq, error) {
	var gone mailbox.UIDSet
	var modseq mailbox.ModSeq
	err := b.a.write(ctx, func(t *tx) error {
		gone, modseq = mailbox.UIDSet{}, 0
		row, err := t.box(b.a.id, b.id)
		if err != nil {
			return err
		}
		if having.System()&mailbox.SystemDeleted != 0 && row.deleted == 0 {
			return nil // the usual CLOSE: nothing to look for
		}
		err = t.entries(row, set, func(e *mailbox.Entry, content int64) error {
			if !e.Flags.HasAll(having) {
				return nil
			}
			gone.Add(e.UID)
			if err := t.release(content); err != nil {
				return err
			}
			return t.remove(row, e)
		})
		if err != nil || gone.IsEmpty() {
			return err
		}
		modseq, err = t.vanish(row, gone)
		return err
	})
	if err != nil {
		return mailbox.UIDSet{}, 0, fmt.Errorf("expunge: %w", err)
	}
	return gone, modseq, nil
}

// release takes a reference off a content.
func (t *tx) release(content int64) error {
	_, err := t.exec("UPDATE content SET refs = refs - 1, free_at = ? WHERE id = ?", t.now.Add(t.s.tune.grace).Unix(), content)
	return err
}

// remove takes a message out of its mailbox, and out of all counters.
func (t *tx) remove(row *boxRow, e *mailbox.Entry) error {
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

// vanish gives the removal of messages a ModSeq and remembers it.
func (t *tx) vanish(row *boxRow, gone mailbox.UIDSet) (mailbox.ModSeq, error) {
	row.change(t).modseq++
	if err := t.addVanished(row, row.modseq, gone); err != nil {
		return 0, err
	}
	t.event(row.account, row.id, mailbox.EventVanished)
	return mailbox.ModSeq(row.modseq), t.compact(row)
}

func (t *tx) addVanished(row *boxRow, modseq int64, gone mailbox.UIDSet) error {
	for _, r := range gone.Ranges() {
		_, err := t.exec("INSERT INTO vanished (account, mailbox, modseq, first, last) VALUES (?, ?, ?, ?, ?)",
			row.account, row.id, modseq, int64(r.First), int64(r.Last))
		if err != nil {
			return err
		}
	}
	row.vanished += int64(len(gone.Ranges()))
	return nil
}

// compact bounds what is kept of vanished UIDs. It dates the older half of them
// anew, all to the same ModSeq, whereby ranges melt together: at most one is
// left in front of each message. Who asks for what has changed since an
// earlier ModSeq then learns of all these UIDs. The bound grows with the
// mailbox, since not more than a part of the ranges can melt.
func (t *tx) compact(row *boxRow) error {
	if row.vanished <= int64(t.s.opts.MaxVanished)+2*row.messages {
		return nil
	}
	modseq, err := t.c.queryInt(`SELECT modseq FROM vanished WHERE account = ? AND mailbox = ?
		ORDER BY modseq LIMIT 1 OFFSET ?`, row.account, row.id, row.vanished/2)
	if err != nil {
		return err
	}
	r, err := t.c.query("SELECT first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq <= ?", row.account, row.id, modseq)
	if err != nil {
		return err
	}
	var ranges []mailbox.UIDRange
	for r.next() {
		ranges = append(ranges, mailbox.UIDRange{First: mailbox.UID(r.int(0)), Last: mailbox.UID(r.int(1))})
	}
	if err := r.close(); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM vanished WHERE account = ? AND mailbox = ? AND modseq <= ?", row.account, row.id, modseq)
	if err != nil {
		return err
	}
	row.vanished -= int64(len(ranges))
	return t.addVanished(row, modseq, mailbox.UIDSetOfRanges(ranges...))
}
