package imapclient

import (
	"context"
	"maps"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Quota returns the quotas that count what is in a mailbox, one for each of its roots
// (RFC 9208 §4.1.3). Storage is in octets. A mailbox without quota has none.
func (c *Client) Quota(ctx context.Context, name string) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	return c.quota(ctx, namedCall(&imap.GetQuotaRoot{Mailbox: name}, name))
}

// QuotaRoot returns the quota of a root (RFC 9208 §4.1.1). The error is
// mailbox.ErrNotExist if the server says that there is no such root.
func (c *Client) QuotaRoot(ctx context.Context, root string) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	return c.quota(ctx, newCall(&imap.GetQuota{Root: root}))
}

// SetQuota replaces the limits of a root, and returns what they are then (RFC 9208
// §4.1.2): servers may round them. Resources that are not named become unlimited. As in
// package mailbox, storage is in octets; on the wire it is rounded up to units of 1024.
//
// Servers of RFC 2087 all have SETQUOTA, though not for everybody; those of RFC 9208, which
// name their resources in QUOTA=RES- capabilities, have it with QUOTASET.
func (c *Client) SetQuota(ctx context.Context, root string, limits map[mailbox.QuotaName]int64) ([]imap.QuotaData, error) {
	if err := c.need(imap.CapQuota, "quotas"); err != nil {
		return nil, err
	}
	if c.namesQuotas() {
		if err := c.need(imap.CapQuotaSet, "setting quotas"); err != nil {
			return nil, err
		}
	}
	cmd := &imap.SetQuota{Root: root}
	for _, name := range slices.Sorted(maps.Keys(limits)) {
		unit := grammar.QuotaUnit(name)
		n := limits[name] / unit
		if limits[name]%unit > 0 {
			n++
		}
		cmd.Limits = append(cmd.Limits, imap.QuotaLimit{Name: name, Limit: n})
	}
	return c.quota(ctx, newCall(cmd))
}

// namesQuotas reports whether the server's QUOTA is that of RFC 9208 (§3.1).
func (c *Client) namesQuotas() bool {
	for x := range c.Capabilities().All() {
		if len(x) > len(imap.CapQuotaResPrefix) && strings.EqualFold(string(x[:len(imap.CapQuotaResPrefix)]), imap.CapQuotaResPrefix) {
			return true
		}
	}
	return false
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
