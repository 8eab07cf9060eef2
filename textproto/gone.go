package textproto

import (
	"sync"
	"syscall"
	"time"
)

const (
	// WatchInterval is how often the connection of a command at work is looked
	// at, to notice that the client has gone.
	WatchInterval = 100 * time.Millisecond

	// HalfClosedGrace is how long a command goes on for a client that has ended
	// its output, with no further command in it: it may have closed only its own
	// direction and wait for the reply.
	HalfClosedGrace = time.Second
)

// A watch notices that the client of a server's connection has gone while
// nothing is read from it or written to it. It asks the operating system, so that
// it needs no goroutine and reads nothing that a command to come may consist of.
type watch struct {
	c    *Conn
	raw  syscall.RawConn
	gone func() // called once, with mu held
	look func(fd uintptr)

	mu     sync.Mutex
	timer  *time.Timer
	armed  bool // the timer runs
	on     bool // a command is at work
	out    int64     // octets written, at the last look
	closed time.Time // when the client's output was first seen to have ended
	state  peerState // what look has found
}

// peerState is what the operating system knows of the other end.
type peerState int

const (
	peerThere  peerState = iota // or unknown
	peerHalf                    // has ended its output, all of which has been read
	peerGone                    // has reset the connection, or no longer answers
	peerUnsure                  // to be asked in another way
)

// newWatch returns a watch of c, or nil where the operating system can't be asked.
func newWatch(c *Conn, gone func()) *watch {
	raw := socket(c.t.Conn)
	if raw == nil || !canLook {
		return nil
	}
	w := &watch{c: c, raw: raw, gone: gone}
	w.look = func(fd uintptr) { w.state = look(int(fd), w.c.tls.Load() != nil) }
	return w
}

// begin says that a command is at work, or has gone on to something new. A nil
// watch does nothing.
func (w *watch) begin() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on, w.closed = true, time.Time{}
	if !w.armed {
		w.arm()
	}
}

// arm starts the timer. It is not stopped at the end of a command, so that it is
// started once in WatchInterval however many commands there are.
func (w *watch) arm() {
	w.armed = true
	if w.timer == nil {
		w.timer = time.AfterFunc(WatchInterval, w.tick)
	} else {
		w.timer.Reset(WatchInterval)
	}
}

// end says that none is at work.
func (w *watch) end() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
}

// stop releases the timer.
func (w *watch) stop() {
	if w == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = false
	if w.timer != nil {
		w.timer.Stop()
	}
}

func (w *watch) tick() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.armed = false
	switch {
	case !w.on:
	case w.over():
		w.on = false
		w.gone()
	default:
		w.arm()
	}
}

// over reports whether the client has gone. A read or write in progress finds
// that out by itself.
func (w *watch) over() bool {
	t := w.c.t
	if t.inIO.Load() > 0 {
		w.closed = time.Time{}
		return false
	}
	w.state = peerThere
	if w.raw.Control(w.look) != nil {
		return false
	}
	switch w.state {
	case peerGone:
		return true
	case peerHalf:
		// While output is taken there is somebody to take it, and what was sent
		// ahead is to be carried out.
		out := t.out.Load()
		if w.closed.IsZero() || out != w.out || w.c.ahead.Load() {
			w.closed, w.out = time.Now(), out
			return false
		}
		return time.Since(w.closed) >= HalfClosedGrace
	}
	w.closed = time.Time{}
	return false
}
