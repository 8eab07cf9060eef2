package sqlite

import "github.com/posthorn-mail/posthorn/mailbox"

// vanish assigns a ModSeq to the removal of messages and records it.
func (t *tx) vanish(row *boxRow, gone mailbox.UIDSet) error {
	row.change(t).modseq++
	for _, r := range gone.Ranges() {
		if err := t.addVanished(row, row.modseq, r); err != nil {
			return err
		}
	}
	row.vanished += int64(len(gone.Ranges()))
	t.event(row.account, row.id, mailbox.EventVanished)
	return t.forget(row)
}

func (t *tx) addVanished(row *boxRow, modseq int64, r mailbox.UIDRange) error {
	_, err := t.exec("INSERT INTO vanished (account, mailbox, modseq, first, last) VALUES (?, ?, ?, ?, ?)",
		row.account, row.id, modseq, int64(r.First), int64(r.Last))
	return err
}

// The queries of forget.
const (
	selectOldest = `SELECT modseq, first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq > 0
		ORDER BY modseq, first LIMIT ?`
	selectBefore = `SELECT first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq = 0 AND first < ?
		ORDER BY first DESC LIMIT 1`
	selectAfter = "SELECT first, last FROM vanished WHERE account = ? AND mailbox = ? AND modseq = 0 AND first = ?"
)

// forget bounds the number of vanished ranges. If more than half of
// Options.MaxVanished have a ModSeq, it clears that of the oldest and joins them
// with neighbours without one. Between two ranges without a ModSeq there is a
// message or a range with one, so that there are not many. Changes since a ModSeq
// before the last cleared one returns all ranges without one.
func (t *tx) forget(row *boxRow) error {
	excess := min(row.vanished-int64(t.s.opts.MaxVanished/2), 2*sliceRows) // a few steps after a large Move
	if excess <= 0 {
		return nil
	}
	r, err := t.c.query(selectOldest, row.account, row.id, excess)
	if err != nil {
		return err
	}
	var ranges []mailbox.UIDRange
	var first int64
	for r.next() {
		row.forgotten, first = r.int(0), r.int(1)
		ranges = append(ranges, mailbox.UIDRange{First: mailbox.UID(first), Last: mailbox.UID(r.int(2))})
	}
	if err := r.close(); err != nil {
		return err
	}
	_, err = t.exec("DELETE FROM vanished WHERE account = ? AND mailbox = ? AND modseq > 0 AND (modseq, first) <= (?, ?)",
		row.account, row.id, row.forgotten, first)
	if err != nil {
		return err
	}
	row.vanished -= int64(len(ranges))
	for _, r := range mailbox.UIDSetOfRanges(ranges...).Ranges() {
		if err := t.join(row, r); err != nil {
			return err
		}
	}
	return nil
}

// join adds a range to those without a ModSeq.
func (t *tx) join(row *boxRow, r mailbox.UIDRange) error {
	for _, q := range []struct {
		query string
		arg   mailbox.UID
	}{{selectBefore, r.First}, {selectAfter, r.Last + 1}} {
		rows, err := t.c.query(q.query, row.account, row.id, int64(q.arg))
		if err != nil {
			return err
		}
		var next mailbox.UIDRange
		if rows.next() {
			next = mailbox.UIDRange{First: mailbox.UID(rows.int(0)), Last: mailbox.UID(rows.int(1))}
		}
		if err := rows.close(); err != nil {
			return err
		}
		if next.First == 0 || next.Last+1 < r.First {
			continue
		}
		_, err = t.exec("DELETE FROM vanished WHERE account = ? AND mailbox = ? AND modseq = 0 AND first = ?", row.account, row.id, int64(next.First))
		if err != nil {
			return err
		}
		r = mailbox.UIDRange{First: min(r.First, next.First), Last: max(r.Last, next.Last)}
	}
	return t.addVanished(row, 0, r)
}
