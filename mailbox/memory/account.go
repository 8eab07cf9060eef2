package memory

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// account is the state that the handles to one account share.
type account struct {
	store *Store
	name  string
	order uint64 // accounts are locked in ascending order

	mu         sync.RWMutex // guards the fields below, and all in the mailboxes
	deleted    bool
	mailboxes  map[string]*box // by name
	subscribed map[string]bool
	quota      map[mailbox.QuotaName]int64
	messages   int64 // in all mailboxes
	size       int64

	leaf    sync.Mutex // guards the fields below; no other lock is taken while it is held
	gone    bool
	queues  map[*storekit.Queue]struct{} // of the calls of Watch
	foreign map[*box]struct{}            // mailboxes of other accounts that are shared with this one
}

func newAccount(s *Store, name string) *account {
	a := &account{
		store:      s,
		name:       name,
		order:      s.lastID.Add(1),
		mailboxes:  map[string]*box{},
		subscribed: map[string]bool{},
		quota:      maps.Clone(s.opts.Quota),
		queues:     map[*storekit.Queue]struct{}{},
		foreign:    map[*box]struct{}{},
	}
	a.mailboxes[mailbox.Inbox] = a.newMailbox(mailbox.Inbox, 0)
	return a
}

// remove makes the calls of all handles to the account return ErrNotExist.
func (a *account) remove() {
	a.leaveForeign()
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range a.mailboxes {
		m.unshare()
	}
	a.deleted = true
	a.mailboxes, a.subscribed = nil, nil
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
}

// handle is the handle of one caller to an account.
type handle struct {
	*account
	closed atomic.Bool
}

var _ interface {
	mailbox.Account
	mailbox.Namespacer
	mailbox.QuotaKeeper
} = (*handle)(nil)

// Close implements [mailbox.Account].
func (h *handle) Close() error {
	h.closed.Store(true)
	return nil
}

// check returns an error if the handle is closed or the context is done.
func (h *handle) check(ctx context.Context) error {
	if h.closed.Load() {
		return mailbox.ErrClosed
	}
	return h.store.check(ctx)
}

// lock locks the account for writing, unless check or the account fails.
func (h *handle) lock(ctx context.Context) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	h.mu.Lock()
	if h.deleted {
		h.mu.Unlock()
		return fmt.Errorf("account: %w", mailbox.ErrNotExist)
	}
	return nil
}

// rlock locks the account for reading, unless check or the account fails.
func (h *handle) rlock(ctx context.Context) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	h.mu.RLock()
	if h.deleted {
		h.mu.RUnlock()
		return fmt.Errorf("account: %w", mailbox.ErrNotExist)
	}
	return nil
}

// find returns the mailbox of that name. The account is locked.
func (a *account) find(name string) (*box, error) {
	if m := a.mailboxes[mailbox.CanonicalName(name)]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("mailbox %q: %w", name, mailbox.ErrNotExist)
}

// info describes a mailbox of the account as it is now. The account is locked.
func (a *account) info(m *box, want mailbox.ListWant) mailbox.Info {
	info := mailbox.Info{
		ID:          m.id,
		Name:        m.name,
		UIDValidity: m.validity,
		SpecialUse:  m.use,
		Subscribed:  a.subscribed[m.name],
		Access:      mailbox.FullAccess(),
	}
	if want&mailbox.ListStatus != 0 {
		st := m.status()
		info.Status = &st
	}
	return info
}

// Limits implements [mailbox.Account].
func (h *handle) Limits() mailbox.Limits { return h.store.opts.Limits }

// Mailboxes implements [mailbox.Account].
func (h *handle) Mailboxes(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	list := h.listForeign(want)
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	known := make(map[string]bool, len(list))
	for i := range list {
		known[list[i].Name] = true
		list[i].Subscribed = h.subscribed[list[i].Name]
	}
	list = slices.Grow(list, len(h.mailboxes))
	for _, m := range h.mailboxes {
		list = append(list, h.info(m, want))
	}
	for name := range h.subscribed {
		if h.mailboxes[name] == nil && !known[name] {
			list = append(list, mailbox.Info{Name: name, Subscribed: true, NonExistent: true})
		}
	}
	slices.SortFunc(list, func(a, b mailbox.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Mailbox implements [mailbox.Account].
func (h *handle) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	name = mailbox.CanonicalName(name)
	if isForeign(name) {
		return h.openForeign(ctx, name)
	}
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	m, err := h.find(name)
	if err != nil {
		return nil, err
	}
	return &boxHandle{handle: h, box: m, info: h.info(m, 0)}, nil
}

// Create implements [mailbox.Account].
func (h *handle) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	name = mailbox.CanonicalName(name)
	if err := mailbox.ValidName(name, h.Limits()); err != nil {
		return mailbox.Info{}, err
	}
	var use mailbox.SpecialUse
	if opts != nil {
		use = opts.SpecialUse & mailbox.SpecialUses
	}
	if isForeign(name) {
		return h.createForeign(ctx, name, use)
	}
	m := h.newMailbox(name, use) // outside the lock
	if err := h.lock(ctx); err != nil {
		return mailbox.Info{}, err
	}
	defer h.mu.Unlock()
	if err := h.put(m); err != nil {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, err)
	}
	return h.info(m, 0), nil
}

// put adds a new mailbox to the account, which is locked.
func (a *account) put(m *box) error {
	if a.mailboxes[m.name] != nil {
		return mailbox.ErrExist
	}
	if n := a.store.opts.Limits.MaxMailboxes; n > 0 && len(a.mailboxes) >= n {
		return fmt.Errorf("%w: %d mailboxes", mailbox.ErrLimit, n)
	}
	if limit, ok := a.quota[mailbox.QuotaMailbox]; ok && int64(len(a.mailboxes)) >= limit {
		return mailbox.ErrOverQuota
	}
	a.mailboxes[m.name] = m
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	return nil
}

// Rename implements [mailbox.Account].
func (h *handle) Rename(ctx context.Context, from, to string) error {
	from, to = mailbox.CanonicalName(from), mailbox.CanonicalName(to)
	if err := mailbox.ValidName(to, h.Limits()); err != nil {
		return err
	}
	switch {
	case from == mailbox.Inbox:
		return fmt.Errorf("%w: %s can't be renamed", mailbox.ErrInvalidName, from)
	case strings.HasPrefix(to, from+"/"):
		return fmt.Errorf("%w: %q is below %q", mailbox.ErrInvalidName, to, from)
	}
	if isForeign(from) || isForeign(to) {
		return h.renameForeign(ctx, from, to)
	}
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	return h.rename(from, to)
}

// rename implements Rename for valid names. The account is locked.
func (a *account) rename(from, to string) error {
	var moving []*box
	for name, m := range a.mailboxes {
		if name == from || strings.HasPrefix(name, from+"/") {
			moving = append(moving, m)
		}
	}
	if len(moving) == 0 {
		return fmt.Errorf("rename %q: %w", from, mailbox.ErrNotExist)
	}
	if a.mailboxes[to] != nil {
		return fmt.Errorf("rename to %q: %w", to, mailbox.ErrExist)
	}
	for _, m := range moving {
		name := to + m.name[len(from):]
		if err := mailbox.ValidName(name, a.store.opts.Limits); err != nil {
			return err
		}
		if a.mailboxes[name] != nil {
			return fmt.Errorf("rename to %q: %w", name, mailbox.ErrExist)
		}
	}
	for _, m := range moving {
		delete(a.mailboxes, m.name)
		m.name = to + m.name[len(from):]
		a.mailboxes[m.name] = m
		m.tellUsers(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	return nil
}

// Delete implements [mailbox.Account].
func (h *handle) Delete(ctx context.Context, name string) error {
	name = mailbox.CanonicalName(name)
	if isForeign(name) {
		return h.deleteForeign(ctx, name)
	}
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	m, err := h.find(name)
	if err != nil {
		return err
	}
	return h.drop(m)
}

// drop deletes a mailbox of the account, which is locked.
func (a *account) drop(m *box) error {
	if m.name == mailbox.Inbox {
		return fmt.Errorf("%w: %s can't be deleted", mailbox.ErrInvalidName, m.name)
	}
	delete(a.mailboxes, m.name)
	a.messages -= int64(m.messages)
	a.size -= m.size
	m.deleted = true
	m.chunks, m.vanished, m.keywordSets, m.keywords = nil, nil, nil, nil
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	m.notify(mailbox.EventVanished)
	m.unshare()
	return nil
}

// Subscribe implements [mailbox.Account]. An account has no more subscriptions
// than Limits.MaxMailboxes.
func (h *handle) Subscribe(ctx context.Context, name string, on bool) error {
	name = mailbox.CanonicalName(name)
	if on {
		if err := mailbox.ValidName(name, h.Limits()); err != nil {
			return err
		}
	}
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	if h.subscribed[name] == on {
		return nil
	}
	if !on {
		delete(h.subscribed, name)
	} else if n := h.Limits().MaxMailboxes; n > 0 && len(h.subscribed) >= n {
		return fmt.Errorf("subscribe to %q: %w: %d subscriptions", name, mailbox.ErrLimit, n)
	} else {
		h.subscribed[name] = true
	}
	h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	return nil
}
