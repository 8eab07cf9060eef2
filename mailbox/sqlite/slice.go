package sqlite

import (
	"context"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// sliceRows is how many messages one transaction of SetFlags or Expunge processes.
// To change them, with their indexes and the commit, takes 2 to 5 ms, for which
// other changes wait. Smaller slices would sync the disk more often for each
// message.
const sliceRows = 256

// slices processes the messages of a set in slices. Each is a transaction of its
// own, in which run advances the cursor: other waiting changes are made in
// between, also those of other processes, since the database is unlocked then.
// After each commit, done is called with the change that the slice made to the
// mailbox. Like the run of every request, run may be called again for the same
// slice before the commit.
func (b *box) slices(ctx context.Context, set mailbox.UIDSet, run func(*tx, *boxRow, *cursor) error, done func(mailbox.Step)) error {
	for at := cursorOf(set); ; {
		var next cursor
		var step mailbox.Step
		r := &request{rows: min(set.Len(), sliceRows)}
		r.run = func(t *tx) error {
			row, err := t.box(b.a.id, b.id)
			if err != nil {
				return err
			}
			next = at
			before := row.modseq
			err = run(t, row, &next)
			step = row.step(before)
			return err
		}
		if err := b.a.do(ctx, r); err != nil {
			return err
		}
		done(step)
		if at = next; at.ended() {
			return nil
		}
		if err := b.s.pause(ctx); err != nil {
			return err
		}
	}
}

// pause lets other processes change the database between two slices.
func (s *Store) pause(ctx context.Context) error {
	if s.opts.Exclusive {
		return nil
	}
	return sleep(ctx, 2*busyPause)
}

// slice calls f with the next sliceRows messages of a pass, ascending, and advances
// the cursor past them. f may change these messages.
func (t *tx) slice(row *boxRow, at *cursor, cols columns, f func(*entry) error) error {
	if at.end == 0 {
		at.end = mailbox.UID(row.uidnext) // a message copied into its own mailbox is not copied again
	}
	var read entryReader
	var page []entry
	for left := sliceRows; left > 0; {
		span, ok := at.span(16)
		if !ok {
			break
		}
		r, err := t.c.query(pageQueries[cols], row.account, row.id, int64(span.First), int64(span.Last), int64(left))
		if err != nil {
			return err
		}
		page = page[:0]
		n := 0
		for r.next() {
			n++
			uid := mailbox.UID(r.int(0))
			if at.contains(uid) {
				page = append(page, read.scan(r, cols))
			}
			at.done(uid)
		}
		if err := r.close(); err != nil {
			return err
		}
		if n < left {
			at.done(span.Last)
		}
		left -= n + 1 // a query counts like a row
		for i := range page {
			if err := f(&page[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// slices is slice for up to n messages, rounded up.
func (t *tx) slices(row *boxRow, at *cursor, n int, cols columns, f func(*entry) error) error {
	for ; n > 0; n -= sliceRows {
		if err := t.slice(row, at, cols, f); err != nil {
			return err
		}
		if at.ended() {
			break
		}
	}
	return nil
}

// cursor is a place in a pass over a set: UIDs below next are done. It is a
// value, so that a pass can return to an earlier place.
type cursor struct {
	ranges []mailbox.UIDRange // the remaining ones; the first may begin below next
	next   mailbox.UID
	end    mailbox.UID // if not zero: UIDNext when the pass began
}

func cursorOf(set mailbox.UIDSet) cursor { return cursor{ranges: set.Ranges(), next: 1} }

// ended reports whether the pass is complete.
func (c *cursor) ended() bool {
	return len(c.ranges) == 0 || c.end != 0 && max(c.next, c.ranges[0].First) >= c.end
}

// span returns the next range of UIDs to be read by one query: ranges with no more
// than gap UIDs between them are read together, and contains excludes the UIDs
// between them. ok is false at the end.
func (c *cursor) span(gap mailbox.UID) (r mailbox.UIDRange, ok bool) {
	if c.ended() {
		return r, false
	}
	r = mailbox.UIDRange{First: max(c.next, c.ranges[0].First), Last: c.ranges[0].Last}
	for i := 1; i < len(c.ranges) && i < pageRows && c.ranges[i].First-r.Last <= gap; i++ {
		r.Last = c.ranges[i].Last
	}
	if c.end != 0 {
		r.Last = min(r.Last, c.end-1)
	}
	return r, true
}

// contains reports whether a UID at or after the cursor is in the set.
func (c *cursor) contains(uid mailbox.UID) bool {
	c.skip(uid)
	return len(c.ranges) > 0 && c.ranges[0].First <= uid
}

// done moves the cursor past this UID.
func (c *cursor) done(uid mailbox.UID) {
	c.skip(uid + 1)
	c.next = uid + 1
}

// skip drops the ranges that end below uid.
func (c *cursor) skip(uid mailbox.UID) {
	for len(c.ranges) > 0 && c.ranges[0].Last < uid {
		c.ranges = c.ranges[1:]
	}
}
