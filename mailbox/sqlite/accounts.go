package sqlite

import (
	"context"
	"fmt"
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Account opens the account of that name; mailbox.ErrNotExist.
func (s *Store) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a := &account{s: s}
	err := s.read(ctx, func(c *conn) (err error) {
		a.id, err = c.queryInt("SELECT id FROM account WHERE name = ?", name)
		return err
	})
	if err == nil && a.id == 0 {
		err = mailbox.ErrNotExist
	}
	if err != nil {
		return nil, fmt.Errorf("account %q: %w", name, err)
	}
	return a, nil
}

// CreateAccount creates an account with an empty INBOX and the quota of the
// Options; mailbox.ErrExist.
func (s *Store) CreateAccount(ctx context.Context, name string) error {
	err := s.write(ctx, func(t *tx) error {
		taken, err := t.c.queryInt("SELECT 1 FROM account WHERE name = ?", name)
		if err != nil {
			return err
		}
		if taken != 0 {
			return mailbox.ErrExist
		}
		var quota accountRow
		if err := quota.setQuota(t.s.opts.Quota); err != nil {
			return err
		}
		res, err := t.exec(`INSERT INTO account (name, epoch, uidvalidity, mailboxes, messages, storage,
			max_mailboxes, max_messages, max_storage) VALUES (?, 1, (SELECT uidvalidity FROM past), 0, 0, 0, ?, ?, ?)`,
			name, quota.maxMailboxes, quota.maxMessages, quota.maxStorage)
		if err != nil {
			return err
		}
		id, err := res.LastInsertId()
		if err != nil {
			return err
		}
		acct, err := t.account(id)
		if err != nil {
			return err
		}
		_, err = t.createBox(acct, mailbox.Inbox, 0)
		return err
	})
	if err != nil {
		return fmt.Errorf("create account %q: %w", name, err)
	}
	return nil
}

// DeleteAccount removes the account with all its mail; mailbox.ErrNotExist. The
// space of the mail is freed later, in small steps.
func (s *Store) DeleteAccount(ctx context.Context, name string) error {
	err := s.write(ctx, func(t *tx) error {
		id, err := t.c.queryInt("SELECT id FROM account WHERE name = ?", name)
		if err != nil {
			return err
		}
		if id == 0 {
			return mailbox.ErrNotExist
		}
		r, err := t.c.query("SELECT "+boxColumns+" FROM mailbox WHERE account = ?", id)
		if err != nil {
			return err
		}
		var boxes []*boxRow
		for r.next() {
			boxes = append(boxes, scanBox(r))
		}
		if err := r.close(); err != nil {
			return err
		}
		for _, b := range boxes {
			if err := t.deleteBox(b); err != nil {
				return err
			}
		}
		if _, err := t.exec("DELETE FROM subscription WHERE account = ?", id); err != nil {
			return err
		}
		acct, err := t.account(id)
		if err != nil {
			return err
		}
		delete(t.accounts, id)
		if _, err := t.exec("UPDATE past SET uidvalidity = max(uidvalidity, ?)", acct.uidvalidity); err != nil {
			return err
		}
		t.event(id, 0, mailbox.EventMailboxes)
		_, err = t.exec("DELETE FROM account WHERE id = ?", id)
		return err
	})
	if err != nil {
		return fmt.Errorf("delete account %q: %w", name, err)
	}
	return nil
}

// Accounts yields the names of all accounts in byte order.
func (s *Store) Accounts(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		const page = 256
		where, after := "", []any{int64(page)}
		for {
			var names []string
			err := s.read(ctx, func(c *conn) error {
				r, err := c.query("SELECT name FROM account "+where+" ORDER BY name LIMIT ?1", after...)
				if err != nil {
					return err
				}
				for r.next() {
					names = append(names, r.text(0))
				}
				return r.close()
			})
			if err != nil {
				yield("", err)
				return
			}
			for _, name := range names {
				if !yield(name, nil) {
					return
				}
			}
			if len(names) < page {
				return
			}
			where, after = "WHERE name > ?2", []any{int64(page), names[page-1]}
		}
	}
}
