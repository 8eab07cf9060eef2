package sqlite

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// selectList and selectListStatus list the mailboxes of an account, the latter
// with the counters of all.
const (
	selectList       = "SELECT id, name, use, uidvalidity FROM mailbox b WHERE account = ?"
	selectListStatus = "SELECT id, name, use, uidvalidity, " + statusColumns + " FROM mailbox b WHERE account = ?"
)

func (a *account) Mailboxes(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
	var infos []mailbox.Info
	err := a.view(ctx, func(c *conn) error {
		if _, err := loadAccount(c, a.id); err != nil {
			return err
		}
		subscribed := make(map[string]bool)
		r, err := c.query("SELECT name FROM subscription WHERE account = ?", a.id)
		if err != nil {
			return err
		}
		for r.next() {
			subscribed[r.text(0)] = true
		}
		if err := r.close(); err != nil {
			return err
		}
		query := selectList
		if want&mailbox.ListStatus != 0 {
			query = selectListStatus
		}
		r, err = c.query(query, a.id)
		if err != nil {
			return err
		}
		for r.next() {
			row := boxRow{id: r.int(0), name: r.text(1), use: mailbox.SpecialUse(r.int(2)), uidvalidity: r.int(3)}
			info := row.info()
			if want&mailbox.ListStatus != 0 {
				st := scanStatus(r, 4)
				info.Status = &st
			}
			info.Subscribed = subscribed[info.Name]
			delete(subscribed, info.Name)
			infos = append(infos, info)
		}
		for name := range subscribed {
			infos = append(infos, mailbox.Info{Name: name, Subscribed: true, NonExistent: true})
		}
		slices.SortFunc(infos, func(x, y mailbox.Info) int { return strings.Compare(x.Name, y.Name) })
		return r.close()
	})
	return infos, err
}

func (a *account) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	name = mailbox.CanonicalName(name)
	b := &box{a: a, s: a.s}
	err := a.view(ctx, func(c *conn) error {
		row, err := loadBox(c, boxByName, a.id, name)
		if err != nil {
			return err
		}
		b.id, b.info = row.id, row.info()
		b.info.Subscribed, err = isSubscribed(c, a.id, name)
		return err
	})
	if err != nil {
		return nil, err
	}
	return b, nil
}

func isSubscribed(c *conn, account int64, name string) (bool, error) {
	n, err := c.queryInt("SELECT 1 FROM subscription WHERE account = ? AND name = ?", account, name)
	return n != 0, err
}

func (a *account) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	name = mailbox.CanonicalName(name)
	if err := mailbox.ValidName(name, a.s.opts.Limits); err != nil {
		return mailbox.Info{}, err
	}
	var use mailbox.SpecialUse
	if opts != nil {
		use = opts.SpecialUse & mailbox.SpecialUses
	}
	var info mailbox.Info
	err := a.do(ctx, &request{adds: true, run: func(t *tx) (err error) {
		acct, err := t.account(a.id)
		if err != nil {
			return err
		}
		if info, err = t.createBox(acct, name, use); err != nil {
			return err
		}
		info.Subscribed, err = isSubscribed(t.c, a.id, name)
		return err
	}})
	if err != nil {
		return mailbox.Info{}, fmt.Errorf("create mailbox: %w", err)
	}
	return info, nil
}

// createBox creates a mailbox with a valid name.
func (t *tx) createBox(acct *accountRow, name string, use mailbox.SpecialUse) (mailbox.Info, error) {
	taken, err := t.c.queryInt("SELECT 1 FROM mailbox WHERE account = ? AND name = ?", acct.id, name)
	if err != nil {
		return mailbox.Info{}, err
	}
	if taken != 0 {
		return mailbox.Info{}, mailbox.ErrExist
	}
	if limit := t.s.opts.Limits.MaxMailboxes; limit > 0 && acct.mailboxes >= int64(limit) {
		return mailbox.Info{}, fmt.Errorf("%w: %d mailboxes", mailbox.ErrLimit, limit)
	}
	if acct.maxMailboxes >= 0 && acct.mailboxes >= acct.maxMailboxes {
		return mailbox.Info{}, fmt.Errorf("%w: %d mailboxes", mailbox.ErrOverQuota, acct.maxMailboxes)
	}
	acct.change(t)
	acct.mailboxes++
	acct.epoch++
	// No two mailboxes of an account ever have the same UIDVALIDITY, so that
	// a name never has one that it had before (RFC 3501 §2.3.1.1), not even
	// after a rename. The clock ensures this for an account created again.
	acct.uidvalidity = max(acct.uidvalidity+1, t.now.Unix()&0xffffffff)
	b := &boxRow{account: acct.id, name: name, use: use, uidvalidity: acct.uidvalidity, uidnext: 1, modseq: 1, recent: 1}
	res, err := t.exec(`INSERT INTO mailbox (account, name, use, uidvalidity, uidnext, modseq, recent,
		messages, unseen, deleted, storage, vanished, forgotten) VALUES (?, ?, ?, ?, ?, ?, ?, 0, 0, 0, 0, 0, 0)`,
		b.account, b.name, int64(b.use), b.uidvalidity, b.uidnext, b.modseq, b.recent)
	if err != nil {
		return mailbox.Info{}, err
	}
	if b.id, err = res.LastInsertId(); err != nil {
		return mailbox.Info{}, err
	}
	t.event(acct.id, 0, mailbox.EventMailboxes)
	return b.info(), nil
}

func (a *account) Delete(ctx context.Context, name string) error {
	name = mailbox.CanonicalName(name)
	if name == mailbox.Inbox {
		return fmt.Errorf("delete mailbox: %w: INBOX can't be deleted", mailbox.ErrInvalidName)
	}
	err := a.write(ctx, func(t *tx) error {
		acct, err := t.account(a.id)
		if err != nil {
			return err
		}
		row, err := t.boxNamed(a.id, name)
		if err != nil {
			return err
		}
		acct.change(t)
		acct.epoch++
		acct.mailboxes--
		acct.messages -= row.messages
		acct.storage -= row.storage
		t.event(acct.id, 0, mailbox.EventMailboxes)
		return t.deleteBox(row)
	})
	if err != nil {
		return fmt.Errorf("delete mailbox: %w", err)
	}
	return nil
}

// deleteBox removes a mailbox at once. Its messages, which can no longer be read,
// are deleted later.
func (t *tx) deleteBox(row *boxRow) error {
	delete(t.boxes, row.id)
	if _, err := t.exec("DELETE FROM mailbox WHERE id = ?", row.id); err != nil {
		return err
	}
	if err := t.waits(row.account, row.storage+rowSize*row.messages); err != nil {
		return err
	}
	_, err := t.exec("INSERT INTO trash (account, mailbox) VALUES (?, ?)", row.account, row.id)
	t.event(row.account, row.id, mailbox.EventVanished)
	return err
}

func (a *account) Rename(ctx context.Context, from, to string) error {
	from, to = mailbox.CanonicalName(from), mailbox.CanonicalName(to)
	if from == mailbox.Inbox {
		return fmt.Errorf("rename mailbox: %w: INBOX can't be renamed", mailbox.ErrInvalidName)
	}
	if strings.HasPrefix(to, from+"/") {
		return fmt.Errorf("rename mailbox: %w: the new name is below the old one", mailbox.ErrInvalidName)
	}
	if err := mailbox.ValidName(to, a.s.opts.Limits); err != nil {
		return fmt.Errorf("rename mailbox: %w", err)
	}
	err := a.write(ctx, func(t *tx) error { return t.rename(a.id, from, to) })
	if err != nil {
		return fmt.Errorf("rename mailbox: %w", err)
	}
	return nil
}

func (t *tx) rename(account int64, from, to string) error {
	acct, err := t.account(account)
	if err != nil {
		return err
	}
	r, err := t.c.query("SELECT id, name FROM mailbox WHERE account = ?", account)
	if err != nil {
		return err
	}
	moved := make(map[int64]string) // new names
	stay := make(map[string]bool)   // names of the others
	for r.next() {
		id, name := r.int(0), r.text(1)
		if rest, ok := strings.CutPrefix(name, from); ok && (rest == "" || rest[0] == '/') {
			moved[id] = to + rest
		} else {
			stay[name] = true
		}
	}
	if err := r.close(); err != nil {
		return err
	}
	if len(moved) == 0 {
		return mailbox.ErrNotExist
	}
	if from == to {
		return mailbox.ErrExist
	}
	for _, name := range moved {
		if stay[name] {
			return mailbox.ErrExist
		}
		if err := mailbox.ValidName(name, t.s.opts.Limits); err != nil {
			return err
		}
	}
	// The new names of some may be the old names of others ("a/a" to "a"),
	// so all are first renamed away. No name is a number after a NUL.
	for id := range moved {
		if _, err := t.exec("UPDATE mailbox SET name = char(0) || id WHERE id = ?", id); err != nil {
			return err
		}
	}
	for id, name := range moved {
		if _, err := t.exec("UPDATE mailbox SET name = ? WHERE id = ?", name, id); err != nil {
			return err
		}
		if b := t.boxes[id]; b != nil {
			b.name = name
		}
	}
	acct.change(t).epoch++
	t.event(account, 0, mailbox.EventMailboxes)
	return nil
}

func (a *account) Subscribe(ctx context.Context, name string, on bool) error {
	name = mailbox.CanonicalName(name)
	if on {
		if err := mailbox.ValidName(name, a.s.opts.Limits); err != nil {
			return fmt.Errorf("subscribe: %w", err)
		}
	}
	err := a.do(ctx, &request{adds: on, run: func(t *tx) error {
		acct, err := t.account(a.id)
		if err != nil {
			return err
		}
		is, err := isSubscribed(t.c, a.id, name)
		if err != nil || is == on {
			return err
		}
		if on {
			if err := t.roomForSubscription(a.id); err != nil {
				return err
			}
			_, err = t.exec("INSERT INTO subscription (account, name) VALUES (?, ?)", a.id, name)
		} else {
			_, err = t.exec("DELETE FROM subscription WHERE account = ? AND name = ?", a.id, name)
		}
		acct.change(t).epoch++
		t.event(a.id, 0, mailbox.EventMailboxes)
		return err
	}})
	if err != nil {
		return fmt.Errorf("subscribe: %w", err)
	}
	return nil
}

// roomForSubscription returns mailbox.ErrLimit if an account has as many
// subscriptions as it may have mailboxes.
func (t *tx) roomForSubscription(account int64) error {
	limit := t.s.opts.Limits.MaxMailboxes
	if limit <= 0 {
		return nil
	}
	n, err := t.c.queryInt("SELECT count(*) FROM subscription WHERE account = ?", account)
	if err == nil && n >= int64(limit) {
		err = fmt.Errorf("%w: %d subscriptions", mailbox.ErrLimit, limit)
	}
	return err
}
