package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func (b *box) Append(ctx context.Context, drafts ...mailbox.Draft) ([]mailbox.UID, error) {
	if err := b.admit(ctx, drafts); err != nil {
		return nil, err
	}
	if len(drafts) == 0 {
		return nil, nil
	}
	st := &stage{ctx: ctx, a: b.a}
	made := false
	defer func() { st.release(made) }()
	for i := range drafts {
		if err := st.take(&drafts[i]); err != nil {
			return nil, fmt.Errorf("append: %w", err)
		}
	}
	var uids []mailbox.UID
	r := &request{size: st.held}
	r.run = func(t *tx) (err error) { uids, err = t.append(b, st.drafts); return err }
	if err := b.s.do(ctx, r); err != nil {
		return nil, fmt.Errorf("append: %w", err)
	}
	made = true
	return uids, nil
}

// admit refuses an Append that is bound to fail before its bodies are read.
// Small ones are not worth the look.
func (b *box) admit(ctx context.Context, drafts []mailbox.Draft) error {
	var size int64
	for i := range drafts {
		size += max(0, drafts[i].Size)
	}
	if size <= maxBody && len(drafts) > 0 {
		if b.a.closed.Load() {
			return mailbox.ErrClosed
		}
		return nil
	}
	return b.a.read(ctx, func(c *conn) error {
		if _, err := b.load(c); err != nil {
			return err
		}
		a, err := loadAccount(c, b.a.id)
		if err != nil {
			return err
		}
		return a.room(int64(len(drafts)), size)
	})
}

const insertMessage = `INSERT INTO message (account, mailbox, uid, modseq, flags, keywords, date, zone, saved, size, content)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`

// append makes the messages.
func (t *tx) append(b *box, drafts []*staged) ([]mailbox.UID, error) {
	row, err := t.box(b.a.id, b.id)
	if err != nil {
		return nil, err
	}
	acct, err := t.account(b.a.id)
	if err != nil {
		return nil, err
	}
	var size int64
	var keywords mailbox.FlagSet
	for _, m := range drafts {
		size += m.size
		keywords = keywords.With(m.flags)
	}
	if err := acct.room(int64(len(drafts)), size); err != nil {
		return nil, err
	}
	if err := row.roomForUIDs(len(drafts)); err != nil {
		return nil, err
	}
	if err := t.addKeywords(row, keywords); err != nil {
		return nil, err
	}
	uids := make([]mailbox.UID, 0, len(drafts))
	row.change(t).modseq++
	acct.change(t)
	for _, m := range drafts {
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
	}
	acct.messages += int64(len(drafts))
	acct.storage += size
	t.event(acct.id, row.id, mailbox.EventNew)
	return uids, nil
}

// roomForUIDs returns mailbox.ErrLimit when there are not so many UIDs left.
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

// count adds a message to the counters that flags make, or takes it off.
func (b *boxRow) count(flags mailbox.SystemFlags, n int64) {
	if flags&mailbox.SystemSeen == 0 {
		b.unseen += n
	}
	if flags&mailbox.SystemDeleted != 0 {
		b.deleted += n
	}
}

// attach gives the content of a draft its first reference and returns its
// number.
func (t *tx) attach(account int64, m *staged) (int64, error) {
	if m.content == 0 {
		id, err := t.newContent(account, 1, 0, m.summary)
		if err != nil {
			return 0, err
		}
		if m.size <= maxBody {
			return id, t.newBody(account, id, m.rest)
		}
		return id, t.newChunk(account, id, 0, m.rest)
	}
	res, err := t.exec("UPDATE content SET refs = 1, summary = ? WHERE id = ? AND refs = 0", m.summary, m.content)
	if err != nil {
		return 0, err
	}
	if n, err := res.RowsAffected(); err != nil || n != 1 {
		return 0, fmt.Errorf("%w: the message took too long to arrive", mailbox.ErrUnavailable)
	}
	if len(m.rest) > 0 {
		return m.content, t.newChunk(account, m.content, m.stored, m.rest)
	}
	return m.content, nil
}

func (t *tx) newContent(account, refs, freeAt int64, summary []byte) (id int64, err error) {
	if summary == nil {
		summary = []byte{}
	}
	res, err := t.exec("INSERT INTO content (account, refs, free_at, summary) VALUES (?, ?, ?, ?)", account, refs, freeAt, summary)
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
