package textproto

import (
	"time"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

const (
	// LingerTimeout is how long a connection whose handler has returned while
	// input was unread waits for its peer to read the last reply and to close.
	LingerTimeout = time.Second
	// lingerProbe is how long it waits to see whether input is unread.
	lingerProbe = 20 * time.Millisecond
	// maxLinger is how many octets of unwanted input it reads.
	maxLinger = 1 << 20
)

// linger sends buffered output and closes the sending direction. If a socket is
// closed with unread input, the peer gets a reset and may never read what was
// sent last (RFC 9293 §3.6.1), such as why it was refused, so that input is
// read first.
func (c *Conn) linger() {
	end := time.Now().Add(LingerTimeout)
	c.t.setHard(end)
	if c.Flush() != nil || c.readErr != nil && c.readErr != ErrOutOfStep {
		return
	}
	half, ok := c.t.Conn.(interface{ CloseWrite() error })
	if !ok {
		return
	}
	if tc := c.tls.Load(); tc != nil && tc.CloseWrite() != nil {
		return
	}
	if half.CloseWrite() != nil {
		return
	}
	b := pool.GetSmall()
	defer pool.Put(b)
	unread := c.w > c.r || c.body != nil && c.body.unread() || c.readErr != nil
	for n := 0; n < maxLinger; {
		if !unread {
			c.t.setHard(time.Now().Add(lingerProbe))
		}
		m, err := c.t.Read(b)
		if err != nil {
			return
		}
		if !unread {
			unread = true
			c.t.setHard(end)
		}
		n += m
	}
}
