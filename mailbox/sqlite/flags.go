package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res mailbox.FlagResult
	err := b.a.write(ctx, func(t *tx) (err error) { res, err = t.setFlags(b, set, change); return err })
	if err != nil {
		return mailbox.FlagResult{}, fmt.Errorf("set flags: %w", err)
	}
	return res, nil
}

// apply returns what a change makes of the flags of a message.
func apply(change *mailbox.FlagChange, old mailbox.FlagSet) mailbox.FlagSet {
	switch change.Op {
	case mailbox.FlagsAdd:
		return old.With(change.Flags)
	case mailbox.FlagsRemove:
		return old.Without(change.Flags)
	}
	return change.Flags
}

func (t *tx) setFlags(b *box, set mailbox.UIDSet, change mailbox.FlagChange) (res mailbox.FlagResult, err error) {
	row, err := t.box(b.a.id, b.id)
	if err != nil {
		return res, err
	}
	modseq := row.modseq + 1
	var lastSet mailbox.FlagSet // keywords that were joined last, and
	var lastJoined string       // their text
	known := change.Op == mailbox.FlagsRemove || len(change.Flags.Keywords()) == 0
	err = t.entries(row, set, func(e *mailbox.Entry, _ int64) error {
		if change.UnchangedSince != nil && e.ModSeq > *change.UnchangedSince {
			res.Conflicts.Add(e.UID)
			return nil
		}
		flags := apply(&change, e.Flags)
		if !flags.Equal(e.Flags) {
			if !known {
				known = true
				if err := t.addKeywords(row, change.Flags); err != nil {
					return err
				}
			}
			if !sameKeywords(flags, lastSet) {
				lastSet, lastJoined = flags, joinKeywords(flags)
			}
			_, err := t.exec(`UPDATE message SET modseq = ?, flags = ?, keywords = ? WHERE account = ? AND mailbox = ? AND uid = ?`,
				modseq, int64(flags.System()), lastJoined, row.account, row.id, int64(e.UID))
			if err != nil {
				return err
			}
			row.change(t).modseq = modseq
			row.count(e.Flags.System(), -1)
			row.count(flags.System(), 1)
			e.Flags, e.ModSeq = flags, mailbox.ModSeq(modseq)
			res.ModSeq = e.ModSeq
		}
		res.Entries = append(res.Entries, *e)
		return nil
	})
	if err == nil && res.ModSeq != 0 {
		t.event(row.account, row.id, mailbox.EventFlags)
	}
	return res, err
}

// sameKeywords reports whether the keywords of both sets are the same list.
func sameKeywords(a, b mailbox.FlagSet) bool {
	x, y := a.Keywords(), b.Keywords()
	return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
}

// entries calls f with every entry of the set, ascending. f may change messages
// it has been called with.
func (t *tx) entries(row *boxRow, set mailbox.UIDSet, f func(e *mailbox.Entry, content int64) error) error {
	type entry struct {
		mailbox.Entry
		content int64
	}
	var read entryReader
	within := cursor{set.Ranges()}
	page := make([]entry, 0, min(pageRows, set.Len()))
	for first, last := range spans(set, 16) {
		last = min(last, mailbox.UID(row.uidnext-1)) // a message copied into its own mailbox is not copied again
		for first <= last {
			r, err := t.c.query("SELECT "+entryColumns+` FROM message m WHERE m.account = ? AND m.mailbox = ? AND m.uid BETWEEN ? AND ?
				ORDER BY m.uid LIMIT ?`, row.account, row.id, int64(first), int64(last), int64(pageRows))
			if err != nil {
				return err
			}
			page = page[:0]
			n := 0
			for r.next() {
				n++
				uid := mailbox.UID(r.int(0))
				first = uid + 1
				if within.contains(uid) {
					e, content := read.entry(r)
					page = append(page, entry{e, content})
				}
			}
			if err := r.close(); err != nil {
				return err
			}
			for i := range page {
				if err := f(&page[i].Entry, page[i].content); err != nil {
					return err
				}
			}
			if n < pageRows {
				break
			}
		}
	}
	return nil
}
