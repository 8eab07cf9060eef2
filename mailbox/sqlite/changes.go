package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	var snap mailbox.Snapshot
	err := b.a.view(ctx, func(c *conn) error {
		row, err := b.load(c)
		if err != nil {
			return err
		}
		snap.State = mailbox.State{UIDNext: mailbox.UID(row.uidnext), ModSeq: mailbox.ModSeq(row.modseq)}
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

// uids returns the UIDs of all messages. UIDs are assigned without gaps, so
// these are the UIDs that have not vanished: unless there are fewer messages than
// gaps, it is faster to read the vanished ones.
func (b *boxRow) uids(ctx context.Context, c *conn) (mailbox.UIDSet, error) {
	if b.vanished <= b.messages {
		gone, err := collect(ctx, c, selectVanished, b.account, b.id, always)
		return mailbox.UIDRangeSet(1, mailbox.UID(b.uidnext-1)).Subtract(gone), err
	}
	return collect(ctx, c, selectNew, b.account, b.id, int64(1))
}

const (
	selectExtent   = "SELECT uidnext, modseq, forgotten FROM mailbox WHERE account = ? AND id = ?"
	selectNew      = "SELECT uid, uid FROM message WHERE account = ? AND mailbox = ? AND uid >= ? ORDER BY uid"
	selectChanged  = "SELECT uid, uid FROM message WHERE account = ? AND mailbox = ? AND modseq > ? AND uid < ?"
	selectVanished = "SELECT first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq > ?"
)

// always is below every modseq, including the zero of vanished UIDs whose ModSeq
// is forgotten.
const always = int64(-1)

func (b *box) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	// Sessions call this after every command; usually there are no changes.
	var ch mailbox.Changes
	err := b.a.read(ctx, func(c *conn) error { _, err := b.extent(c, &ch.State); return err })
	if err != nil || since.ModSeq >= ch.State.ModSeq {
		return ch, err
	}
	err = b.a.view(ctx, func(c *conn) error {
		forgotten, err := b.extent(c, &ch.State)
		if err != nil {
			return err
		}
		if ch.New, err = collect(ctx, c, selectNew, b.a.id, b.id, int64(since.UIDNext)); err != nil {
			return err
		}
		modseq := int64(since.ModSeq)
		if ch.Changed, err = collect(ctx, c, selectChanged, b.a.id, b.id, modseq, int64(since.UIDNext)); err != nil {
			return err
		}
		if modseq < forgotten {
			modseq = always
		}
		ch.Vanished, err = collect(ctx, c, selectVanished, b.a.id, b.id, modseq)
		return err
	})
	if err != nil {
		return mailbox.Changes{}, err
	}
	return ch, nil
}

// extent reads the state of the mailbox, and the ModSeq below which the ModSeqs of
// vanished UIDs are forgotten.
func (b *box) extent(c *conn, st *mailbox.State) (forgotten int64, err error) {
	r, err := c.query(selectExtent, b.a.id, b.id)
	if err != nil {
		return 0, err
	}
	found := r.next()
	if found {
		*st = mailbox.State{UIDNext: mailbox.UID(r.int(0)), ModSeq: mailbox.ModSeq(r.int(1))}
		forgotten = r.int(2)
	}
	if err := r.close(); err != nil {
		return 0, err
	}
	if !found {
		return 0, fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
	}
	return forgotten, nil
}

// collectRanges is how many ranges collect holds before it adds them to the set:
// a query yields them in the order of its index, and adding them one by one would
// take quadratic time.
const collectRanges = 1 << 14

// collect returns the set of the ranges that a query yields, in any order.
func collect(ctx context.Context, c *conn, query string, args ...any) (set mailbox.UIDSet, err error) {
	r, err := c.query(query, args...)
	if err != nil {
		return set, err
	}
	var late []mailbox.UIDRange // below the end of set
	for n := 1; r.next(); n++ {
		u := mailbox.UIDRange{First: mailbox.UID(r.int(0)), Last: mailbox.UID(r.int(1))}
		if u.First > set.Max() {
			set.AddRange(u.First, u.Last)
		} else if late = append(late, u); len(late) == collectRanges {
			set = set.Union(mailbox.UIDSetOfRanges(late...))
			late = late[:0]
		}
		if n%1024 == 0 && ctx.Err() != nil {
			r.close()
			return mailbox.UIDSet{}, ended(ctx)
		}
	}
	if err := r.close(); err != nil {
		return mailbox.UIDSet{}, err
	}
	if len(late) > 0 {
		set = set.Union(mailbox.UIDSetOfRanges(late...))
	}
	return set, nil
}
