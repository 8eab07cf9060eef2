package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.CopyResult, error) {
	return b.transfer(ctx, set, dest, false)
}

func (b *box) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.CopyResult, error) {
	return b.transfer(ctx, set, dest, true)
}

func (b *box) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (mailbox.CopyResult, error) {
	var res mailbox.CopyResult
	err := b.a.write(ctx, func(t *tx) (err error) {
		res, err = t.transfer(b, set, mailbox.CanonicalName(dest), move)
		return err
	})
	if err != nil {
		op := "copy"
		if move {
			op = "move"
		}
		return mailbox.CopyResult{}, fmt.Errorf("%s: %w", op, err)
	}
	return res, nil
}

// transfer makes messages in dest that share the contents of those of the set,
// and removes these if they are to move.
func (t *tx) transfer(b *box, set mailbox.UIDSet, dest string, move bool) (res mailbox.CopyResult, err error) {
	from, err := t.box(b.a.id, b.id)
	if err != nil {
		return res, err
	}
	to, err := t.boxNamed(b.a.id, dest)
	if err != nil {
		return res, fmt.Errorf("destination: %w", err)
	}
	acct, err := t.account(b.a.id)
	if err != nil {
		return res, err
	}
	res = mailbox.CopyResult{DestID: boxID(to.id), DestUIDValidity: uint32(to.uidvalidity)}
	var modseq int64
	var known mailbox.FlagSet // keywords that dest has for sure
	err = t.entries(from, set, func(e *mailbox.Entry, content int64) error {
		if modseq == 0 {
			to.change(t).modseq++
			modseq = to.modseq
		}
		if err := to.roomForUIDs(1); err != nil {
			return err
		}
		if !known.HasAll(e.Flags) {
			if err := t.addKeywords(to, e.Flags); err != nil {
				return err
			}
			known = known.With(e.Flags)
		}
		if move {
			if err := t.remove(from, e); err != nil {
				return err
			}
		} else {
			if err := acct.room(1, e.Size); err != nil {
				return err
			}
			if _, err := t.exec("UPDATE content SET refs = refs + 1 WHERE id = ?", content); err != nil {
				return err
			}
		}
		acct.change(t)
		acct.messages++
		acct.storage += e.Size
		uid := to.add(e.Flags.System(), e.Size)
		seconds, zone := splitDate(e.InternalDate)
		_, err := t.exec(insertMessage, to.account, to.id, uid, modseq, int64(e.Flags.System()), joinKeywords(e.Flags),
			seconds, zone, t.now.Unix(), e.Size, content)
		res.Source.Add(e.UID)
		res.Dest.Add(mailbox.UID(uid))
		return err
	})
	if err != nil || res.Source.IsEmpty() {
		return res, err
	}
	t.event(to.account, to.id, mailbox.EventNew)
	if move {
		res.ModSeq, err = t.vanish(from, res.Source)
	}
	return res, err
}
