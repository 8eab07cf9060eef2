package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// account is what the handles to one account share.
type account struct {
	s    *Store
	name string

	// Guarded by Store.mu.
	users int // handles and calls of Watch
	pool  *imapclient.Pool

	opening chan struct{} // has an element while nobody opens the account
	opened  bool          // guarded by opening; what follows is set and not changed then
	caps    imap.CapSet
	names   *names

	mu        sync.Mutex                 // guards the fields below, names.noted, and where a box is
	boxes     map[string]*box            // by ID
	alias     map[place]string           // IDs of mailboxes that were renamed
	queues    map[*watch]struct{}        // of the calls of Watch
	deletions int                        // of mailboxes, through this Store
	tried     map[*imapclient.Client]int // how many there were when the connection was tried
	recent    []*box                     // opened last, latest first
	follower  *follower                  // nil while nobody watches
}

// A place is where a mailbox without MAILBOXID is found.
type place struct {
	name     string
	validity uint32
}

func newAccount(s *Store, name string) *account {
	a := &account{
		s: s, name: name, opening: make(chan struct{}, 1),
		boxes: map[string]*box{}, alias: map[place]string{}, queues: map[*watch]struct{}{},
	}
	a.opening <- struct{}{}
	return a
}

// newPool makes connections possible. Store.mu is held.
func (a *account) newPool() {
	n := a.s.MaxConns
	if n <= 0 {
		n = defaultMaxConns
	}
	a.pool = &imapclient.Pool{MaxOpen: n, Dial: a.dial}
}

func (a *account) dial(ctx context.Context) (*imapclient.Client, error) { return a.s.Dial(ctx, a.name) }

// release gives up what Store.account has returned. Without users, an account has no
// connections, and is forgotten unless it knows what can't be learned again.
func (a *account) release() {
	s := a.s
	s.mu.Lock()
	a.users--
	var pool *imapclient.Pool
	if a.users == 0 {
		pool = a.pool
		if !a.precious() {
			delete(s.accounts, a.name)
		}
	}
	closed := s.closed
	s.mu.Unlock()
	if pool == nil || closed {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), logoutTime)
	defer cancel()
	if pool.Shutdown(ctx) != nil {
		pool.Close()
	}
}

// logoutTime bounds how long the last handle of an account waits for connections to
// end.
const logoutTime = 5 * time.Second

// undoTime bounds how long a call that has failed tries to undo what it did.
const undoTime = 30 * time.Second

// precious reports whether the account knows IDs or mod-sequences that last as long
// as the Store.
func (a *account) precious() bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.alias) > 0 {
		return true
	}
	for _, b := range a.boxes {
		if b.own.Load() != nil {
			return true
		}
	}
	return false
}

// open connects for the first time.
func (a *account) open(ctx context.Context) error {
	select {
	case <-a.opening:
		defer func() { a.opening <- struct{}{} }()
	case <-ctx.Done():
		return wrap("account", a.name, ctx.Err())
	}
	if a.opened {
		return nil
	}
	err := a.pool.Client(ctx, func(c *imapclient.Client) error {
		ns, err := c.Namespace(ctx)
		if err != nil {
			return err
		}
		a.caps, a.names, a.opened = c.Capabilities(), newNames(ns), true
		return nil
	})
	return wrap("account", a.name, err)
}

func (a *account) has(caps ...imap.Cap) bool { return slices.ContainsFunc(caps, a.caps.Has) }

// client calls f with a connection, again if it was lost and only reads. A server may
// end connections on which a mailbox is selected that was deleted, so that before a
// change each is tried that was not used since.
func (a *account) client(ctx context.Context, reads bool, f func(*imapclient.Client) error) error {
	for lost := 0; ; lost++ {
		err := a.pool.Client(ctx, func(c *imapclient.Client) error {
			if !reads {
				if err := a.try(ctx, c); err != nil {
					return err
				}
			}
			return f(c)
		})
		again := reads && lost < retries || errors.As(err, new(harmless)) && lost < maxStale
		if !again || !isLost(err) || ctx.Err() != nil {
			return err
		}
	}
}

// try makes sure that a connection works, if a mailbox was deleted since it was tried
// last.
func (a *account) try(ctx context.Context, c *imapclient.Client) error {
	a.mu.Lock()
	tried := a.tried[c]
	deletions := a.deletions
	a.mu.Unlock()
	if tried == deletions {
		return nil
	}
	for range 2 { // BYE may come behind the OK
		if err := c.Noop(ctx); err != nil {
			return looking(err)
		}
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.tried == nil {
		a.tried = map[*imapclient.Client]int{}
	}
	for old := range a.tried {
		if old.Err() != nil {
			delete(a.tried, old)
		}
	}
	a.tried[c] = deletions
	return nil
}

// retries is how often a call that only reads is tried again when its connection is
// lost.
const retries = 2

// handle is the handle of one caller to an account.
type handle struct {
	*account
	closed atomic.Bool
}

var _ interface {
	mailbox.Account
	mailbox.Namespacer
} = (*handle)(nil)

// check returns an error if the handle is closed or the context is done.
func (h *handle) check(ctx context.Context) error {
	if h.closed.Load() || h.s.isClosed() {
		return fmt.Errorf("imapstore: %w", mailbox.ErrClosed)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("imapstore: %w", err)
	}
	return nil
}

// Close implements [mailbox.Account]. With the last handle, the connections of the
// account are closed.
func (h *handle) Close() error {
	if !h.closed.Swap(true) {
		h.release()
	}
	return nil
}

// Namespaces implements [mailbox.Namespacer].
func (h *handle) Namespaces(ctx context.Context) (mailbox.Namespaces, error) {
	return h.names.spaces, h.check(ctx)
}

// Limits implements [mailbox.Account]: the size of messages, where the server tells
// it (RFC 7889).
func (h *handle) Limits() mailbox.Limits {
	return mailbox.Limits{MaxMessageSize: max(0, h.appendLimit())}
}

func (a *account) appendLimit() int64 {
	v, ok := a.caps.Value(string(imap.CapAppendLimit))
	if !ok {
		return 0
	}
	var n int64
	if _, err := fmt.Sscanf(v, "%d", &n); err != nil {
		return 0
	}
	return n
}

// server returns the name on the server of a canonical name.
func (a *account) server(name string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.names.server(name)
}

// Create implements [mailbox.Account]. Where the server can't give a new mailbox its
// role (RFC 6154 §3), it is created without. Some servers create superiors too.
func (h *handle) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return mailbox.Info{}, err
	}
	if err := mailbox.ValidName(name, h.Limits()); err != nil {
		return mailbox.Info{}, err
	}
	if name == mailbox.Inbox {
		return mailbox.Info{}, wrap("create", name, mailbox.ErrExist)
	}
	var use []mailbox.SpecialUse
	if opts != nil && opts.SpecialUse&mailbox.SpecialUses != 0 && h.has(imap.CapCreateSpecialUse) {
		use = append(use, opts.SpecialUse&mailbox.SpecialUses)
	}
	var info mailbox.Info
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		return unsent(c.Create(ctx, h.server(name), use...))
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	if err == nil {
		err = h.client(ctx, true, func(c *imapclient.Client) error {
			found, err := h.look(ctx, c, name)
			if err == nil {
				info = found.info(0)
			}
			return err
		})
	}
	return info, wrap("create", name, err)
}

// Rename implements [mailbox.Account]. If from is only a superior, and the server
// does not rename those, the inferiors are renamed one by one.
func (h *handle) Rename(ctx context.Context, from, to string) error {
	from, to = mailbox.CanonicalName(from), mailbox.CanonicalName(to)
	if err := h.check(ctx); err != nil {
		return err
	}
	if err := mailbox.ValidName(to, h.Limits()); err != nil {
		return err
	}
	switch {
	case from == mailbox.Inbox:
		return fmt.Errorf("imapstore: %w: %s can't be renamed", mailbox.ErrInvalidName, from)
	case strings.HasPrefix(to, from+"/"):
		return fmt.Errorf("imapstore: %w: %q is below %q", mailbox.ErrInvalidName, to, from)
	case from == to || to == mailbox.Inbox:
		return h.taken(ctx, from, to)
	}
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		err := unsent(c.Rename(ctx, h.server(from), h.server(to)))
		if errors.Is(err, mailbox.ErrNotExist) {
			return h.renameInferiors(ctx, c, from, to, err)
		}
		if err == nil {
			h.renamed(from, to)
		}
		return err
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("rename", from, err)
}

// taken returns the error of a renaming to a name that exists.
func (h *handle) taken(ctx context.Context, from, to string) error {
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		_, err := h.look(ctx, c, from)
		return err
	})
	if err == nil {
		err = mailbox.ErrExist
	}
	return wrap("rename to", to, err)
}

// renameInferiors renames the inferiors of a superior that is no mailbox, and
// returns refused if there are none.
func (h *handle) renameInferiors(ctx context.Context, c *imapclient.Client, from, to string, refused error) error {
	list, err := h.list(ctx, c, 0, "")
	if err != nil {
		return err
	}
	taken := map[string]bool{}
	var below []string
	for i := range list {
		taken[list[i].name] = true
		if strings.HasPrefix(list[i].name, from+"/") && !list[i].missing {
			below = append(below, list[i].name)
		}
		if list[i].name == from && !list[i].missing {
			return refused
		}
	}
	if len(below) == 0 {
		return refused
	}
	for _, name := range below {
		dest := to + name[len(from):]
		if err := mailbox.ValidName(dest, h.Limits()); err != nil {
			return err
		}
		if taken[dest] {
			return mailbox.ErrExist
		}
	}
	// Superiors come first in the list, and take their inferiors along.
	for len(below) > 0 {
		name := below[0]
		if err := c.Rename(ctx, h.server(name), h.server(to+name[len(from):])); err != nil {
			return err
		}
		h.renamed(name, to+name[len(from):])
		below = slices.DeleteFunc(below, func(s string) bool { return s == name || strings.HasPrefix(s, name+"/") })
	}
	return nil
}

// renamed lets handles follow their mailboxes.
func (a *account) renamed(from, to string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.names.renamed(from)
	for _, b := range a.boxes {
		if b.gone || b.name != from && !strings.HasPrefix(b.name, from+"/") {
			continue
		}
		delete(a.alias, place{b.name, b.validity})
		b.name = to + b.name[len(from):]
		if !b.told && derivedID(b.name, b.validity) != b.id {
			a.alias[place{b.name, b.validity}] = b.id
		}
	}
}

// Delete implements [mailbox.Account].
func (h *handle) Delete(ctx context.Context, name string) error {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return err
	}
	if name == mailbox.Inbox {
		return fmt.Errorf("imapstore: %w: %s can't be deleted", mailbox.ErrInvalidName, name)
	}
	err := h.client(ctx, false, func(c *imapclient.Client) error {
		err := unsent(c.Delete(ctx, h.server(name)))
		if refused, _ := isRefusal(err); refused && !errors.Is(err, mailbox.ErrNotExist) {
			// It may be a superior that is no mailbox.
			if _, lerr := h.look(ctx, c, name); errors.Is(lerr, mailbox.ErrNotExist) {
				return errors.Join(mailbox.ErrNotExist, err)
			}
		}
		return err
	})
	switch {
	case err == nil:
		h.deleted(name)
	case mayHaveBeenDone(err):
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("delete", name, err)
}

func (a *account) deleted(name string) {
	a.mu.Lock()
	a.deletions++
	delete(a.names.noted, name)
	var gone []string
	for id, b := range a.boxes {
		if b.name == name && !b.gone {
			b.gone = true
			delete(a.boxes, id)
			delete(a.alias, place{b.name, b.validity})
			gone = append(gone, id)
		}
	}
	a.recent = slices.DeleteFunc(a.recent, func(b *box) bool { return b.gone })
	a.mu.Unlock()
	a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	for _, id := range gone {
		a.tell(mailbox.Event{MailboxID: id, Kind: mailbox.EventVanished})
	}
}

// Subscribe implements [mailbox.Account].
func (h *handle) Subscribe(ctx context.Context, name string, on bool) error {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return err
	}
	if on {
		if err := mailbox.ValidName(name, h.Limits()); err != nil {
			return err
		}
	}
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		if on {
			return c.Subscribe(ctx, h.server(name))
		}
		err := c.Unsubscribe(ctx, h.server(name))
		if refused, _ := isRefusal(err); refused {
			// Some servers refuse it for a name that is not subscribed to.
			list, lerr := h.list(ctx, c, 0, "")
			if lerr == nil && !slices.ContainsFunc(list, func(f found) bool { return f.name == name && f.subscribed }) {
				return nil
			}
		}
		return err
	})
	if err == nil || mayHaveBeenDone(err) {
		h.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	return wrap("subscribe to", name, err)
}
