package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// Quota returns the quotas that count what is in a mailbox (RFC 9208 §4.1.3).
func (c *Client) Quota(ctx context.Context, name string) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	return c.quota(ctx, namedCall(&imap.GetQuotaRoot{Mailbox: name}, name))
}

// QuotaRoot returns the quota of a root (RFC 9208 §4.1.1).
func (c *Client) QuotaRoot(ctx context.Context, root string) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	return c.quota(ctx, newCall(&imap.GetQuota{Root: root}))
}

// SetQuota replaces the limits of a root, and returns what they are then (RFC 9208
// §4.1.2). Storage is in units of 1024 octets.
func (c *Client) SetQuota(ctx context.Context, root string, limits ...imap.QuotaLimit) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	return c.quota(ctx, newCall(&imap.SetQuota{Root: root, Limits: limits}))
}

func (c *Client) quota(ctx context.Context, k *call) ([]imap.QuotaData, error) {
	k.kind = "QUOTA"
	var out []imap.QuotaData
	k.take = func(resp grammar.Response) bool {
		switch r := resp.(type) {
		case *imap.QuotaData:
			out = append(out, *r)
			return true
		case *imap.QuotaRootData:
			return true
		}
		return false
	}
	err := c.run(ctx, k)
	return out, err
}
