package imapserver

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A hub notifies sessions of changes. Each account with sessions has an
// accountHub, with one Watch and one goroutine for any number of sessions, and
// each selected mailbox a boxHub in it.
//
// A notification has no contents: it increments a generation counter and wakes
// connections in IDLE. Each session then asks for the changes since the state that
// it knows, on its own goroutine, so that a slow client delays no other.
type hub struct {
	mu       sync.Mutex
	accounts map[string]*accountHub // guarded by mu
}

type accountHub struct {
	hub   *hub
	name  string
	acct  mailbox.Account // shared by the sessions
	stop  context.CancelFunc
	ended chan struct{} // closed when the watching goroutine has returned
	refs  int           // guarded by hub.mu

	mu    sync.Mutex
	boxes map[string]*boxHub // by mailbox ID; guarded by mu
}

// A waker is a waiting connection, which is woken by a change.
type waker interface{ Wake() }

type boxHub struct {
	account *accountHub
	id      string
	refs    int           // guarded by account.mu
	gen     atomic.Uint64 // moves on after each change

	mu     sync.Mutex
	idle   map[waker]struct{} // guarded by mu
	recent mailbox.UID        // guarded by mu; RecentMarker has been asked up to here

	shared sharedChanges
}

// join returns the hub of an account, opening the account if no session has.
func (h *hub) join(ctx context.Context, store mailbox.Store, name string, log *slog.Logger) (*accountHub, error) {
	if a := h.lookup(name); a != nil {
		if _, err := a.acct.Mailbox(ctx, mailbox.Inbox); !errors.Is(err, mailbox.ErrNotExist) {
			return a, nil
		}
		// The account was deleted while sessions had it open: they keep the
		// hub, and new sessions open the account that now has the name.
		h.forget(a)
		a.leave()
	}
	acct, err := store.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	h.mu.Lock()
	if a := h.accounts[name]; a != nil { // another session was faster
		a.refs++
		h.mu.Unlock()
		acct.Close()
		return a, nil
	}
	wctx, stop := context.WithCancel(context.WithoutCancel(ctx))
	a := &accountHub{
		hub: h, name: name, acct: acct, stop: stop, refs: 1,
		ended: make(chan struct{}),
		boxes: make(map[string]*boxHub),
	}
	if h.accounts == nil {
		h.accounts = make(map[string]*accountHub)
	}
	h.accounts[name] = a
	h.mu.Unlock()
	go a.watch(wctx, log)
	return a, nil
}

func (h *hub) lookup(name string) *accountHub {
	h.mu.Lock()
	defer h.mu.Unlock()
	a := h.accounts[name]
	if a != nil {
		a.refs++
	}
	return a
}

func (h *hub) forget(a *accountHub) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.accounts[a.name] == a {
		delete(h.accounts, a.name)
	}
}

// leave releases the hub that join returned. The last session to leave ends the
// watching goroutine and closes the account.
func (a *accountHub) leave() {
	a.hub.mu.Lock()
	a.refs--
	last := a.refs == 0
	if last && a.hub.accounts[a.name] == a {
		delete(a.hub.accounts, a.name)
	}
	a.hub.mu.Unlock()
	if last {
		a.stop()
		<-a.ended
		a.acct.Close()
	}
}

// The pauses before a failed Watch is tried again.
const (
	watchPause    = time.Second
	maxWatchPause = time.Minute
)

// watch forwards the events of the store until ctx ends. If Watch fails, it is
// tried again after a pause; meanwhile sessions see changes of other processes at
// their next NOOP, and those of this server at once.
func (a *accountHub) watch(ctx context.Context, log *slog.Logger) {
	defer close(a.ended)
	for pause := watchPause; ; pause = min(2*pause, maxWatchPause) {
		events, err := a.acct.Watch(ctx)
		if err == nil {
			pause = watchPause
			a.changedAll() // changes may have been missed
			for ev := range events {
				a.changed(ev.MailboxID)
			}
		}
		if ctx.Err() != nil || errors.Is(err, mailbox.ErrClosed) || errors.Is(err, mailbox.ErrNotExist) {
			return
		}
		log.Warn("imap: account is not watched", "account", a.name, "error", err)
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
	}
}

func (a *accountHub) changedAll() {
	a.mu.Lock()
	ids := slices.Collect(maps.Keys(a.boxes))
	a.mu.Unlock()
	for _, id := range ids {
		a.changed(id)
	}
}

// changed reports that a mailbox has changed. Sessions that make a change call it
// themselves, so that after one client has its answer, another client of this
// server sees the change with its next command, without waiting for the event of
// the store.
func (a *accountHub) changed(id string) {
	a.mu.Lock()
	b := a.boxes[id]
	a.mu.Unlock()
	if b != nil {
		b.changed()
	}
}

// changed is accountHub.changed for this mailbox. It returns the new generation.
func (b *boxHub) changed() uint64 {
	gen := b.gen.Add(1)
	b.mu.Lock()
	defer b.mu.Unlock()
	for w := range b.idle {
		w.Wake()
	}
	return gen
}

// box returns the hub of a mailbox.
func (a *accountHub) box(id string) *boxHub {
	a.mu.Lock()
	defer a.mu.Unlock()
	b := a.boxes[id]
	if b == nil {
		b = &boxHub{account: a, id: id, idle: make(map[waker]struct{})}
		a.boxes[id] = b
	}
	b.refs++
	return b
}

func (b *boxHub) leave() {
	b.account.mu.Lock()
	defer b.account.mu.Unlock()
	if b.refs--; b.refs == 0 {
		delete(b.account.boxes, b.id)
	}
}

// listen has w woken at every change until the returned function is called.
func (b *boxHub) listen(w waker) (stop func()) {
	b.mu.Lock()
	b.idle[w] = struct{}{}
	b.mu.Unlock()
	return func() {
		b.mu.Lock()
		delete(b.idle, w)
		b.mu.Unlock()
	}
}

// claimRecent determines which messages below next are recent to the session that
// asks first (RFC 3501 §2.3.2). It returns the lowest such UID, or next
// if another session has them. Of the sessions of this server only one asks the
// store.
func (b *boxHub) claimRecent(ctx context.Context, m mailbox.RecentMarker, next mailbox.UID) (mailbox.UID, error) {
	b.mu.Lock()
	if b.recent >= next {
		b.mu.Unlock()
		return next, nil
	}
	b.recent = next
	b.mu.Unlock()
	return m.MarkRecent(ctx, next)
}
