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
)

// account is what the handles to one account share.
type account struct {
	store *Store

	mu         sync.RWMutex // guards what follows, and all in the mailboxes
	deleted    bool
	mailboxes  map[string]*mbox // by name
	subscribed map[string]bool
	quota      map[mailbox.QuotaName]int64
	messages   int64 // in all mailboxes
	size       int64
	watchers   map[*watcher]struct{}
}

func newAccount(s *Store) *account {
	a := &account{
		store:      s,
		mailboxes:  map[string]*mbox{},
		subscribed: map[string]bool{},
		quota:      maps.Clone(s.opts.Quota),
		watchers:   map[*watcher]struct{}{},
	}
	a.mailboxes[mailbox.Inbox] = a.newMailbox(mailbox.Inbox, 0)
	return a
}

// remove makes all handles to the account answer ErrNotExist.
func (a *account) remove() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.deleted = true
	a.mailboxes, a.subscribed = nil, nil
	a.notify("", mailbox.EventMailboxes)
}

// handle is an account as one caller holds it.
type handle struct {
	*account
	closed atomic.Bool
}

var _ interface {
	mailbox.Account
	mailbox.QuotaKeeper
} = (*handle)(nil)

// Close implements [mailbox.Account].
func (h *handle) Close() error {
	h.closed.Store(true)
	return nil
}

// check returns why a call can't go on, if it can't.
func (h *handle) check(ctx context.Context) error {
	if h.closed.Load() {
		return mailbox.ErrClosed
	}
	return h.store.check(ctx)
}

// lock locks the account for writing, unless the call can't go on.
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

// rlock locks the account for reading, unless the call can't go on.
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
func (a *account) find(name string) (*mbox, error) {
	if m := a.mailboxes[mailbox.CanonicalName(name)]; m != nil {
		return m, nil
	}
	return nil, fmt.Errorf("mailbox %q: %w", name, mailbox.ErrNotExist)
}

// info describes a mailbox as it is now. The account is locked.
func (a *account) info(m *mbox) mailbox.Info {
	return mailbox.Info{
		ID:          m.id,
		Name:        m.name,
		UIDValidity: m.validity,
		SpecialUse:  m.use,
		Subscribed:  a.subscribed[m.name],
	}
}

// Limits implements [mailbox.Account].
func (h *handle) Limits() mailbox.Limits { return h.store.opts.Limits }

// Mailboxes implements [mailbox.Account].
func (h *handle) Mailboxes(ctx context.Context) ([]mailbox.Info, error) {
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	list := make([]mailbox.Info, 0, len(h.mailboxes))
	for _, m := range h.mailboxes {
		list = append(list, h.info(m))
	}
	for name := range h.subscribed {
		if h.mailboxes[name] == nil {
			list = append(list, mailbox.Info{Name: name, Subscribed: true, NonExistent: true})
		}
	}
	slices.SortFunc(list, func(a, b mailbox.Info) int { return strings.Compare(a.Name, b.Name) })
	return list, nil
}

// Mailbox implements [mailbox.Account].
func (h *handle) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	m, err := h.find(name)
	if err != nil {
		return nil, err
	}
	return &mboxHandle{handle: h, mbox: m, info: h.info(m)}, nil
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
	m := h.newMailbox(name, use) // outside the lock
	if err := h.lock(ctx); err != nil {
		return mailbox.Info{}, err
	}
	defer h.mu.Unlock()
	if h.mailboxes[name] != nil {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, mailbox.ErrExist)
	}
	if n := h.Limits().MaxMailboxes; n > 0 && len(h.mailboxes) >= n {
		return mailbox.Info{}, fmt.Errorf("create %q: %w: %d mailboxes", name, mailbox.ErrLimit, n)
	}
	if limit, ok := h.quota[mailbox.QuotaMailbox]; ok && int64(len(h.mailboxes)) >= limit {
		return mailbox.Info{}, fmt.Errorf("create %q: %w", name, mailbox.ErrOverQuota)
	}
	h.mailboxes[name] = m
	h.notify("", mailbox.EventMailboxes)
	return h.info(m), nil
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
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()

	var moving []*mbox
	for name, m := range h.mailboxes {
		if name == from || strings.HasPrefix(name, from+"/") {
			moving = append(moving, m)
		}
	}
	if len(moving) == 0 {
		return fmt.Errorf("rename %q: %w", from, mailbox.ErrNotExist)
	}
	if h.mailboxes[to] != nil {
		return fmt.Errorf("rename to %q: %w", to, mailbox.ErrExist)
	}
	for _, m := range moving {
		name := to + m.name[len(from):]
		if err := mailbox.ValidName(name, h.Limits()); err != nil {
			return err
		}
		if h.mailboxes[name] != nil {
			return fmt.Errorf("rename to %q: %w", name, mailbox.ErrExist)
		}
	}
	for _, m := range moving {
		delete(h.mailboxes, m.name)
		m.name = to + m.name[len(from):]
		h.mailboxes[m.name] = m
	}
	h.notify("", mailbox.EventMailboxes)
	return nil
}

// Delete implements [mailbox.Account].
func (h *handle) Delete(ctx context.Context, name string) error {
	if err := h.lock(ctx); err != nil {
		return err
	}
	defer h.mu.Unlock()
	m, err := h.find(name)
	if err != nil {
		return err
	}
	if m.name == mailbox.Inbox {
		return fmt.Errorf("%w: %s can't be deleted", mailbox.ErrInvalidName, m.name)
	}
	delete(h.mailboxes, m.name)
	h.messages -= int64(m.messages)
	h.size -= m.size
	m.deleted = true
	m.chunks, m.vanished, m.keywordSets, m.keywords = nil, nil, nil, nil
	h.notify("", mailbox.EventMailboxes)
	h.notify(m.id, mailbox.EventVanished)
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
	h.notify("", mailbox.EventMailboxes)
	return nil
}
