package textproto

import (
	"sync/atomic"
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
// it reads nothing that a command to come may consist of.
type watch struct {
	ahead atomic.Bool // input is buffered behind the present line or body
	held  bool        // or the protocol has read it already; see SetAhead
	blind bool        // the operating system can't be asked

	// work is changed by the connection's goroutine only: it counts up when a
	// command begins to be at work, and when none is any more.
	work atomic.Uint32

	// Of Server.watchConns:
	seen uint32 // work, at the last look
	half uint8  // looks since then that have found the client's output at its end
	out  int64  // octets written, at the last look
}

// peerState is what the operating system knows of the other end.
type peerState int

const (
	peerThere  peerState = iota // or unknown
	peerHalf                    // has ended its output, all of which has been read
	peerGone                    // has reset the connection, or no longer answers
	peerUnsure                  // to be asked in another way
)

// begin says that a command is at work, or has gone on to something new.
func (w *watch) begin(s *Server) {
	if w.blind {
		return
	}
	w.work.Store((w.work.Load() | 1) + 2) // odd, and another number
	if !s.watching.Load() && s.watching.CompareAndSwap(false, true) {
		go s.watchConns()
	}
}

// end says that none is at work.
func (w *watch) end() {
	w.work.Store((w.work.Load() + 1) &^ 1)
}

func (w *watch) atWork() bool { return w.work.Load()&1 != 0 }

// watchConns looks at the connections with commands at work, for as long as there
// are any.
func (s *Server) watchConns() {
	var busy []*serverConn
	find := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		clear(busy)
		busy = busy[:0]
		for sc := range s.conns {
			if sc.watch.atWork() {
				busy = append(busy, sc)
			}
		}
		return len(busy) > 0
	}
	for {
		time.Sleep(WatchInterval)
		if !find() {
			s.watching.Store(false)
			// Another may have begun, and seen that somebody watches.
			if !find() || !s.watching.CompareAndSwap(false, true) {
				return
			}
		}
		for _, sc := range busy {
			if sc.watch.over(sc.c) {
				s.stats.gone.Add(1)
				sc.end(ErrPeerGone)
			}
		}
	}
}

// look asks the operating system for the state of the peer.
func (c *Conn) look() peerState {
	state := peerThere
	if raw := socket(c.t.Conn); raw != nil {
		raw.Control(func(fd uintptr) { state = look(int(fd), c.tls.Load() != nil) })
	}
	return state
}

// over reports whether the client of c has gone. A read or write in progress finds
// that out by itself.
func (w *watch) over(c *Conn) bool {
	work := w.work.Load()
	if work&1 == 0 {
		return false
	}
	if work != w.seen {
		w.seen, w.half = work, 0
	}
	t := c.t
	if t.inIO.Load() > 0 {
		w.half = 0
		return false
	}
	switch c.look() {
	case peerGone:
		return w.work.Load() == work
	case peerHalf:
		// While output is taken there is somebody to take it, and what was sent
		// ahead is to be carried out.
		out := t.out.Load()
		if out != w.out || w.ahead.Load() {
			w.half, w.out = 0, out
		}
		w.half++
		return w.half > uint8(HalfClosedGrace/WatchInterval) && w.work.Load() == work
	}
	w.half = 0
	return false
}
