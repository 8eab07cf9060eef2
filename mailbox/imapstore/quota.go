package imapstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// hasQuota reports whether the account is a mailbox.QuotaKeeper.
func (a *account) hasQuota() bool { return a.has(imap.CapQuota) }

// quotaHandle is a handle to an account with quotas (RFC 9208).
type quotaHandle struct{ *handle }

var _ interface {
	mailbox.Account
	mailbox.Namespacer
	mailbox.QuotaKeeper
} = quotaHandle{}

// QuotaRoots implements [mailbox.QuotaKeeper].
func (h quotaHandle) QuotaRoots(ctx context.Context, name string) ([]string, error) {
	name = mailbox.CanonicalName(name)
	list, err := h.quota(ctx, mailbox.ErrNotExist, func(c *imapclient.Client) ([]imap.QuotaData, error) {
		if _, err := h.look(ctx, c, name); err != nil {
			return nil, err
		}
		return c.Quota(ctx, h.server(name))
	})
	roots := make([]string, len(list))
	for i := range list {
		roots[i] = list[i].Root
	}
	return roots, wrap("quota of", name, err)
}

// Quota implements [mailbox.QuotaKeeper]. Storage is as exact as the server tells it,
// which is in units of 1024 octets.
func (h quotaHandle) Quota(ctx context.Context, root string) ([]mailbox.QuotaResource, error) {
	list, err := h.quota(ctx, mailbox.ErrNotExist, func(c *imapclient.Client) ([]imap.QuotaData, error) { return c.QuotaRoot(ctx, root) })
	if err == nil && len(list) == 0 {
		err = mailbox.ErrNotExist
	}
	if err != nil {
		return nil, wrap("quota", root, err)
	}
	return list[0].Resources, nil
}

// SetQuota implements [mailbox.QuotaKeeper]. A limit of storage is rounded up to 1024
// octets. The error is mailbox.ErrPermission if the server does not let the user set
// quotas.
func (h quotaHandle) SetQuota(ctx context.Context, root string, limits map[mailbox.QuotaName]int64) error {
	for name := range limits {
		if !h.caps.Has(imap.Cap(imap.CapQuotaResPrefix+string(name))) && h.caps.Has(imap.CapQuotaSet) {
			return wrap("quota", root, fmt.Errorf("%w: resource %s", mailbox.ErrNotExist, name))
		}
	}
	_, err := h.quota(ctx, mailbox.ErrPermission, func(c *imapclient.Client) ([]imap.QuotaData, error) { return c.SetQuota(ctx, root, limits) })
	if err == nil {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("quota", root, err)
}

// quota calls f. refused is what a refusal without a code means, as of older servers.
func (h quotaHandle) quota(ctx context.Context, refused error, f func(*imapclient.Client) ([]imap.QuotaData, error)) ([]imap.QuotaData, error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	var list []imap.QuotaData
	err := h.client(ctx, true, func(c *imapclient.Client) (err error) {
		list, err = f(c)
		return err
	})
	var e *imap.Error
	if errors.As(err, &e) && e.Code == "" && e.Status == imap.NO {
		err = errors.Join(refused, err)
	}
	return list, err
}
