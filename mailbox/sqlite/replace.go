package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Replace(ctx context.Context, uid mailbox.UID, dest string, msg mailbox.Incoming) (mailbox.Result, error) {
	dest = mailbox.CanonicalName(dest)
	var res mailbox.Result
	old, err := b.admitReplace(ctx, uid, dest, msg.Size)
	if err == nil {
		err = b.a.stage(ctx, []mailbox.Incoming{msg}, old, func(t *tx, m []*staged) (err error) {
			res, err = t.replace(b, uid, dest, m)
			return err
		})
	}
	if err != nil {
		return mailbox.Result{}, fmt.Errorf("replace: %w", err)
	}
	return res, nil
}

// admitReplace refuses a Replace that is bound to fail before the body is read. It
// returns the size of the message that is to be replaced.
func (b *box) admitReplace(ctx context.Context, uid mailbox.UID, dest string, size int64) (replaced int64, err error) {
	err = b.a.admit(ctx, size, func(c *conn, acct *accountRow) error {
		row, err := b.load(c)
		if err != nil {
			return err
		}
		if _, err := loadBox(c, boxByName, b.a.id, dest); err != nil {
			return fmt.Errorf("destination: %w", err)
		}
		old, err := loadEntry(c, row, uid)
		if err != nil {
			return err
		}
		replaced = old.Size
		return acct.room(0, max(size, 0)-old.Size)
	})
	return replaced, err
}

// replace makes a staged message in dest and removes the one with the UID.
func (t *tx) replace(b *box, uid mailbox.UID, dest string, msg []*staged) (res mailbox.Result, err error) {
	p, err := t.place(b, dest)
	if err != nil {
		return res, err
	}
	old, err := loadEntry(t.c, p.from, uid)
	if err != nil {
		return res, err
	}
	if err := p.acct.room(0, msg[0].size-old.Size); err != nil {
		return res, err
	}
	uids, err := t.append(p.to, p.acct, msg)
	if err != nil {
		return res, err
	}
	waiting, err := t.release(old.content, old.Size)
	if err != nil {
		return res, err
	}
	if err := t.waits(p.acct.id, waiting); err != nil {
		return res, err
	}
	if err := t.remove(p.from, old); err != nil {
		return res, err
	}
	if err := t.vanish(p.from, mailbox.UIDSetOf(uid)); err != nil {
		return res, err
	}
	res.Add(uid, uids[0])
	p.result(&res)
	return res, nil
}

// loadEntry reads the entry of one message; mailbox.ErrNotExist.
func loadEntry(c *conn, row *boxRow, uid mailbox.UID) (*entry, error) {
	r, err := c.query(pageQueries[colEntry], row.account, row.id, int64(uid), int64(uid), int64(1))
	if err != nil {
		return nil, err
	}
	var e entry
	if r.next() {
		var read entryReader
		e = read.scan(r, colEntry)
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	if e.UID == 0 {
		return nil, fmt.Errorf("message %d: %w", uid, mailbox.ErrNotExist)
	}
	return &e, nil
}
