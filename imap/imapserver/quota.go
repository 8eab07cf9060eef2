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
		offer: func(s *Session) bool { return s.quotas() != nil },
		commands: []command{
			{"GETQUOTA", loggedIn, on((*Session).getQuota)},
			{"GETQUOTAROOT", loggedIn, on((*Session).getQuotaRoot)},
			{"SETQUOTA", loggedIn, on((*Session).setQuota)},
		},
		statusItems: map[imap.StatusItem]statusItem{imap.StatusDeletedStorage: deletedStorage},
	}
}

// quotaSetExt says that SETQUOTA can be used (RFC 9208 §3.1.2).
func quotaSetExt() extension {
	return extension{
		caps:  []imap.Cap{imap.CapQuotaSet},
		offer: func(s *Session) bool { return s.quotas() != nil && s.quotaAdmin() },
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

func (s *Session) quotas() mailbox.QuotaKeeper {
	k, _ := s.account.(mailbox.QuotaKeeper)
	return k
}

func (s *Session) quotaAdmin() bool { return s.srv.QuotaAdmin != nil && s.srv.QuotaAdmin(s) }

func (s *Session) getQuota(c *imap.GetQuota) (reply, error) {
	return reply{}, s.quotaResponse(c.Root)
}

// getQuotaRoot names the roots of a mailbox and tells their quotas.
func (s *Session) getQuotaRoot(c *imap.GetQuotaRoot) (reply, error) {
	roots, err := s.quotas().QuotaRoots(s.ctx, c.Mailbox)
	if err != nil {
		return reply{}, err
	}
	if err := s.respond(&imap.QuotaRootData{Mailbox: mailbox.CanonicalName(c.Mailbox), Roots: roots}); err != nil {
		return reply{}, err
	}
	for _, r := range roots {
		if err := s.quotaResponse(r); err != nil {
			return reply{}, err
		}
	}
	return reply{}, nil
}

func (s *Session) setQuota(c *imap.SetQuota) (reply, error) {
	if !s.quotaAdmin() {
		return reply{}, no(imap.CodeNoPerm, "quotas can't be set by this user")
	}
	limits := make(map[mailbox.QuotaName]int64, len(c.Limits))
	for _, l := range c.Limits {
		limits[l.Name] = l.Limit * grammar.QuotaUnit(l.Name)
	}
	if err := s.quotas().SetQuota(s.ctx, c.Root, limits); err != nil {
		return reply{}, quotaError(err)
	}
	return reply{}, s.quotaResponse(c.Root)
}

func (s *Session) quotaResponse(root string) error {
	res, err := s.quotas().Quota(s.ctx, root)
	if err != nil {
		return quotaError(err)
	}
	return s.respond(&imap.QuotaData{Root: root, Resources: res})
}

func quotaError(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return no(imap.CodeNonExistent, "no such quota root")
	}
	return err
}

// withinQuota refuses a message that would not fit, before its octets have been
// sent. The store has the last word.
func (s *Session) withinQuota(name string, size int64) error {
	k := s.quotas()
	if k == nil {
		return nil
	}
	roots, err := k.QuotaRoots(s.ctx, name)
	if err != nil {
		return err
	}
	for _, root := range roots {
		res, err := k.Quota(s.ctx, root)
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
