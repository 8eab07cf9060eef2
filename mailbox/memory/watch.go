package memory

import (
	"context"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A watcher carries the events of an account to one reader. Writers put hints
// into pending and never wait; a goroutine of its own hands them over as fast
// as the reader takes them. Pending hints about one mailbox melt into one, so
// there are never more of them than mailboxes.
type watcher struct {
	wake chan struct{} // holds one token while there may be something pending

	mu      sync.Mutex                   // guards what follows
	pending map[string]mailbox.EventKind // by mailbox ID
	order   []string                     // keys of pending, oldest first
}

func (w *watcher) add(id string, kind mailbox.EventKind) {
	w.mu.Lock()
	if w.pending[id] == 0 {
		w.order = append(w.order, id)
	}
	w.pending[id] |= kind
	w.mu.Unlock()
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest hint, ok is false if there is none.
func (w *watcher) next() (e mailbox.Event, ok bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.order) == 0 {
		w.order = nil
		return e, false
	}
	e.MailboxID = w.order[0]
	e.Kind = w.pending[e.MailboxID]
	w.order = w.order[1:]
	delete(w.pending, e.MailboxID)
	return e, true
}

// run hands hints over until the watch ends.
func (w *watcher) run(ctx context.Context, s *Store, events chan<- mailbox.Event) {
	defer close(events)
	for {
		e, ok := w.next()
		for ok {
			select {
			case events <- e:
				e, ok = w.next()
				continue
			case <-ctx.Done():
			case <-s.closed:
			}
			return
		}
		select {
		case <-w.wake:
		case <-ctx.Done():
			return
		case <-s.closed:
			return
		}
	}
}

// notify tells the watchers. The account is locked for writing, so nobody who
// acts on the hint can miss the change.
func (a *account) notify(id string, kind mailbox.EventKind) {
	for w := range a.watchers {
		w.add(id, kind)
	}
}

// Watch implements [mailbox.Account].
func (h *handle) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	w := &watcher{
		wake:    make(chan struct{}, 1),
		pending: map[string]mailbox.EventKind{},
	}
	if err := h.lock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	s := h.store
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return nil, mailbox.ErrClosed
	}
	h.watchers[w] = struct{}{}
	events := make(chan mailbox.Event)
	s.wg.Go(func() {
		w.run(ctx, s, events)
		h.mu.Lock()
		delete(h.watchers, w)
		h.mu.Unlock()
	})
	return events, nil
}
