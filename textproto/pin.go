package textproto

import (
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// A Pin keeps a read buffer in memory, from which Pinned has given a part.
type Pin struct {
	refs atomic.Int32 // those who have a part, and the Conn while it uses the buffer
	buf  []byte
}

// Release gives the part back, which must not be used afterwards. It is to be
// called once for each Pinned, from any goroutine.
func (p *Pin) Release() {
	if p.refs.Add(-1) == 0 {
		pool.Put(p.buf)
	}
}

// Pinned returns the n octets that come next, a body of that size, within the read
// buffer, without copying them: they are valid until Pin.Release. ok is false, and
// nothing is read, unless all of them are buffered and the peer fills the buffers,
// so that what is pinned is not much more than what is used.
func (c *Conn) Pinned(n int) (p []byte, pin *Pin, ok bool) {
	if !c.full || c.w-c.r < n || len(c.buf) != pool.Large || c.body != nil && c.body.unread() {
		return nil, nil, false
	}
	if c.pin == nil {
		c.pin = &Pin{buf: c.buf}
		c.pin.refs.Store(1)
	}
	c.pin.refs.Add(1)
	p = c.buf[c.r : c.r+n : c.r+n]
	c.r += n
	tr := c.traceBody(Receive)
	tr.add(p)
	tr.end()
	return p, c.pin, true
}
