package textproto

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// past is a deadline that has passed.
var past = time.Unix(1, 0)

// maxWrite bounds one write to the network, so that the write timeout is
// renewed by progress however large the buffer of the caller is.
const maxWrite = 256 << 10

// transport is the lowest layer of a Conn, beneath TLS and compression. It is
// the only place that sets deadlines: each is computed under mu from the
// timeouts, the bound contexts and the waiting state, so that a wake-up or a
// cancellation either is seen by the arming of the deadline or comes after it
// and overrides it.
//
// Whatever interrupts a read, the layer above sees os.ErrDeadlineExceeded,
// after which crypto/tls can continue; Conn turns that into the reason
// (reason).
type transport struct {
	net.Conn

	in, out atomic.Int64 // octets on the wire
	inIO    atomic.Int32 // reads and writes in progress

	// What the peer must send; see Rates.Input. waited and came are of the reading
	// side.
	rates  *Rates        // nil: any
	waited time.Duration // for input, since the last Wait
	came   int64         // octets in that time
	ack    quickAck
	sc     *serverConn // whose commands wait for the peer; nil: none

	mu           sync.Mutex
	readTimeout  time.Duration
	writeTimeout time.Duration
	hard         time.Time // limit over all I/O (handshake, refusal), zero for none
	closeBy      time.Time // limit that crypto/tls sets for its last write
	waitUntil    time.Time // limit of the current Wait, zero for none
	waiting      bool      // inside Wait
	woken        bool      // Wake was called and no Wait has returned it yet
	closing      bool      // the server is shutting down
	binds        *binding  // innermost first
	tooSlow      bool      // the peer sends less than Rates.Input
	readArmed    bool      // a read deadline other than none is set
	writeArmed   bool
}

// cause returns the error of a bound context that has ended, or nil. mu is held.
func (t *transport) cause() error {
	for b := t.binds; b != nil; b = b.next {
		if err := b.ctx.Err(); err != nil {
			return &contextError{context.Cause(b.ctx), err}
		}
	}
	return nil
}

// limit applies hard to a timeout counted from now. mu is held.
func (t *transport) limit(d time.Duration) time.Time {
	if d <= 0 {
		return t.hard
	}
	dl := time.Now().Add(d)
	if !t.hard.IsZero() && t.hard.Before(dl) {
		return t.hard
	}
	return dl
}

func (t *transport) armRead() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.setReadDeadline()
}

// setReadDeadline sets the deadline that follows from the state. mu is held.
func (t *transport) setReadDeadline() {
	var dl time.Time
	switch {
	case t.binds != nil && t.cause() != nil:
		dl = past
	case t.waiting && (t.woken || t.closing):
		dl = past
	case t.waiting:
		dl = t.waitUntil
	case t.tooSlow:
		dl = past
	default:
		dl = t.limit(t.readTimeout)
	}
	if !dl.IsZero() || t.readArmed {
		t.readArmed = !dl.IsZero()
		t.Conn.SetReadDeadline(dl)
	}
}

func (t *transport) armWrite() {
	t.mu.Lock()
	defer t.mu.Unlock()
	var dl time.Time
	if t.binds != nil && t.cause() != nil {
		dl = past
	} else {
		dl = t.limit(t.writeTimeout)
		if !t.closeBy.IsZero() && (dl.IsZero() || t.closeBy.Before(dl)) {
			dl = t.closeBy
		}
	}
	if !dl.IsZero() || t.writeArmed {
		t.writeArmed = !dl.IsZero()
		t.Conn.SetWriteDeadline(dl)
	}
}

// SetWriteDeadline is called by the Close of crypto/tls, around its alert.
func (t *transport) SetWriteDeadline(dl time.Time) error {
	t.mu.Lock()
	t.closeBy = dl
	t.mu.Unlock()
	t.armWrite()
	return nil
}

func (t *transport) Read(p []byte) (int, error) {
	t.inIO.Add(1)
	t.armRead()
	t.ack.beforeRead(t.Conn)
	begun := t.clock()
	var places uint32
	if t.sc != nil {
		places = t.sc.beginIO()
	}
	n, err := t.Conn.Read(p)
	t.inIO.Add(-1)
	if 0 < n && n < len(p) {
		t.ack.received()
	}
	t.in.Add(int64(n))
	t.pace(n, begun)
	if t.sc != nil {
		t.sc.pass(n)
		t.sc.endIO(places)
	}
	return n, err
}

// clockBase is what clock counts from.
var clockBase = time.Now()

// clock returns the time, for pace.
func (t *transport) clock() time.Duration {
	if t.rates == nil {
		return 0
	}
	return time.Since(clockBase)
}

// pace counts a read that was begun at a time. If the peer is too slow, the next
// read fails.
func (t *transport) pace(n int, begun time.Duration) {
	if t.rates == nil {
		return
	}
	t.waited += t.clock() - begun
	t.came += int64(n)
	if late := t.waited - t.rates.Grace; late <= 0 || float64(t.came) >= late.Seconds()*float64(t.rates.Input) {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.waiting || t.tooSlow {
		return
	}
	t.tooSlow = true
	if t.sc != nil {
		t.sc.s.stats.tooSlow.Add(1)
	}
}

// newPace begins to count anew.
func (t *transport) newPace() {
	t.waited, t.came = 0, 0
	if t.rates != nil {
		t.mu.Lock()
		t.tooSlow = false
		t.mu.Unlock()
	}
}

func (t *transport) Write(p []byte) (n int, err error) {
	if t.sc != nil {
		places := t.sc.beginIO()
		defer t.sc.endIO(places)
	}
	t.ack.answered()
	for {
		t.inIO.Add(1)
		t.armWrite()
		m, err := t.Conn.Write(p[n:min(len(p), n+maxWrite)])
		n += m
		t.out.Add(int64(m))
		t.inIO.Add(-1)
		if t.sc != nil {
			t.sc.pass(m)
		}
		if err != nil || n == len(p) {
			return n, err
		}
	}
}

// reason turns an I/O error into the one that the caller of Conn gets: the
// cause of a bound context that has ended, or a TimeoutError.
func (t *transport) reason(op string, err error) error {
	t.mu.Lock()
	cause, slow := t.cause(), t.tooSlow
	if sc := t.sc; sc != nil && !sc.late && errors.Is(cause, ErrLoginTimeout) {
		sc.late = true
		sc.s.stats.loginTimeouts.Add(1)
	}
	t.mu.Unlock()
	if cause != nil {
		return fmt.Errorf("textproto: %s: %w", op, cause)
	}
	if isTimeout(err) {
		if slow && op == "read" {
			return ErrTooSlow
		}
		return &TimeoutError{Op: op}
	}
	return err
}

// binding is a bound context.
type binding struct {
	ctx     context.Context
	refs    int // Binds of it that have not been released
	stop    func() bool
	release func()
	next    *binding
}

func noop() {}

// bind makes the end of ctx fail all I/O until release is called. Contexts with
// the same Done channel are one.
func (t *transport) bind(ctx context.Context) (release func()) {
	done := ctx.Done()
	if done == nil {
		return noop
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	for b := t.binds; b != nil; b = b.next {
		if b.ctx.Done() == done {
			b.refs++
			return b.release
		}
	}
	b := &binding{ctx: ctx, refs: 1, next: t.binds}
	b.release = func() { t.unbind(b) }
	b.stop = context.AfterFunc(ctx, func() { t.expire(b) })
	t.binds = b
	return b.release
}

// bindFor is bind for the lifetime of the connection, for a context whose end
// is followed by a call of interrupt. That is cheaper than watching it.
func (t *transport) bindFor(ctx context.Context) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.binds = &binding{ctx: ctx, refs: 1, next: t.binds, release: noop}
}

// interrupt stops I/O in progress.
func (t *transport) interrupt() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readArmed, t.writeArmed = true, true
	t.Conn.SetDeadline(past)
}

// expire interrupts I/O in progress because the context of b has ended.
func (t *transport) expire(b *binding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for x := t.binds; x != nil; x = x.next {
		if x == b {
			t.readArmed, t.writeArmed = true, true
			t.Conn.SetDeadline(past)
			return
		}
	}
}

func (t *transport) unbind(b *binding) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if b.refs--; b.refs > 0 {
		return
	}
	b.stop()
	for p := &t.binds; *p != nil; p = &(*p).next {
		if *p == b {
			*p = b.next
			return
		}
	}
}

// setHard sets the limit over all I/O, zero for none.
func (t *transport) setHard(dl time.Time) {
	t.mu.Lock()
	t.hard = dl
	t.mu.Unlock()
}

// armHard sets the limit over all I/O as the deadline, for I/O that does not pass
// through t.
func (t *transport) armHard() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.readArmed, t.writeArmed = true, true
	t.Conn.SetDeadline(t.hard)
}

// within bounds all I/O of f by d, if d is positive, and by the existing limit.
func (t *transport) within(d time.Duration, f func() error) error {
	t.mu.Lock()
	old := t.hard
	t.hard = t.limit(d)
	t.mu.Unlock()
	defer t.setHard(old)
	return f()
}

// wake interrupts Wait. With closing it does so permanently, and I/O that has
// an overall limit (a handshake) is limited to RefuseTimeout.
func (t *transport) wake(closing bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if closing {
		t.closing = true
		if soon := time.Now().Add(RefuseTimeout); !t.hard.IsZero() && soon.Before(t.hard) {
			t.hard = soon
			t.setReadDeadline()
		}
	} else {
		t.woken = true
	}
	if t.waiting {
		t.setReadDeadline()
	}
}

// takeWoken reports and clears the wake-up flag. mu is held.
func (t *transport) takeWoken() bool {
	w := t.woken
	t.woken = false
	return w
}
