package memory

import (
	"context"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// tell sends an event to the watchers of the account, which may be locked: an
// event is sent before the lock is released, so that a watcher that acts on the
// event sees the change.
func (a *account) tell(e mailbox.Event) {
	a.leaf.Lock()
	defer a.leaf.Unlock()
	for q := range a.queues {
		q.Add(e)
	}
}

// tellUsers sends an event to the other users of the mailbox. The owner is
// locked.
func (m *box) tellUsers(e mailbox.Event) {
	for u := range m.shares {
		u.tell(e)
	}
}

// notify reports a change to the messages of the mailbox. The owner is locked.
func (m *box) notify(kind mailbox.EventKind) {
	e := mailbox.Event{MailboxID: m.id, Kind: kind}
	m.owner.tell(e)
	for u, rights := range m.shares {
		if rights.Has(mailbox.RightRead) {
			u.tell(e)
		}
	}
}

// Watch implements [mailbox.Account].
func (h *handle) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	if err := h.rlock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.RUnlock()
	s, q := h.store, storekit.NewQueue()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.isClosed {
		return nil, mailbox.ErrClosed
	}
	h.leaf.Lock()
	h.queues[q] = struct{}{}
	h.leaf.Unlock()
	events := make(chan mailbox.Event)
	s.wg.Go(func() {
		q.Run(ctx, s.closed, events)
		h.leaf.Lock()
		delete(h.queues, q)
		h.leaf.Unlock()
	})
	return events, nil
}
