package textproto

import (
	"context"
	"errors"
	"math"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// Defaults of Bounds.
const (
	DefaultMemory        = 1 << 30 // where the system does not tell how much there is
	DefaultMemoryPerConn = 64 << 20
	DefaultMemoryWait    = 10 * time.Second
)

const (
	// minMemory is the least that Bounds.Memory is by default, and what an account
	// may have of it if that is not more than half.
	minMemory = 64 << 20
	// freeMemory is what a connection may hold that is not counted.
	freeMemory = 16 << 10
	// memoryStep is what memory is counted in.
	memoryStep = 64 << 10
	// maxWaitingMemory is how much a connection may hold that waits for more: others
	// may be waiting for that.
	maxWaitingMemory = 1 << 20
)

// ErrTooMuchMemory is what Conn.Hold and Conn.Keep return when a connection would hold
// more than Bounds.MemoryPerConn, or when there was no memory for Bounds.MemoryWait.
var ErrTooMuchMemory = errors.New("textproto: not enough memory")

// Hold counts n octets of memory that the present command is about to take, beside the
// buffers of the Conn. They are free again with Free, or when the command is over (see
// Spend). What is less than some kilobytes need not be counted.
//
// If the memory of the Bounds is used up, Hold waits, and gives back the turn and the
// place of the command meanwhile; the command must hold no lock. The error is
// ErrTooMuchMemory, with which the command is to be refused, or the cause of the end of
// ctx; the memory is then not counted. On a connection that no Server has accepted Hold
// does nothing.
func (c *Conn) Hold(ctx context.Context, n int) error {
	sc := c.served
	if sc == nil {
		return nil
	}
	sc.held += int64(n)
	err := sc.reserve(ctx)
	if err != nil {
		sc.held -= int64(n)
	}
	return err
}

// Free gives back n octets of Hold.
func (c *Conn) Free(n int) {
	if sc := c.served; sc != nil {
		sc.held = max(0, sc.held-int64(n)) // the command may be over
		sc.unreserve()
	}
}

// Keep is Hold for what the session holds until the connection ends; a negative n
// gives some of it back.
func (c *Conn) Keep(ctx context.Context, n int) error {
	sc := c.served
	if sc == nil || n == 0 {
		return nil
	}
	if sc.memory == nil {
		sc.memory = new(connMemory)
	}
	sc.memory.kept += int64(n)
	if n < 0 {
		sc.unreserve()
		return nil
	}
	err := sc.reserve(ctx)
	if err != nil {
		sc.memory.kept -= int64(n)
	}
	return err
}

// connMemory is what a connection has that holds more than a little.
type connMemory struct {
	kept     int64 // of the session
	reserved int64 // of the Bounds
	who      party // for whom
}

// inUse returns how much the connection holds.
func (sc *serverConn) inUse() int64 {
	if sc.memory == nil {
		return sc.held
	}
	return sc.held + sc.memory.kept
}

// toReserve returns how much of the Bounds is needed to hold n.
func toReserve(n int64) int64 {
	if n <= freeMemory {
		return 0
	}
	return (n + memoryStep - 1) / memoryStep * memoryStep
}

// reserve gets what the connection needs beyond what it has.
func (sc *serverConn) reserve(ctx context.Context) error {
	n := toReserve(sc.inUse())
	if n == 0 {
		return nil
	}
	if sc.memory == nil {
		sc.memory = new(connMemory)
	}
	m, b := sc.memory, sc.s.bounds
	if n <= m.reserved {
		return nil
	}
	if b.MemoryPerConn > 0 && sc.inUse() > b.MemoryPerConn {
		b.memory.refused.Add(1)
		return ErrTooMuchMemory
	}
	if m.reserved == 0 {
		m.who = sc.party()
	}
	if more := n - m.reserved; !b.memory.tryTake(m.who, more) {
		places := sc.place.Swap(0)
		sc.leavePlaces(places)
		if t := sc.turn.Load(); t != nil {
			sc.leaveTurn(t)
		}
		err := b.memory.take(ctx, m.who, more, m.reserved, b.MemoryWait)
		if err == nil {
			m.reserved = n
		}
		if places != 0 {
			if e := sc.enterPlaces(ctx); e != nil && err == nil {
				sc.held = 0 // the command, and with it the connection, is over
				sc.unreserve()
				err = e
			}
		}
		return err
	}
	m.reserved = n
	return nil
}

// unreserve gives back what is not needed any more.
func (sc *serverConn) unreserve() {
	m := sc.memory
	if m == nil {
		return
	}
	if n := toReserve(sc.inUse()); n < m.reserved {
		sc.s.bounds.memory.give(m.who, m.reserved-n)
		m.reserved = n
	}
}

// countBuffer counts a buffer of the connection, or no longer.
func (c *Conn) countBuffer(size int, more bool) {
	sc := c.served
	if sc == nil || size < pool.Large {
		return
	}
	if !more {
		size = -size
	}
	sc.buffers.Add(int32(size))
	sc.s.bounds.memory.addBuffers(int64(size))
}

// mayBeLarge reports whether the connection may have another large buffer: all have no
// more than half of the memory. With small ones it is slower.
func (c *Conn) mayBeLarge() bool {
	if c.served == nil {
		return true
	}
	m := &c.served.s.bounds.memory
	return m.limit == 0 || m.buffers.Load()+pool.Large <= m.limit/2
}

// getLarge returns a large buffer that is needed in any case, putLarge gives it back.
func (c *Conn) getLarge() []byte {
	c.countBuffer(pool.Large, true)
	return pool.GetLarge()
}

func (c *Conn) putLarge(b []byte) {
	c.countBuffer(pool.Large, false)
	pool.Put(b)
}

// leaveMemory gives all back at the end of the connection.
func (sc *serverConn) leaveMemory() {
	sc.held = 0
	if sc.memory != nil {
		sc.memory.kept = 0
		sc.unreserve()
	}
	sc.s.bounds.memory.addBuffers(-int64(sc.buffers.Swap(0)))
}

// defaultMemory is the default of Bounds.Memory.
func defaultMemory() int64 {
	limit := debug.SetMemoryLimit(-1)
	if limit == math.MaxInt64 {
		limit = systemMemory()
	}
	if limit == 0 {
		return DefaultMemory
	}
	return max(limit/4, minMemory)
}

// A budget is memory that parties share. None has more than a part of it, and those
// that wait get it in rounds, one request of each party.
type budget struct {
	limit   int64 // zero: none
	refused atomic.Int64
	waits   atomic.Int64
	buffers atomic.Int64 // of connections, which wait for nothing; they are within the limit

	mu      sync.Mutex
	held    int64 // beside the buffers
	peak    int64 // of held
	byParty map[party]int64
	queue   fair.Queue[party, *memoryWaiter]
	waiting atomic.Int32 // the length of queue
}

type memoryWaiter struct {
	n   int64
	has bool          // guarded by the budget's mu
	got chan struct{} // closed when it has
}

// share returns how much one party may have.
func (m *budget) share() int64 { return max(m.limit/4, min(m.limit/2, minMemory)) }

// fits reports whether there are n more. m.mu is held.
func (m *budget) fits(n int64) bool {
	return m.limit == 0 || m.held+n+m.buffers.Load() <= m.limit
}

// grant gives n to a party. m.mu is held.
func (m *budget) grant(who party, n int64) {
	m.held += n
	m.peak = max(m.peak, m.held)
	if m.byParty == nil {
		m.byParty = make(map[party]int64)
	}
	m.byParty[who] += n
}

// tryTake takes n if nobody waits for memory and it is there.
func (m *budget) tryTake(who party, n int64) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.limit > 0 && (m.byParty[who]+n > m.share() || m.queue.Peek() != nil || !m.fits(n)) {
		return false
	}
	m.grant(who, n)
	return true
}

// take waits for n more than the caller has already, no longer than for a time. The
// error is ErrTooMuchMemory or the cause of the end of ctx.
func (m *budget) take(ctx context.Context, who party, n, has int64, patience time.Duration) error {
	if has > maxWaitingMemory || has+n > m.share() {
		m.refused.Add(1)
		return ErrTooMuchMemory
	}
	m.waits.Add(1)
	w := &memoryWaiter{n: n, got: make(chan struct{})}
	m.mu.Lock()
	place := m.queue.Push(who, w)
	m.waiting.Add(1)
	m.serve() // it may have become free
	m.mu.Unlock()
	var over <-chan time.Time
	if patience > 0 {
		t := time.NewTimer(patience)
		defer t.Stop()
		over = t.C
	}
	err := ErrTooMuchMemory
	select {
	case <-w.got:
		return nil
	case <-ctx.Done():
		err = context.Cause(ctx)
	case <-over:
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if w.has {
		return nil
	}
	if ctx.Err() == nil {
		m.refused.Add(1)
	}
	m.queue.Remove(place)
	m.waiting.Add(-1)
	m.serve() // those behind it may want less
	return err
}

// serve gives those that wait what is there. m.mu is held.
func (m *budget) serve() {
	for it := m.queue.Peek(); it != nil; it = m.queue.Peek() {
		w := it.Value
		if m.byParty[it.Key]+w.n > m.share() {
			m.queue.Stop(it.Key) // until it gives something back
			continue
		}
		if !m.fits(w.n) {
			return
		}
		m.queue.Pop()
		m.waiting.Add(-1)
		m.grant(it.Key, w.n)
		w.has = true
		close(w.got)
	}
}

// give gives n of a party back.
func (m *budget) give(who party, n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.held -= n
	if m.byParty[who] -= n; m.byParty[who] == 0 {
		delete(m.byParty, who)
	}
	m.queue.Start(who)
	m.serve()
}

// addBuffers counts buffers, or no longer.
func (m *budget) addBuffers(n int64) {
	m.buffers.Add(n)
	if n < 0 && m.waiting.Load() > 0 {
		m.mu.Lock()
		m.serve()
		m.mu.Unlock()
	}
}
