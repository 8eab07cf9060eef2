package imapserver

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// quotaExt is QUOTA (RFC 9208, and RFC 2087 before it), where the account
// keeps quotas.
func quotaExt() extension {
	return extension{
		caps: []imap.Cap{
			imap.CapQuota,
			imap.CapQuotaResPrefix + imap.Cap(mailbox.QuotaStorage),
			imap.CapQuotaResPrefix + imap.Cap(mailbox.QuotaMessage),
			imap.CapQuotaResPrefix + imap.Cap(mailbox.QuotaMailbox),
		},
		offer: func(c *Conn) bool { return c.quotas() != nil },
		commands: []command{
			{"GETQUOTA", loggedIn, on((*Conn).getQuota)},
			{"GETQUOTAROOT", loggedIn, on((*Conn).getQuotaRoot)},
			{"SETQUOTA", loggedIn, on((*Conn).setQuota)},
		},
		statusItems: map[imap.StatusItem]statusItem{imap.StatusDeletedStorage: deletedStorage},
	}
}

// quotaSetExt says that SETQUOTA can be used (RFC 9208 §3.1.2).
func quotaSetExt() extension {
	return extension{
		caps:  []imap.Cap{imap.CapQuotaSet},
		offer: func(c *Conn) bool { return c.quotas() != nil && c.quotaAdmin() },
	}
}

// deletedStorage counts what EXPUNGE would free (RFC 9208 §4.1.4).
func deletedStorage(q *statusQuery) error {
	q.DeletedStorage = new(int64)
	if q.st.Deleted == 0 {
		return nil
	}
	mb, err := q.open()
	if err != nil {
		return err
	}
	for m, err := range mb.Messages(q.ctx, mailbox.AllUIDs(), mailbox.WantEntry) {
		if err != nil {
			if !q.damaged(err) {
				return err
			}
			continue
		}
		if m.Flags.System()&mailbox.SystemDeleted != 0 {
			*q.DeletedStorage += m.Size
		}
	}
	return nil
}

func (c *Conn) quotas() mailbox.QuotaKeeper {
	k, _ := c.account.(mailbox.QuotaKeeper)
	return k
}

func (c *Conn) quotaAdmin() bool { return c.srv.QuotaAdmin != nil && c.srv.QuotaAdmin(c) }

func (c *Conn) getQuota(cmd *imap.GetQuota) (reply, error) {
	return reply{}, c.quotaResponse(cmd.Root)
}

// getQuotaRoot names the roots of a mailbox and tells their quotas. A root that
// limits nothing is named only to those who may set limits: it has an empty list,
// which RFC 9208 §4.2.1 explains and its grammar in §7 does not allow.
func (c *Conn) getQuotaRoot(cmd *imap.GetQuotaRoot) (reply, error) {
	roots, err := c.quotas().QuotaRoots(c.ctx, cmd.Mailbox)
	if err != nil {
		return reply{}, err
	}
	named := imap.QuotaRootData{Mailbox: mailbox.CanonicalName(cmd.Mailbox)}
	var quotas []imap.QuotaData
	for _, root := range roots {
		res, err := c.quotas().Quota(c.ctx, root)
		if err != nil {
			return reply{}, quotaError(err)
		}
		if len(res) > 0 || c.quotaAdmin() {
			named.Roots = append(named.Roots, root)
			quotas = append(quotas, imap.QuotaData{Root: root, Resources: res})
		}
	}
	err = c.respond(&named)
	for i := range quotas {
		if err == nil {
			err = c.respond(&quotas[i])
		}
	}
	return reply{}, err
}

func (c *Conn) setQuota(cmd *imap.SetQuota) (reply, error) {
	if !c.quotaAdmin() {
		return reply{}, no(imap.CodeNoPerm, "quotas can't be set by this user")
	}
	limits := make(map[mailbox.QuotaName]int64, len(cmd.Limits))
	for _, l := range cmd.Limits {
		limits[l.Name] = l.Limit * grammar.QuotaUnit(l.Name)
	}
	if err := c.quotas().SetQuota(c.ctx, cmd.Root, limits); err != nil {
		return reply{}, quotaError(err)
	}
	return reply{}, c.quotaResponse(cmd.Root)
}

func (c *Conn) quotaResponse(root string) error {
	res, err := c.quotas().Quota(c.ctx, root)
	if err != nil {
		return quotaError(err)
	}
	return c.respond(&imap.QuotaData{Root: root, Resources: res})
}

func quotaError(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return no(imap.CodeNonExistent, "no such quota root")
	}
	return err
}

// withinQuota refuses a message that would exceed a quota, before its octets are
// sent. The store checks again.
func (c *Conn) withinQuota(name string, size int64) error {
	k := c.quotas()
	if k == nil {
		return nil
	}
	roots, err := k.QuotaRoots(c.ctx, name)
	if err != nil {
		return err
	}
	for _, root := range roots {
		res, err := k.Quota(c.ctx, root)
		if err != nil {
			return err
		}
		for _, r := range res {
			if r.Name == mailbox.QuotaStorage && r.Usage+size > r.Limit || r.Name == mailbox.QuotaMessage && r.Usage >= r.Limit {
				return mailbox.ErrOverQuota
			}
		}
	}
	return nil
}
