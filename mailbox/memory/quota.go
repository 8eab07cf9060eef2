package memory

import (
	"context"
	"fmt"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// QuotaRoot is the only quota root of every account. The root of another user's
// mailboxes is the prefix of their names, "Other Users/OWNER".
const QuotaRoot = "account"

// room returns an error if adding this much would exceed the quota. The account is
// locked.
func (a *account) room(messages, size int64) error {
	if limit, ok := a.quota[mailbox.QuotaMessage]; ok && messages > 0 && messages > limit-a.messages {
		return fmt.Errorf("%w: %d messages", mailbox.ErrOverQuota, limit)
	}
	if limit, ok := a.quota[mailbox.QuotaStorage]; ok && size > 0 && size > limit-a.size {
		return fmt.Errorf("%w: %d octets", mailbox.ErrOverQuota, limit)
	}
	return nil
}

// QuotaRoots implements [mailbox.QuotaKeeper].
func (h *handle) QuotaRoots(ctx context.Context, name string) ([]string, error) {
	if name = mailbox.CanonicalName(name); isForeign(name) {
		return h.foreignRoots(ctx, name)
	}
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	if _, err := h.find(name); err != nil {
		return nil, err
	}
	return []string{QuotaRoot}, nil
}

// Quota implements [mailbox.QuotaKeeper].
func (h *handle) Quota(ctx context.Context, root string) ([]mailbox.QuotaResource, error) {
	if root != QuotaRoot {
		return h.foreignQuota(ctx, root)
	}
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	return h.resources(), nil
}

// resources returns the limited resources. The account is locked.
func (a *account) resources() []mailbox.QuotaResource {
	var list []mailbox.QuotaResource
	for _, r := range []mailbox.QuotaResource{
		{Name: mailbox.QuotaStorage, Usage: a.size},
		{Name: mailbox.QuotaMessage, Usage: a.messages},
		{Name: mailbox.QuotaMailbox, Usage: int64(len(a.mailboxes))},
	} {
		if limit, ok := a.quota[r.Name]; ok {
			r.Limit = limit
			list = append(list, r)
		}
	}
	return list
}

// SetQuota implements [mailbox.QuotaKeeper].
func (h *handle) SetQuota(ctx context.Context, root string, limits map[mailbox.QuotaName]int64) error {
	if root != QuotaRoot {
		return fmt.Errorf("quota root %q: %w", root, mailbox.ErrNotExist)
	}
	quota := make(map[mailbox.QuotaName]int64, len(limits))
	for name, limit := range limits {
		switch name {
		case mailbox.QuotaStorage, mailbox.QuotaMessage, mailbox.QuotaMailbox:
			quota[name] = max(limit, 0)
		default:
			return fmt.Errorf("quota resource %q: %w", name, mailbox.ErrNotExist)
		}
	}
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	h.quota = quota
	h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	return nil
}
