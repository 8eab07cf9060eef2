package fair

import (
	"context"
	"errors"
	"sync"
)

// ErrFull is returned by Gate.Enter when too many wait already.
var ErrFull = errors.New("fair: too many are waiting")

// A Gate lets in a limited number at a time. Those who wait come in by rounds, one
// of each key. Its fields must not be changed once it is in use.
type Gate[K comparable] struct {
	Size   int // how many are in at once; zero: no limit
	PerKey int // how many of one key; zero: no limit but Size

	// How many may wait, in all and of one key; zero: no limit.
	MaxWaiting, MaxWaitingPerKey int

	mu      sync.Mutex
	in      int
	byKey   map[K]int // of those that are in, if PerKey limits them
	waiting Queue[K, *waiter]
}

type waiter struct {
	in   chan struct{} // closed when it has come in
	isIn bool          // guarded by the Gate's mu
}

// TryEnter comes in if there is room, as Enter would without waiting, and reports
// whether it has.
func (g *Gate[K]) TryEnter(key K) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.room(key) {
		return false
	}
	g.admit(key)
	return true
}

// Enter waits until there is room; who has come in must call Leave. The error is
// ErrFull, or the cause of the end of ctx.
func (g *Gate[K]) Enter(ctx context.Context, key K) error {
	g.mu.Lock()
	if g.room(key) {
		g.admit(key)
		g.mu.Unlock()
		return nil
	}
	if g.MaxWaiting > 0 && g.waiting.Len() >= g.MaxWaiting ||
		g.MaxWaitingPerKey > 0 && g.waiting.LenOf(key) >= g.MaxWaitingPerKey {
		g.mu.Unlock()
		return ErrFull
	}
	w := &waiter{in: make(chan struct{})}
	place := g.waiting.Push(key, w)
	g.mu.Unlock()
	return g.wait(ctx, place)
}

// Pass lets those come in whose turn it is before that of the caller, who is in, and
// waits to be in again. If nobody waits the caller stays in. After an error the caller
// is not in.
func (g *Gate[K]) Pass(ctx context.Context, key K) error {
	g.mu.Lock()
	if g.waiting.Len() == 0 {
		g.mu.Unlock()
		return nil
	}
	w := &waiter{in: make(chan struct{})}
	place := g.waiting.Push(key, w)
	g.leave(key)
	g.mu.Unlock()
	return g.wait(ctx, place)
}

// wait waits for a place to come in.
func (g *Gate[K]) wait(ctx context.Context, place *Item[K, *waiter]) error {
	w := place.Value
	select {
	case <-w.in:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.isIn {
		g.leave(place.Key)
	} else {
		g.waiting.Remove(place)
	}
	return context.Cause(ctx)
}

// Leave makes room for another one.
func (g *Gate[K]) Leave(key K) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.leave(key)
}

// Len returns how many are in, and how many wait.
func (g *Gate[K]) Len() (in, waiting int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.in, g.waiting.Len()
}

// WaitingOf returns how many of a key wait.
func (g *Gate[K]) WaitingOf(key K) int {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.waiting.LenOf(key)
}

func (g *Gate[K]) room(key K) bool {
	return (g.Size <= 0 || g.in < g.Size) && (g.PerKey <= 0 || g.byKey[key] < g.PerKey)
}

func (g *Gate[K]) admit(key K) {
	g.in++
	if g.PerKey <= 0 {
		return
	}
	if g.byKey == nil {
		g.byKey = make(map[K]int)
	}
	g.byKey[key]++
	if g.byKey[key] == g.PerKey {
		g.waiting.Stop(key)
	}
}

func (g *Gate[K]) leave(key K) {
	g.in--
	if g.PerKey > 0 {
		if g.byKey[key]--; g.byKey[key] == 0 {
			delete(g.byKey, key)
		}
		g.waiting.Start(key)
	}
	for g.Size <= 0 || g.in < g.Size {
		it := g.waiting.Pop()
		if it == nil {
			return
		}
		g.admit(it.Key)
		it.Value.isIn = true
		close(it.Value.in)
	}
}
