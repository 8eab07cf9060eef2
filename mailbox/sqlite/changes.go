package sqlite

import (
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	var snap mailbox.Snapshot
	err := b.a.view(ctx, func(c *conn) error {
		row, err := b.load(c)
		if err != nil {
			return err
		}
		snap.UIDNext = mailbox.UID(row.uidnext)
		snap.HighestModSeq = mailbox.ModSeq(row.modseq)
		if snap.UIDs, err = row.uids(ctx, c); err != nil {
			return err
		}
		r, err := c.query("SELECT keyword FROM keyword WHERE account = ? AND mailbox = ? ORDER BY name", b.a.id, b.id)
		if err != nil {
			return err
		}
		for r.next() {
			snap.Keywords = append(snap.Keywords, mailbox.Flag(r.text(0)))
		}
		return r.close()
	})
	return snap, err
}

// uids returns the UIDs of all messages. UIDs are given without gaps, so they
// are those that have not vanished: unless there are fewer messages than gaps,
// that is the quicker way to find them.
func (b *boxRow) uids(ctx context.Context, c *conn) (mailbox.UIDSet, error) {
	if b.vanished <= b.messages {
		gone, err := vanishedSince(c, b.account, b.id, 0)
		return mailbox.UIDRangeSet(1, mailbox.UID(b.uidnext-1)).Subtract(gone), err
	}
	var set mailbox.UIDSet
	r, err := c.query("SELECT uid FROM message WHERE account = ? AND mailbox = ? ORDER BY uid", b.account, b.id)
	if err != nil {
		return set, err
	}
	for n := 1; r.next(); n++ {
		set.Add(mailbox.UID(r.int(0)))
		if n%1024 == 0 && ctx.Err() != nil {
			r.close()
			return set, ended(ctx)
		}
	}
	return set, r.close()
}

func (b *box) Changes(ctx context.Context, since mailbox.ModSeq) (mailbox.Changes, error) {
	// Sessions ask after every command, and most of the time there is nothing.
	var ch mailbox.Changes
	err := b.a.read(ctx, func(c *conn) error { return b.extent(c, &ch) })
	if err != nil || since >= ch.HighestModSeq {
		return ch, err
	}
	err = b.a.view(ctx, func(c *conn) error {
		if err := b.extent(c, &ch); err != nil {
			return err
		}
		var err error
		if ch.Changed, err = b.changed(ctx, c, int64(since)); err != nil {
			return err
		}
		ch.Vanished, err = vanishedSince(c, b.a.id, b.id, int64(since))
		return err
	})
	return ch, err
}

// extent reads UIDNext and HighestModSeq.
func (b *box) extent(c *conn, ch *mailbox.Changes) error {
	r, err := c.query("SELECT uidnext, modseq FROM mailbox WHERE account = ? AND id = ?", b.a.id, b.id)
	if err != nil {
		return err
	}
	found := r.next()
	if found {
		ch.UIDNext, ch.HighestModSeq = mailbox.UID(r.int(0)), mailbox.ModSeq(r.int(1))
	}
	if err := r.close(); err != nil {
		return err
	}
	if !found {
		return fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
	}
	return nil
}

const (
	selectChanged  = "SELECT " + entryColumns + " FROM message m WHERE account = ? AND mailbox = ? AND modseq > ?"
	selectVanished = "SELECT first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq > ?"
)

// changed returns the entries with a higher ModSeq.
func (b *box) changed(ctx context.Context, c *conn, since int64) ([]mailbox.Entry, error) {
	r, err := c.query(selectChanged, b.a.id, b.id, since)
	if err != nil {
		return nil, err
	}
	var read entryReader
	var changed []mailbox.Entry
	for r.next() {
		e, _ := read.entry(r)
		changed = append(changed, e)
		if len(changed)%1024 == 0 && ctx.Err() != nil {
			r.close()
			return nil, ended(ctx)
		}
	}
	slices.SortFunc(changed, func(x, y mailbox.Entry) int { return int(int64(x.UID) - int64(y.UID)) })
	return changed, r.close()
}

// vanishedSince returns the UIDs expunged after that ModSeq, and perhaps more of
// those expunged before: see compact.
func vanishedSince(c *conn, account, box, since int64) (mailbox.UIDSet, error) {
	r, err := c.query(selectVanished, account, box, since)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	var ranges []mailbox.UIDRange
	for r.next() {
		ranges = append(ranges, mailbox.UIDRange{First: mailbox.UID(r.int(0)), Last: mailbox.UID(r.int(1))})
	}
	if err := r.close(); err != nil {
		return mailbox.UIDSet{}, err
	}
	return mailbox.UIDSetOfRanges(ranges...), nil
}
