package memory

import (
	"context"
	"fmt"
	"maps"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// otherUsers is the first level of the names of mailboxes of other users:
// "Other Users/OWNER/NAME".
const otherUsers = "Other Users"

func isForeign(name string) bool {
	return name == otherUsers || strings.HasPrefix(name, otherUsers+"/")
}

// Namespaces implements [mailbox.Namespacer].
func (h *handle) Namespaces(ctx context.Context) (mailbox.Namespaces, error) {
	if err := h.rlock(ctx); err != nil {
		return mailbox.Namespaces{}, err
	}
	defer h.mu.RUnlock()
	ns := mailbox.Namespaces{Personal: []string{""}}
	h.leaf.Lock()
	defer h.leaf.Unlock()
	if len(h.foreign) > 0 {
		ns.OtherUsers = []string{otherUsers + "/"}
	}
	return ns, nil
}

// Share grants the account user these rights on a mailbox of the account owner,
// in place of those it had; without rights the mailbox is no longer shared. The
// user finds it under the name "Other Users/OWNER/NAME". Existing inferiors of
// the mailbox are not shared with it; those created later are, with the same
// rights (RFC 4314 §4). Messages in it count towards the quota of the owner.
// mailbox.ErrNotExist; mailbox.ErrInvalidName if the name of the owner can't be
// part of a mailbox name; mailbox.ErrPermission if owner and user are the same.
func (s *Store) Share(ctx context.Context, owner, name, user string, rights mailbox.Rights) error {
	if err := s.check(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	a, u := s.accounts[owner], s.accounts[user]
	s.mu.Unlock()
	switch {
	case a == nil:
		return fmt.Errorf("account %q: %w", owner, mailbox.ErrNotExist)
	case u == nil:
		return fmt.Errorf("account %q: %w", user, mailbox.ErrNotExist)
	case a == u:
		return fmt.Errorf("%w: %q is the owner", mailbox.ErrPermission, user)
	}
	if err := mailbox.ValidName(otherUsers+"/"+owner, mailbox.Limits{}); err != nil {
		return err
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	m, err := a.find(name)
	if err != nil {
		return err
	}
	return m.share(u, rights&mailbox.AllRights)
}

// share grants a user rights. The owner is locked.
func (m *box) share(u *account, rights mailbox.Rights) error {
	u.leaf.Lock()
	defer u.leaf.Unlock()
	if u.gone {
		return fmt.Errorf("account %q: %w", u.name, mailbox.ErrNotExist)
	}
	if rights == 0 {
		delete(m.shares, u)
		delete(u.foreign, m)
	} else {
		if m.shares == nil {
			m.shares = map[*account]mailbox.Rights{}
		}
		m.shares[u] = rights
		u.foreign[m] = struct{}{}
	}
	for q := range u.queues {
		q.Add(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return nil
}

// unshare revokes the rights of all other users. The owner is locked.
func (m *box) unshare() {
	for u := range m.shares {
		m.share(u, 0)
	}
}

// leaveForeign revokes all rights of an account that is being deleted on mailboxes
// of others. The account is not locked.
func (a *account) leaveForeign() {
	a.leaf.Lock()
	a.gone = true
	foreign := a.foreign
	a.foreign = nil
	a.leaf.Unlock()
	for m := range foreign {
		m.owner.mu.Lock()
		delete(m.shares, a)
		m.owner.mu.Unlock()
	}
}

// foreignName is the name of a mailbox for other users. The owner is locked.
func (m *box) foreignName() string { return foreignRoot(m.owner) + "/" + m.name }

func foreignRoot(owner *account) string { return otherUsers + "/" + owner.name }

// eachForeign calls f with the mailboxes that are shared with the account until
// it returns false. Only their owner is locked, for reading.
func (a *account) eachForeign(f func(m *box) bool) {
	a.leaf.Lock()
	foreign := maps.Clone(a.foreign)
	a.leaf.Unlock()
	for m := range foreign {
		m.owner.mu.RLock()
		ok := m.shares[a] == 0 || f(m)
		m.owner.mu.RUnlock()
		if !ok {
			return
		}
	}
}

// findForeign returns the mailbox of another user that has the name.
func (a *account) findForeign(name string) (found *box, err error) {
	a.eachForeign(func(m *box) bool {
		if m.foreignName() == name {
			found = m
		}
		return found == nil
	})
	if found == nil {
		return nil, fmt.Errorf("mailbox %q: %w", name, mailbox.ErrNotExist)
	}
	return found, nil
}

// foreignParent returns the nearest superior of the name that is shared with the
// account, or nil.
func (a *account) foreignParent(name string) *box {
	for {
		i := strings.LastIndexByte(name, '/')
		if i < 0 {
			return nil
		}
		name = name[:i]
		if m, err := a.findForeign(name); err == nil {
			return m
		}
	}
}

// listForeign returns the mailboxes of others that the user may see.
func (a *account) listForeign(want mailbox.ListWant) (list []mailbox.Info) {
	a.eachForeign(func(m *box) bool {
		if m.shares[a].Has(mailbox.RightLookup) {
			list = append(list, a.foreignInfo(m, want))
		}
		return true
	})
	return list
}

// foreignInfo describes a mailbox of another user, except Subscribed. The
// owner is locked.
func (a *account) foreignInfo(m *box, want mailbox.ListWant) mailbox.Info {
	info := mailbox.Info{ID: m.id, Name: m.foreignName(), UIDValidity: m.validity, Access: a.access(m)}
	if want&mailbox.ListStatus != 0 && info.Access.Rights.Has(mailbox.RightRead) {
		st := m.status()
		info.Status = &st
	}
	return info
}

// access returns what the account may do with a mailbox. The owner is locked.
func (a *account) access(m *box) mailbox.Access {
	access := mailbox.FullAccess()
	if m.owner != a {
		access.Rights = m.shares[a]
	}
	return access
}

// changing are the rights to change what is in a mailbox.
const changing = mailbox.RightInsert | mailbox.RightExpunge | mailbox.RightSeen | mailbox.RightWrite | mailbox.RightDeleteMessages

// permit returns an error unless the mailbox exists and the account has the
// rights on it. The owner is locked.
func (a *account) permit(m *box, need mailbox.Rights) error {
	if m.owner == a && !a.deleted && !m.deleted {
		return nil
	}
	access := a.access(m)
	switch have := access.Rights; {
	case m.deleted || m.owner.deleted || have == 0:
		return fmt.Errorf("mailbox %q: %w", m.name, mailbox.ErrNotExist)
	case have.Has(need):
		return nil
	case !have.Has(mailbox.RightLookup): // RFC 4314 §6: its existence is not revealed
		return fmt.Errorf("mailbox %q: %w", m.name, mailbox.ErrNotExist)
	case need&changing != 0 && access.ReadOnly():
		return fmt.Errorf("mailbox %q: %w", m.name, mailbox.ErrReadOnly)
	}
	return fmt.Errorf("mailbox %q: %w", m.name, mailbox.ErrPermission)
}

func (h *handle) openForeign(ctx context.Context, name string) (mailbox.Mailbox, error) {
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	subscribed := h.subscribed[name]
	h.mu.RUnlock()
	m, err := h.findForeign(name)
	if err != nil {
		return nil, err
	}
	m.owner.mu.RLock()
	defer m.owner.mu.RUnlock()
	if err := h.permit(m, 0); err != nil {
		return nil, err
	}
	info := h.foreignInfo(m, 0)
	info.Subscribed = subscribed
	return &boxHandle{handle: h, box: m, info: info}, nil
}

// createForeign creates a mailbox below one of another user.
func (h *handle) createForeign(ctx context.Context, name string, use mailbox.SpecialUse) (mailbox.Info, error) {
	if err := h.check(ctx); err != nil {
		return mailbox.Info{}, err
	}
	parent := h.foreignParent(name)
	if parent == nil {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, mailbox.ErrPermission)
	}
	owner := parent.owner
	m := owner.newMailbox(strings.TrimPrefix(name, foreignRoot(owner)+"/"), use) // outside the lock
	owner.mu.Lock()
	defer owner.mu.Unlock()
	if err := h.permit(parent, mailbox.RightCreate); err != nil {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, err)
	}
	if err := owner.put(m); err != nil {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, err)
	}
	for u, rights := range parent.shares {
		m.share(u, rights)
	}
	return h.foreignInfo(m, 0), nil
}

// renameForeign renames a mailbox of another user, who remains its owner.
func (h *handle) renameForeign(ctx context.Context, from, to string) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	if !isForeign(from) || !isForeign(to) {
		return fmt.Errorf("rename %q to %q: %w: another user's mailbox", from, to, mailbox.ErrPermission)
	}
	m, err := h.findForeign(from)
	if err != nil {
		return err
	}
	parent := h.foreignParent(to)
	if parent == nil || parent.owner != m.owner {
		return fmt.Errorf("rename to %q: %w", to, mailbox.ErrPermission)
	}
	owner := m.owner
	owner.mu.Lock()
	defer owner.mu.Unlock()
	if err := h.permit(m, mailbox.RightDelete); err != nil {
		return err
	}
	if err := h.permit(parent, mailbox.RightCreate); err != nil {
		return err
	}
	if m.name == mailbox.Inbox {
		return fmt.Errorf("%w: %s can't be renamed", mailbox.ErrInvalidName, from)
	}
	return owner.rename(m.name, strings.TrimPrefix(to, foreignRoot(owner)+"/"))
}

func (h *handle) deleteForeign(ctx context.Context, name string) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	m, err := h.findForeign(name)
	if err != nil {
		return err
	}
	m.owner.mu.Lock()
	defer m.owner.mu.Unlock()
	if err := h.permit(m, mailbox.RightDelete); err != nil {
		return err
	}
	return m.owner.drop(m)
}

func (h *handle) foreignRoots(ctx context.Context, name string) ([]string, error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	m, err := h.findForeign(name)
	if err != nil {
		return nil, err
	}
	return []string{foreignRoot(m.owner)}, nil
}

func (h *handle) foreignQuota(ctx context.Context, root string) (list []mailbox.QuotaResource, err error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	err = fmt.Errorf("quota root %q: %w", root, mailbox.ErrNotExist)
	h.eachForeign(func(m *box) bool {
		if foreignRoot(m.owner) == root {
			list, err = m.owner.resources(), nil
		}
		return err != nil
	})
	return list, err
}

// lockPair locks two accounts, which may be the same, and returns the function
// that unlocks them.
func lockPair(a, b *account) (unlock func()) {
	if a == b {
		a.mu.Lock()
		return a.mu.Unlock
	}
	if a.order > b.order {
		a, b = b, a
	}
	a.mu.Lock()
	b.mu.Lock()
	return func() { b.mu.Unlock(); a.mu.Unlock() }
}
