package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return b.transfer(ctx, set, dest, false)
}

func (b *box) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return b.transfer(ctx, set, dest, true)
}

func (b *box) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (mailbox.Result, error) {
	var res mailbox.Result
	r := &request{rows: min(set.Len(), sliceRows), adds: true}
	r.run = func(t *tx) (err error) {
		res, err = t.transfer(b, set, mailbox.CanonicalName(dest), move)
		return err
	}
	if err := b.a.do(ctx, r); err != nil {
		op := "copy"
		if move {
			op = "move"
		}
		return mailbox.Result{}, fmt.Errorf("%s: %w", op, err)
	}
	return res, nil
}

// transfer adds messages to dest that share the contents of those of the set, and
// for a move removes the latter.
func (t *tx) transfer(b *box, set mailbox.UIDSet, dest string, move bool) (res mailbox.Result, err error) {
	p, err := t.place(b, dest)
	if err != nil {
		return res, err
	}
	from, to := p.from, p.to
	var modseq int64
	var known mailbox.FlagSet // keywords that dest is known to have
	err = t.all(from, set, colEntry, func(e *entry) error {
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
			if err := p.acct.room(1, e.Size); err != nil {
				return err
			}
			if _, err := t.exec("UPDATE content SET refs = refs + 1 WHERE id = ?", e.content); err != nil {
				return err
			}
		}
		p.acct.change(t)
		p.acct.messages++
		p.acct.storage += e.Size
		uid := to.add(e.Flags.System(), e.Size)
		seconds, zone := splitDate(e.InternalDate)
		_, err := t.exec(insertMessage, to.account, to.id, uid, modseq, int64(e.Flags.System()), joinKeywords(e.Flags),
			seconds, zone, t.now.Unix(), e.Size, e.content)
		res.Add(e.UID, mailbox.UID(uid))
		return err
	})
	if err == nil && len(res.Moved) > 0 {
		t.event(to.account, to.id, mailbox.EventNew)
		if move {
			err = t.vanish(from, res.SourceUIDs())
		}
	}
	p.result(&res)
	return res, err
}

// places are the source and destination of messages, which may be the same.
type places struct {
	acct     *accountRow
	from, to *boxRow
	modseqs  [2]int64 // of both, before the transfer
}

// place finds a mailbox of a handle, and another by name.
func (t *tx) place(b *box, dest string) (p places, err error) {
	if p.from, err = t.box(b.a.id, b.id); err != nil {
		return p, err
	}
	if p.to, err = t.boxNamed(b.a.id, dest); err != nil {
		return p, fmt.Errorf("destination: %w", err)
	}
	p.acct, err = t.account(b.a.id)
	p.modseqs = [2]int64{p.from.modseq, p.to.modseq}
	return p, err
}

// result sets the destination of a result, and its steps.
func (p *places) result(res *mailbox.Result) {
	res.DestID, res.DestUIDValidity = boxID(p.to.id), uint32(p.to.uidvalidity)
	res.Steps.Add(p.from.step(p.modseqs[0]))
	if p.to != p.from {
		res.DestSteps.Add(p.to.step(p.modseqs[1]))
	}
}
