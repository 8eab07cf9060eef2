package storekit

import (
	"context"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A Queue carries the events of an account to one reader, as
// mailbox.Account.Watch promises. Writers add events and never wait; Run sends
// them as fast as the reader receives them. Events about one mailbox that have
// not been sent are merged, so that there are never more of them than mailboxes.
// NewQueue creates one.
type Queue struct {
	wake chan struct{} // holds a token while there may be something pending

	mu      sync.Mutex                   // guards the fields below
	pending map[string]mailbox.EventKind // by mailbox ID
	order   []string                     // keys of pending, oldest first
}

// NewQueue returns an empty queue.
func NewQueue() *Queue { return &Queue{wake: make(chan struct{}, 1)} }

// Add adds an event. It may be called with locks held, and after
// Run has returned.
func (q *Queue) Add(e mailbox.Event) {
	q.mu.Lock()
	if q.pending == nil {
		q.pending = map[string]mailbox.EventKind{}
	}
	if q.pending[e.MailboxID] == 0 {
		q.order = append(q.order, e.MailboxID)
	}
	q.pending[e.MailboxID] |= e.Kind
	q.mu.Unlock()
	select {
	case q.wake <- struct{}{}:
	default:
	}
}

// next takes the oldest event; ok is false if there is none.
func (q *Queue) next() (e mailbox.Event, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.order) == 0 {
		q.order, q.pending = nil, nil // an empty queue holds no memory
		return e, false
	}
	e.MailboxID = q.order[0]
	e.Kind = q.pending[e.MailboxID]
	q.order = q.order[1:]
	delete(q.pending, e.MailboxID)
	return e, true
}

// Run sends events to out until the context is done or closing is closed,
// and then closes out.
func (q *Queue) Run(ctx context.Context, closing <-chan struct{}, out chan<- mailbox.Event) {
	defer close(out)
	for {
		select {
		case <-q.wake:
		case <-ctx.Done():
			return
		case <-closing:
			return
		}
		for e, ok := q.next(); ok; e, ok = q.next() {
			select {
			case out <- e:
			case <-ctx.Done():
				return
			case <-closing:
				return
			}
		}
	}
}
