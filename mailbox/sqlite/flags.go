package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res, part mailbox.FlagResult
	if change.Op != mailbox.FlagsRemove {
		if err := mailbox.ValidKeywords(change.Flags, b.a.Limits()); err != nil {
			return res, fmt.Errorf("set flags: %w", err)
		}
	}
	err := b.slices(ctx, set, func(t *tx, row *boxRow, at *cursor) (err error) {
		part, err = t.setFlags(row, at, &change)
		return err
	}, func(step mailbox.Step) {
		addAll(&res.Changed, part.Changed)
		addAll(&res.Conflicts, part.Conflicts)
		res.Steps.Add(step)
	})
	if err != nil {
		return res, fmt.Errorf("set flags: %w", err)
	}
	return res, nil
}

// addAll adds UIDs to a set whose UIDs are all lower.
func addAll(set *mailbox.UIDSet, more mailbox.UIDSet) {
	for _, r := range more.Ranges() {
		set.AddRange(r.First, r.Last)
	}
}

// apply returns the flags of a message after a change.
func apply(change *mailbox.FlagChange, old mailbox.FlagSet) mailbox.FlagSet {
	switch change.Op {
	case mailbox.FlagsAdd:
		return old.With(change.Flags)
	case mailbox.FlagsRemove:
		return old.Without(change.Flags)
	}
	return change.Flags
}

// setFlags changes the flags of the next slice.
func (t *tx) setFlags(row *boxRow, at *cursor, change *mailbox.FlagChange) (res mailbox.FlagResult, err error) {
	modseq := row.modseq + 1
	var lastSet mailbox.FlagSet // keywords that were joined last, and
	var lastJoined string       // their text
	known := change.Op == mailbox.FlagsRemove || len(change.Flags.Keywords()) == 0
	err = t.slice(row, at, colFlags, func(e *entry) error {
		if change.UnchangedSince != nil && e.ModSeq > *change.UnchangedSince {
			res.Conflicts.Add(e.UID)
			return nil
		}
		flags := apply(change, e.Flags)
		if flags.Equal(e.Flags) {
			return nil
		}
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
		row.change(t).modseq = modseq
		row.count(e.Flags.System(), -1)
		row.count(flags.System(), 1)
		res.Changed.Add(e.UID)
		return err
	})
	if err == nil && !res.Changed.IsEmpty() {
		t.event(row.account, row.id, mailbox.EventFlags)
	}
	return res, err
}

// sameKeywords reports whether the keywords of both sets are the same list.
func sameKeywords(a, b mailbox.FlagSet) bool {
	x, y := a.Keywords(), b.Keywords()
	return len(x) == len(y) && (len(x) == 0 || &x[0] == &y[0])
}
