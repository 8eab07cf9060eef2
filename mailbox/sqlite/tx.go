package sqlite

import (
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// tx is a transaction of the writer. The rows with counters that its requests
// change are kept in memory and written back once, before the commit.
type tx struct {
	s        *Store
	c        *conn
	now      time.Time
	wrote    bool // something was changed since this was set to false
	accounts map[int64]*accountRow
	boxes    map[int64]*boxRow
	events   []event
}

// event is a change that is reported to watchers after the commit.
type event struct {
	account int64
	box     int64 // zero: the account itself
	kind    mailbox.EventKind
}

func newTx(s *Store, c *conn) *tx {
	return &tx{s: s, c: c, now: time.Now(), accounts: map[int64]*accountRow{}, boxes: map[int64]*boxRow{}}
}

// exec runs a statement that changes something.
func (t *tx) exec(text string, args ...any) (driver.Result, error) {
	t.wrote = true
	return t.c.exec(text, args...)
}

// event records a change, once for each mailbox.
func (t *tx) event(account, box int64, kind mailbox.EventKind) {
	for i := range t.events {
		if e := &t.events[i]; e.account == account && e.box == box {
			e.kind |= kind
			return
		}
	}
	t.events = append(t.events, event{account, box, kind})
}

// commit writes the counters and commits.
func (t *tx) commit() error {
	if err := t.flush(); err != nil {
		return err
	}
	return t.c.commit()
}

// flush writes the counters back and forgets them.
func (t *tx) flush() error {
	for _, a := range t.accounts {
		if a.dirty {
			if err := a.save(t); err != nil {
				return err
			}
		}
	}
	for _, b := range t.boxes {
		if b.dirty {
			if err := b.save(t); err != nil {
				return err
			}
		}
	}
	clear(t.accounts)
	clear(t.boxes)
	return nil
}

// accountRow is a row of account.
type accountRow struct {
	id                                    int64
	epoch, uidvalidity                    int64
	mailboxes, messages, storage          int64
	waiting                               int64 // octets, see space.go
	maxMailboxes, maxMessages, maxStorage int64
	dirty                                 bool
}

const selectAccount = `SELECT id, epoch, uidvalidity, mailboxes, messages, storage, max_mailboxes, max_messages, max_storage, waiting
	FROM account WHERE id = ?`

// loadAccount reads an account; mailbox.ErrNotExist.
func loadAccount(c *conn, id int64) (*accountRow, error) {
	r, err := c.query(selectAccount, id)
	if err != nil {
		return nil, err
	}
	var a *accountRow
	if r.next() {
		a = &accountRow{
			id: r.int(0), epoch: r.int(1), uidvalidity: r.int(2),
			mailboxes: r.int(3), messages: r.int(4), storage: r.int(5),
			maxMailboxes: r.int(6), maxMessages: r.int(7), maxStorage: r.int(8),
			waiting: r.int(9),
		}
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	if a == nil {
		return nil, fmt.Errorf("account: %w", mailbox.ErrNotExist)
	}
	return a, nil
}

func (a *accountRow) save(t *tx) error {
	_, err := t.exec(`UPDATE account SET epoch = ?, uidvalidity = ?, mailboxes = ?, messages = ?, storage = ?,
		max_mailboxes = ?, max_messages = ?, max_storage = ?, waiting = ? WHERE id = ?`,
		a.epoch, a.uidvalidity, a.mailboxes, a.messages, a.storage,
		a.maxMailboxes, a.maxMessages, a.maxStorage, a.waiting, a.id)
	return err
}

// account returns an account for reading; see change.
func (t *tx) account(id int64) (*accountRow, error) {
	a := t.accounts[id]
	if a == nil {
		var err error
		if a, err = loadAccount(t.c, id); err != nil {
			return nil, err
		}
		t.accounts[id] = a
	}
	return a, nil
}

// change marks the row as changed: to be called before its fields are.
func (a *accountRow) change(t *tx) *accountRow {
	a.dirty, t.wrote = true, true
	return a
}

// room returns mailbox.ErrOverQuota if adding this much would exceed a quota.
func (a *accountRow) room(messages, storage int64) error {
	switch {
	case a.maxMessages >= 0 && messages > 0 && messages > a.maxMessages-a.messages:
		return fmt.Errorf("%w: %d messages of %d", mailbox.ErrOverQuota, a.messages, a.maxMessages)
	case a.maxStorage >= 0 && storage > 0 && storage > a.maxStorage-a.storage:
		return fmt.Errorf("%w: %d octets of %d", mailbox.ErrOverQuota, a.storage, a.maxStorage)
	}
	return nil
}

// boxRow is a row of mailbox.
type boxRow struct {
	id, account               int64
	name                      string
	use                       mailbox.SpecialUse
	uidvalidity               int64
	uidnext                   int64
	modseq                    int64
	recent                    int64
	messages, unseen, deleted int64
	storage                   int64
	vanished, forgotten       int64
	dirty                     bool
}

const boxColumns = `id, account, name, use, uidvalidity, uidnext, modseq, recent, messages, unseen, deleted, storage, vanished, forgotten`

// scanBox reads boxColumns.
func scanBox(r *rows) *boxRow {
	return &boxRow{
		id: r.int(0), account: r.int(1), name: r.text(2), use: mailbox.SpecialUse(r.int(3)),
		uidvalidity: r.int(4), uidnext: r.int(5), modseq: r.int(6), recent: r.int(7),
		messages: r.int(8), unseen: r.int(9), deleted: r.int(10), storage: r.int(11),
		vanished: r.int(12), forgotten: r.int(13),
	}
}

// loadBox reads the mailbox that a query selects; mailbox.ErrNotExist.
func loadBox(c *conn, where string, args ...any) (*boxRow, error) {
	r, err := c.query("SELECT "+boxColumns+" FROM mailbox WHERE "+where, args...)
	if err != nil {
		return nil, err
	}
	var b *boxRow
	if r.next() {
		b = scanBox(r)
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	if b == nil {
		return nil, fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
	}
	return b, nil
}

const (
	boxByID   = "account = ? AND id = ?"
	boxByName = "account = ? AND name = ?"
)

func (b *boxRow) save(t *tx) error {
	_, err := t.exec(`UPDATE mailbox SET uidnext = ?, modseq = ?, recent = ?, messages = ?, unseen = ?, deleted = ?,
		storage = ?, vanished = ?, forgotten = ? WHERE id = ?`,
		b.uidnext, b.modseq, b.recent, b.messages, b.unseen, b.deleted,
		b.storage, b.vanished, b.forgotten, b.id)
	return err
}

// box returns a mailbox for reading; see change.
func (t *tx) box(account, id int64) (*boxRow, error) {
	b := t.boxes[id]
	if b == nil {
		var err error
		if b, err = loadBox(t.c, boxByID, account, id); err != nil {
			return nil, err
		}
		t.boxes[id] = b
	}
	return b, nil
}

// boxNamed is box for a mailbox known by name.
func (t *tx) boxNamed(account int64, name string) (*boxRow, error) {
	b, err := loadBox(t.c, boxByName, account, name)
	if err != nil {
		return nil, err
	}
	if cached := t.boxes[b.id]; cached != nil {
		return cached, nil
	}
	t.boxes[b.id] = b
	return b, nil
}

// change marks the row as changed: to be called before its fields are.
func (b *boxRow) change(t *tx) *boxRow {
	b.dirty, t.wrote = true, true
	return b
}

// step returns the change of the mailbox since the ModSeq from.
func (b *boxRow) step(from int64) mailbox.Step {
	return mailbox.Step{From: mailbox.ModSeq(from), To: mailbox.ModSeq(b.modseq)}
}

// info describes the mailbox, except its subscription.
func (b *boxRow) info() mailbox.Info {
	return mailbox.Info{
		ID: boxID(b.id), Name: b.name, UIDValidity: uint32(b.uidvalidity), SpecialUse: b.use,
		Access: mailbox.FullAccess(), // all mailboxes of an account are its user's own
	}
}
