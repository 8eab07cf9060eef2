package sqlite

import (
	"context"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// hub reports changes to the watchers of accounts: those of this process at once,
// those of other processes when the writer sees that the database has changed.
type hub struct {
	n  atomic.Int64 // watchers
	mu sync.Mutex

	// Guarded by mu.
	accounts map[int64]*watched
	closed   bool

	wg     sync.WaitGroup // the goroutines of this file
	signal chan struct{}  // holds a token when another process has changed something
}

// watched is an account that has watchers.
type watched struct {
	watchers map[*storekit.Queue]struct{}
	epoch    int64              // of the account, and
	boxes    map[int64]boxState // its mailboxes, when they were last compared
}

type boxState struct{ modseq, uidnext int64 }

func (h *hub) init() {
	h.accounts = make(map[int64]*watched)
	h.signal = make(chan struct{}, 1)
}

func (h *hub) watched() bool { return h.n.Load() > 0 }

func (a *account) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	h := &a.s.hub
	q := storekit.NewQueue()
	if !h.add(a.id, q) {
		return nil, mailbox.ErrClosed
	}
	// Changes from now on are reported. The state to compare with is read after
	// q was added: a change of another process in between needs no event, since
	// the caller has not read the mailbox yet.
	if err := a.view(ctx, func(c *conn) error { return h.remember(c, a.id) }); err != nil {
		h.remove(a.id, q)
		h.wg.Done()
		return nil, err
	}
	out := make(chan mailbox.Event)
	go func() {
		defer h.wg.Done()
		defer h.remove(a.id, q)
		q.Run(ctx, a.s.closing, out)
	}()
	return out, nil
}

func (h *hub) add(account int64, q *storekit.Queue) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.closed {
		return false
	}
	wa := h.accounts[account]
	if wa == nil {
		wa = &watched{watchers: make(map[*storekit.Queue]struct{})}
		h.accounts[account] = wa
	}
	wa.watchers[q] = struct{}{}
	h.n.Add(1)
	h.wg.Add(1)
	return true
}

func (h *hub) remove(account int64, q *storekit.Queue) {
	h.mu.Lock()
	defer h.mu.Unlock()
	wa := h.accounts[account]
	delete(wa.watchers, q)
	if len(wa.watchers) == 0 {
		delete(h.accounts, account)
	}
	h.n.Add(-1)
}

// close waits for the goroutines of all watchers, which end when the store closes.
func (h *hub) close() {
	h.mu.Lock()
	h.closed = true
	h.mu.Unlock()
	h.wg.Wait()
}

// publish sends events in the order of the changes. The writer calls it after the
// commit.
func (h *hub) publish(events []event) {
	if len(events) == 0 || !h.watched() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, e := range events {
		if wa := h.accounts[e.account]; wa != nil {
			public := mailbox.Event{Kind: e.kind}
			if e.box != 0 {
				public.MailboxID = boxID(e.box)
			}
			for q := range wa.watchers {
				q.Add(public)
			}
		}
	}
}

// remember reads, unless it has, the state of an account with which compare finds
// the changes of other processes. The account must exist.
func (h *hub) remember(c *conn, account int64) error {
	epoch, boxes, err := accountState(c, account)
	if err != nil {
		return err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if wa := h.accounts[account]; wa != nil && wa.boxes == nil {
		wa.epoch, wa.boxes = epoch, boxes
	}
	return nil
}

func accountState(c *conn, account int64) (epoch int64, boxes map[int64]boxState, err error) {
	row, err := loadAccount(c, account)
	if err != nil {
		return 0, nil, err
	}
	r, err := c.query("SELECT id, modseq, uidnext FROM mailbox WHERE account = ?", account)
	if err != nil {
		return 0, nil, err
	}
	boxes = make(map[int64]boxState)
	for r.next() {
		boxes[r.int(0)] = boxState{r.int(1), r.int(2)}
	}
	return row.epoch, boxes, r.close()
}

// foreign notifies the hub that another process has changed something.
func (h *hub) foreign() {
	select {
	case h.signal <- struct{}{}:
	default:
	}
}

// run calls compare whenever another process has changed something.
func (h *hub) run(s *Store) {
	defer h.wg.Done()
	for {
		select {
		case <-h.signal:
			err := h.compare(s)
			if err != nil && s.closed() == nil {
				s.opts.Logger.Error("sqlite: look for changes", "error", err)
			}
		case <-s.closing:
			return
		}
	}
}

// compare publishes the changes since the states were read. It may publish changes
// of this process a second time.
func (h *hub) compare(s *Store) error {
	h.mu.Lock()
	ids := make([]int64, 0, len(h.accounts))
	for id := range h.accounts {
		ids = append(ids, id)
	}
	h.mu.Unlock()
	var events []event
	for _, id := range ids {
		var epoch int64
		var boxes map[int64]boxState
		err := s.pool.view(context.Background(), id, func(c *conn) (err error) {
			epoch, boxes, err = accountState(c, id)
			return err
		})
		if isNotExist(err) {
			epoch, boxes, err = -1, map[int64]boxState{}, nil
		}
		if err != nil {
			return err
		}
		h.mu.Lock()
		if wa := h.accounts[id]; wa != nil && wa.boxes != nil {
			events = wa.compare(events, id, epoch, boxes)
			wa.epoch, wa.boxes = epoch, boxes
		}
		h.mu.Unlock()
	}
	h.publish(events)
	return nil
}

// compare appends the events for the changes between the known state and a new one.
func (wa *watched) compare(events []event, account, epoch int64, boxes map[int64]boxState) []event {
	if epoch != wa.epoch {
		events = append(events, event{account, 0, mailbox.EventMailboxes})
	}
	for id, now := range boxes {
		before, ok := wa.boxes[id]
		switch {
		case !ok && now.uidnext > 1, ok && now.uidnext != before.uidnext:
			events = append(events, event{account, id, mailbox.EventNew | mailbox.EventFlags | mailbox.EventVanished})
		case ok && now.modseq != before.modseq:
			events = append(events, event{account, id, mailbox.EventFlags | mailbox.EventVanished})
		}
	}
	for id := range wa.boxes {
		if _, ok := boxes[id]; !ok {
			events = append(events, event{account, id, mailbox.EventVanished})
		}
	}
	return events
}
