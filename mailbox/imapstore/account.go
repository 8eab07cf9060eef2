package imapstore

import (
	"context"
	"errors"
	"fmt"
	"slices"
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
