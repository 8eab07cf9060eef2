package sqlite

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return b.transfer(ctx, set, dest, false)
}

func (b *box) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return b.transfer(ctx, set, dest, true)
}

// transferRows is how many messages one transaction of Copy or Move processes,
// which takes 10 to 20 ms. A call with no more is all or none, whatever happens.
const transferRows = 4 * sliceRows

func (b *box) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (mailbox.Result, error) {
	op := "copy"
	if move {
		op = "move"
	}
	var res mailbox.Result
	err := b.admitTransfer(ctx, set, move)
	if err == nil {
		res, err = b.transferAll(ctx, set, mailbox.CanonicalName(dest), move)
	}
	if err != nil && !move {
		// RFC 3501 §6.4.7: the destination is as it was before.
		err = errors.Join(err, b.takeBack(ctx, &res))
		res = mailbox.Result{}
	}
	if err != nil {
		return res, fmt.Errorf("%s: %w", op, err)
	}
	return res, nil
}

// admitTransfer refuses a Copy in several slices that does not fit into the quota.
func (b *box) admitTransfer(ctx context.Context, set mailbox.UIDSet, move bool) error {
	if move || set.Len() <= transferRows {
		return nil
	}
	var row *boxRow
	var acct *accountRow
	err := b.a.view(ctx, func(c *conn) (err error) {
		if row, err = b.load(c); err != nil {
			return err
		}
		acct, err = loadAccount(c, b.a.id)
		return err
	})
	if err != nil || row.messages <= transferRows || acct.room(row.messages, row.storage) == nil {
		return err
	}
	var messages, size int64
	for msg, err := range b.Messages(ctx, set, mailbox.WantEntry) {
		if err != nil {
			return err
		}
		messages++
		size += msg.Size
	}
	return acct.room(messages, size)
}

// transferAll copies or moves messages in slices. With an error it returns what has
// been done.
func (b *box) transferAll(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (res mailbox.Result, err error) {
	for at := cursorOf(set); ; {
		var next cursor
		var part mailbox.Result
		r := &request{rows: min(set.Len(), transferRows), adds: !move}
		r.run = func(t *tx) (err error) {
			next = at
			part, err = t.transfer(b, &next, dest, res.DestID, move)
			return err
		}
		if err := b.a.do(ctx, r); err != nil {
			return res, err
		}
		res.DestID, res.DestUIDValidity = part.DestID, part.DestUIDValidity
		for _, m := range part.Moved {
			for i := range m.Source.Len() {
				res.Add(m.Source.First+mailbox.UID(i), m.Dest.First+mailbox.UID(i))
			}
		}
		for _, step := range part.Steps {
			res.Steps.Add(step)
		}
		for _, step := range part.DestSteps {
			res.DestSteps.Add(step)
		}
		if at = next; at.ended() {
			return res, nil
		}
		if err := b.s.pause(ctx); err != nil {
			return res, err
		}
	}
}

// takeBack removes the messages that a Copy has made.
func (b *box) takeBack(ctx context.Context, res *mailbox.Result) error {
	if len(res.Moved) == 0 {
		return nil
	}
	id, err := boxOf(res.DestID)
	if err != nil {
		return err
	}
	_, err = (&box{a: b.a, s: b.s, id: id}).Expunge(context.WithoutCancel(ctx), res.DestUIDs(), mailbox.FlagSet{})
	if isNotExist(err) {
		return nil
	}
	return err
}

// transfer adds messages to dest that share the contents of those of the next slice,
// and for a move removes the latter. destID, if there is one, is what dest was for
// the slice before.
func (t *tx) transfer(b *box, at *cursor, dest, destID string, move bool) (res mailbox.Result, err error) {
	p, err := t.place(b, dest)
	if err != nil {
		return res, err
	}
	if destID != "" && destID != boxID(p.to.id) {
		return res, fmt.Errorf("destination: %w", mailbox.ErrNotExist)
	}
	from, to := p.from, p.to
	var modseq int64
	var known mailbox.FlagSet // keywords that dest is known to have
	err = t.slices(from, at, transferRows, colEntry, func(e *entry) error {
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
