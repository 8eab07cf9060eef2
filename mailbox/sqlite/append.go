package sqlite

import (
	"context"
	"fmt"
	"math"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Append(ctx context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
	if err := b.admit(ctx, msgs); err != nil {
		return mailbox.Result{}, fmt.Errorf("append: %w", err)
	}
	if len(msgs) == 0 {
		return mailbox.Result{}, nil
	}
	var res mailbox.Result
	err := b.a.stage(ctx, msgs, 0, func(t *tx, staged []*staged) (err error) {
		row, err := t.box(b.a.id, b.id)
		if err != nil {
			return err
		}
		before := row.modseq
		var size int64
		for _, m := range staged {
			size += m.size
		}
		acct, err := t.account(b.a.id)
		if err != nil {
			return err
		}
		if err := acct.room(int64(len(staged)), size); err != nil {
			return err
		}
		uids, err := t.append(row, acct, staged)
		if err != nil {
			return err
		}
		res = mailbox.Result{DestID: boxID(row.id), DestUIDValidity: uint32(row.uidvalidity)}
		for _, uid := range uids {
			res.Add(0, uid)
		}
		res.Steps.Add(row.step(before))
		return nil
	})
	if err != nil {
		return mailbox.Result{}, fmt.Errorf("append: %w", err)
	}
	return res, nil
}

// admit refuses an Append that is bound to fail before its bodies are read.
// For small ones the check costs more than it saves.
func (b *box) admit(ctx context.Context, msgs []mailbox.Incoming) error {
	if limit := b.s.opts.MaxAppend; limit > 0 && len(msgs) > limit {
		return fmt.Errorf("%w: %d messages at once", mailbox.ErrLimit, limit)
	}
	size := announced(msgs)
	if size <= maxBody && len(msgs) > 0 {
		return nil
	}
	return b.a.admit(ctx, size, func(c *conn, acct *accountRow) error {
		if _, err := b.load(c); err != nil {
			return err
		}
		return acct.room(int64(len(msgs)), size)
	})
}

// admit calls f with the account, and then sees to it that there is space for a
// message of that size, or less if it is not announced.
func (a *account) admit(ctx context.Context, size int64, f func(*conn, *accountRow) error) error {
	return a.withSpace(ctx, size, func() error {
		return a.view(ctx, func(c *conn) error {
			acct, err := loadAccount(c, a.id)
			if err != nil {
				return err
			}
			if err := f(c, acct); err != nil {
				return err
			}
			return acct.space(a.s, size)
		})
	})
}

// announced returns the total size of messages, as far as it is announced.
func announced(msgs []mailbox.Incoming) (size int64) {
	for i := range msgs {
		size += min(max(0, msgs[i].Size), math.MaxInt64-size)
	}
	return size
}

// stage reads the bodies of messages, and then calls run in a transaction, in
// which it makes all of them, and removes messages of so many octets.
func (a *account) stage(ctx context.Context, msgs []mailbox.Incoming, replaced int64, run func(*tx, []*staged) error) error {
	if a.closed.Load() {
		return mailbox.ErrClosed
	}
	st := &stage{ctx: ctx, a: a, total: -replaced}
	made := false
	defer func() { st.release(made) }()
	for i := range msgs {
		if err := st.take(&msgs[i]); err != nil {
			return err
		}
	}
	err := a.withSpace(ctx, growth(st.messages), func() error {
		return a.do(ctx, &request{rows: appendCost * len(msgs), size: st.held, adds: true, run: func(t *tx) error { return run(t, st.messages) }})
	})
	made = err == nil
	return err
}

const insertMessage = `INSERT INTO message (account, mailbox, uid, modseq, flags, keywords, date, zone, saved, size, content)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// append adds messages, for which the quota has space.
func (t *tx) append(row *boxRow, acct *accountRow, msgs []*staged) ([]mailbox.UID, error) {
	var keywords mailbox.FlagSet
	for _, m := range msgs {
		keywords = keywords.With(m.flags)
	}
	if err := row.roomForUIDs(len(msgs)); err != nil {
		return nil, err
	}
	if err := acct.space(t.s, growth(msgs)); err != nil {
		return nil, err
	}
	if err := t.addKeywords(row, keywords); err != nil {
		return nil, err
	}
	uids := make([]mailbox.UID, 0, len(msgs))
	row.change(t).modseq++
	acct.change(t)
	for _, m := range msgs {
		content, err := t.attach(acct.id, m)
		if err != nil {
			return nil, err
		}
		date := m.date
		if date.IsZero() {
			date = t.now
		}
		seconds, zone := splitDate(date)
		uid := row.add(m.flags.System(), m.size)
		_, err = t.exec(insertMessage, acct.id, row.id, uid, row.modseq, int64(m.flags.System()), m.keywords,
			seconds, zone, t.now.Unix(), m.size, content)
		if err != nil {
			return nil, err
		}
		uids = append(uids, mailbox.UID(uid))
		acct.messages++
		acct.storage += m.size
	}
	t.event(acct.id, row.id, mailbox.EventNew)
	return uids, nil
}

// roomForUIDs returns mailbox.ErrLimit if fewer UIDs are left.
func (b *boxRow) roomForUIDs(n int) error {
	if b.uidnext+int64(n) > int64(mailbox.MaxUID) {
		return fmt.Errorf("%w: out of UIDs", mailbox.ErrLimit)
	}
	return nil
}

// add counts a new message and returns its UID. change has been called.
func (b *boxRow) add(flags mailbox.SystemFlags, size int64) (uid int64) {
	uid = b.uidnext
	b.uidnext++
	b.messages++
	b.storage += size
	b.count(flags, 1)
	return uid
}

// count adds a message to the counters that depend on flags, or subtracts it.
func (b *boxRow) count(flags mailbox.SystemFlags, n int64) {
	if flags&mailbox.SystemSeen == 0 {
		b.unseen += n
	}
	if flags&mailbox.SystemDeleted != 0 {
		b.deleted += n
	}
}

// attach gives the content of a staged message its first reference and returns its
// number.
func (t *tx) attach(account int64, m *staged) (int64, error) {
	if m.content == 0 {
		id, err := t.newContent(account, 1, 0, 0, m)
		if err != nil {
			return 0, err
		}
		if m.size <= maxBody {
			return id, t.newBody(account, id, m.rest)
		}
		return id, t.newChunk(account, id, 0, m.rest)
	}
	res, err := t.exec("UPDATE content SET refs = 1, waiting = 0, header = ?, summary = ? WHERE id = ? AND refs = 0 AND free_at > 0",
		m.header, m.summary, m.content)
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return 0, errLate
	}
	if err := t.waits(account, -m.waiting(m.stored)); err != nil {
		return 0, err
	}
	if len(m.rest) > 0 {
		return m.content, t.newChunk(account, m.content, m.stored, m.rest)
	}
	return m.content, nil
}

// errLate is returned if a body was swept away before its message was made.
var errLate = fmt.Errorf("%w: the message took too long to arrive", mailbox.ErrUnavailable)

// newContent creates the content of a staged message; without references it needs
// no summary yet.
func (t *tx) newContent(account, refs, freeAt, waiting int64, m *staged) (id int64, err error) {
	header, summary := int64(0), []byte{}
	if refs > 0 {
		header, summary = m.header, m.summary
	}
	res, err := t.exec("INSERT INTO content (account, refs, free_at, header, summary, waiting) VALUES (?, ?, ?, ?, ?, ?)",
		account, refs, freeAt, header, summary, waiting)
	if err != nil {
		return 0, err
	}
	return res.LastInsertId()
}

func (t *tx) newBody(account, content int64, data []byte) error {
	if data == nil {
		data = []byte{}
	}
	_, err := t.exec("INSERT INTO body (id, account, data) VALUES (?, ?, ?)", content, account, data)
	return err
}

func (t *tx) newChunk(account, content, offset int64, data []byte) error {
	_, err := t.exec("INSERT INTO chunk (account, content, offset, data) VALUES (?, ?, ?, ?)", account, content, offset, data)
	return err
}
