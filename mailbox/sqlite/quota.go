package sqlite

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// QuotaRoot is the only quota root of every account. It limits all mailboxes.
const QuotaRoot = "account"

func (a *account) QuotaRoots(ctx context.Context, name string) ([]string, error) {
	if _, err := a.Mailbox(ctx, name); err != nil {
		return nil, err
	}
	return []string{QuotaRoot}, nil
}

func (a *account) Quota(ctx context.Context, root string) ([]mailbox.QuotaResource, error) {
	if root != QuotaRoot {
		return nil, fmt.Errorf("quota root %q: %w", root, mailbox.ErrNotExist)
	}
	var list []mailbox.QuotaResource
	err := a.read(ctx, func(c *conn) error {
		row, err := loadAccount(c, a.id)
		if err != nil {
			return err
		}
		for _, res := range []mailbox.QuotaResource{
			{Name: mailbox.QuotaStorage, Usage: row.storage, Limit: row.maxStorage},
			{Name: mailbox.QuotaMessage, Usage: row.messages, Limit: row.maxMessages},
			{Name: mailbox.QuotaMailbox, Usage: row.mailboxes, Limit: row.maxMailboxes},
		} {
			if res.Limit >= 0 {
				list = append(list, res)
			}
		}
		return nil
	})
	return list, err
}

func (a *account) SetQuota(ctx context.Context, root string, limits map[mailbox.QuotaName]int64) error {
	if root != QuotaRoot {
		return fmt.Errorf("quota root %q: %w", root, mailbox.ErrNotExist)
	}
	var quota accountRow
	if err := quota.setQuota(limits); err != nil {
		return err
	}
	return a.write(ctx, func(t *tx) error {
		row, err := t.account(a.id)
		if err != nil {
			return err
		}
		row.change(t)
		row.epoch++
		row.maxStorage, row.maxMessages, row.maxMailboxes = quota.maxStorage, quota.maxMessages, quota.maxMailboxes
		t.event(a.id, 0, mailbox.EventMailboxes)
		return nil
	})
}

// setQuota replaces the limits in a row.
func (a *accountRow) setQuota(limits map[mailbox.QuotaName]int64) error {
	a.maxStorage, a.maxMessages, a.maxMailboxes = -1, -1, -1
	for name, limit := range limits {
		switch name {
		case mailbox.QuotaStorage:
			a.maxStorage = max(limit, 0)
		case mailbox.QuotaMessage:
			a.maxMessages = max(limit, 0)
		case mailbox.QuotaMailbox:
			a.maxMailboxes = max(limit, 0)
		default:
			return fmt.Errorf("quota resource %q: %w", name, mailbox.ErrNotExist)
		}
	}
	return nil
}
