package textproto

import (
	"net"
	"sync/atomic"
	"syscall"
)

// A quickAck keeps the peer from waiting for a delayed acknowledgement. A program
// that sends a command, or a reply, in several small writes is not sent the second
// by its kernel before the first is acknowledged (Nagle's algorithm, RFC 9293
// §3.7.4), and our kernel acknowledges late, with the answer that it expects soon
// (§3.8.6.3). The peer waits for us and we for the peer, some 40 ms each time.
//
// The sign of it is a read that follows a short read with nothing written in between:
// what has come is not complete, and no answer is going to acknowledge it. Then the
// kernel is told to acknowledge at once. It does so from then on, until our next
// write makes it expect an answer again: once between two writes is enough, however
// many reads a body takes, and peers that send commands whole cost nothing.
//
// A read that fills its buffer is no sign, since there is likely more to read; but
// one that took the octets of a literal, and no more, is: the end of the command is
// yet to come.
type quickAck struct {
	state atomic.Int32

	// Of the reading side.
	sock   *ackSocket
	failed bool // there is no such option
}

// An ackSocket is what to set the option on, and how.
type ackSocket struct {
	syscall.RawConn
	set func(fd uintptr)
}

// States of a quickAck.
const (
	ackAnswered = iota // nothing has come since the last write
	ackDue             // something has, and the peer may wait
	ackQuick           // the kernel has been told
)

// answered notes that something is written, or that the peer does not wait for us to
// acknowledge what has come.
func (q *quickAck) answered() {
	if q.state.Load() != ackAnswered {
		q.state.Store(ackAnswered)
	}
}

// received notes that all that has come was read.
func (q *quickAck) received() {
	if q.state.Load() == ackAnswered {
		q.state.CompareAndSwap(ackAnswered, ackDue)
	}
}

// beforeRead tells the kernel to acknowledge what has come on nc, if that is due.
func (q *quickAck) beforeRead(nc net.Conn) {
	if q.failed || q.state.Load() != ackDue || !q.state.CompareAndSwap(ackDue, ackQuick) {
		return
	}
	if q.sock == nil {
		raw := socket(nc)
		if raw == nil {
			q.failed = true
			return
		}
		q.sock = &ackSocket{raw, func(fd uintptr) { q.failed = setQuickAck(fd) != nil }}
	}
	if q.sock.Control(q.sock.set) != nil { // it is closed
		q.failed = true
	}
}

// socket returns the socket below nc, or nil.
func socket(nc net.Conn) syscall.RawConn {
	for {
		switch c := nc.(type) {
		case syscall.Conn:
			raw, err := c.SyscallConn()
			if err != nil {
				return nil
			}
			return raw
		case interface{ NetConn() net.Conn }: // a *tls.Conn, or a tunnel
			nc = c.NetConn()
		default:
			return nil
		}
	}
}
