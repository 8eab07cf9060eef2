package sqlite

import (
	"sync"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// The cost of a request is about how many rows with their indexes it writes, or
// pages of 4 KiB: 10 to 15 µs each.
const (
	// maxLight is what a request may cost to share a transaction with any others
	// of its kind. One that costs more is heavy.
	maxLight = 64

	// maxBatch is what the light requests of one transaction may cost together.
	maxBatch = 512

	appendCost = 3 // of a message that is added, without its octets
	pageSize   = 4 << 10
)

// queue holds the requests that wait for the writer. The requests of an account
// are in a line, and lines take turns, so that an account with many requests
// waits behind itself. The light ones have lines of their own: however many
// accounts make large changes, a small one waits for one slice of them, besides
// the one that is being made.
//
// A request is here as long as its caller waits, so that no more are queued than
// there are callers.
type queue struct {
	mu           sync.Mutex
	light, heavy fair.Queue[int64, *request] // guarded by mu
	ready        chan struct{}               // has a token when requests have come
}

func (q *queue) init() { q.ready = make(chan struct{}, 1) }

func (q *queue) push(r *request) {
	q.mu.Lock()
	r.place = q.of(r).Push(r.account, r)
	q.mu.Unlock()
	select {
	case q.ready <- struct{}{}:
	default:
	}
}

// remove removes a request if it is still queued.
func (q *queue) remove(r *request) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.of(r).Remove(r.place)
}

// batch appends the requests of the next transaction: at most one heavy one, and
// light ones of all accounts in turns.
func (q *queue) batch(batch []*request) []*request {
	q.mu.Lock()
	defer q.mu.Unlock()
	if it := q.heavy.Pop(); it != nil {
		batch = append(batch, it.Value)
	}
	for cost := 0; cost < maxBatch; {
		it := q.light.Pop()
		if it == nil {
			break
		}
		batch = append(batch, it.Value)
		cost += it.Value.cost()
	}
	return batch
}

func (q *queue) len() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.light.Len() + q.heavy.Len()
}

func (q *queue) of(r *request) *fair.Queue[int64, *request] {
	if r.cost() > maxLight {
		return &q.heavy
	}
	return &q.light
}
