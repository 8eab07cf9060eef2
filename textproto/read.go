package textproto

import (
	"bytes"
	"io"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// MaxLineDiscard is how many octets of a line that is too long are skipped to
// find its end before reading fails permanently.
const MaxLineDiscard = 1 << 20

// MaxLineEnd is how many octets of a line LineEnd returns.
const MaxLineEnd = 32

// Buffered returns how many octets of input are buffered.
func (c *Conn) Buffered() int { return c.w - c.r }

// BufferedLine reports whether a whole line is buffered for the next ReadLine:
// whether the peer has pipelined another command.
func (c *Conn) BufferedLine() bool { return bytes.IndexByte(c.buf[c.r:c.w], '\n') >= 0 }

// fill reads more input into the buffer, after making room. It returns after
// one successful read of at least an octet.
func (c *Conn) fill() error {
	if c.readErr != nil {
		return c.readErr
	}
	c.room()
	m, err := c.readSome(c.buf[c.w:])
	c.w += m
	c.full = c.w == len(c.buf)
	return err
}

// room ensures that there is room in the buffer, and adapts its size to what
// the peer sends.
func (c *Conn) room() {
	n := c.w - c.r
	size := len(c.buf)
	switch {
	case size < pool.Small:
		size = pool.Small
	case size == pool.Small && c.full && c.mayBeLarge():
		size = pool.Large
	case n == size: // a line longer than the buffer
		size *= 2
	case size > pool.Large && n < pool.Large:
		size = pool.Large
	}
	if size == len(c.buf) && c.pin == nil {
		if c.r > 0 {
			copy(c.buf, c.buf[c.r:c.w])
		}
		c.r, c.w = 0, n
		return
	}
	var b []byte
	switch size {
	case pool.Small:
		b = pool.GetSmall()
	case pool.Large:
		b = pool.GetLarge()
	default:
		b = make([]byte, size)
	}
	copy(b, c.buf[c.r:c.w])
	c.giveBack()
	c.countBuffer(size, true)
	c.buf, c.r, c.w = b, 0, n
}

// giveBack returns the read buffer to the pool, or leaves it to those who have
// pinned it.
func (c *Conn) giveBack() {
	c.countBuffer(len(c.buf), false)
	if c.pin != nil {
		c.pin.Release()
		c.pin = nil
		return
	}
	pool.Put(c.buf)
}

// readSome does one read that returns at least one octet, or an error for the
// caller.
func (c *Conn) readSome(p []byte) (int, error) {
	if c.readErr != nil {
		return 0, c.readErr
	}
	if err := c.flushFirst(); err != nil {
		return 0, err
	}
	for range 100 {
		n, err := c.src.Read(p)
		if n > 0 {
			return n, nil // an error will be returned again
		}
		if err != nil {
			return 0, c.readFailed("read", err)
		}
	}
	return 0, c.readFailed("read", io.ErrNoProgress)
}

func (c *Conn) readFailed(op string, err error) error {
	if isTimeout(err) {
		return c.t.reason(op, err) // reading may continue
	}
	c.readErr = c.t.reason(op, err)
	if err == io.EOF {
		return err // the peer may still be reading
	}
	return c.fatal(c.readErr)
}

// release returns the read buffer to the pool if it is empty.
func (c *Conn) release() {
	if c.r == c.w && len(c.buf) > len(c.small) {
		c.giveBack()
		c.buf = c.small[:]
		c.r, c.w = 0, 0
	}
}

// ReadLine returns the next line without its CRLF. The slice is valid until the
// next read or Wait.
//
// Some errors come with a line and leave the connection in step: ErrBareLF with
// a line that ended in LF only, ErrBareCR with a line that contains a CR,
// ErrLineTooLong with the beginning of one that exceeds the limit. At the end
// of input the error is io.EOF, or io.ErrUnexpectedEOF within a line. After a
// timeout ReadLine may be called again: nothing is lost.
func (c *Conn) ReadLine() ([]byte, error) {
	if c.body != nil {
		if c.body.unread() {
			return nil, ErrUnreadBody
		}
		c.body = nil
	}
	if c.skipped > 0 { // interrupted within a line that is too long
		return c.skip(nil)
	}
	scanned := 0
	for {
		b := c.buf[c.r:c.w]
		if i := bytes.IndexByte(b[scanned:], '\n'); i >= 0 {
			n := scanned + i + 1
			if n > c.maxLine {
				return c.tooLong(b, n)
			}
			c.r += n
			return c.line(b[:n])
		}
		scanned = len(b)
		if scanned >= c.maxLine {
			return c.tooLong(b, 0)
		}
		if err := c.fill(); err != nil {
			if err == io.EOF && scanned > 0 {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
	}
}

// line strips the line end from b and checks it.
func (c *Conn) line(b []byte) (line []byte, err error) {
	if n := len(b) - 2; n >= 0 && b[n] == '\r' {
		line = b[:n:n]
	} else {
		line, err = b[:len(b)-1:len(b)-1], ErrBareLF
	}
	if err == nil && bytes.IndexByte(line, '\r') >= 0 {
		err = ErrBareCR
	}
	if c.trace != nil {
		c.trace.line(Receive, line)
	}
	c.noteAhead()
	return line, err
}

// SetAhead tells whether the protocol has read commands that it has yet to carry out:
// they keep the context of the Handler alive as input does that is not read yet, for
// a client that has sent them and ended its output.
func (c *Conn) SetAhead(on bool) {
	if sc := c.served; sc != nil {
		sc.watch.held = on
		c.noteAhead()
	}
}

// noteAhead tells the watch whether input is left.
func (c *Conn) noteAhead() {
	if sc := c.served; sc != nil {
		if more := c.w > c.r || sc.watch.held; more != sc.watch.ahead.Load() {
			sc.watch.ahead.Store(more)
		}
	}
}

// tooLong skips the rest of a line whose beginning b is buffered; n is its
// length if known. It returns as much of the beginning as the limit allows, at
// most 128 octets.
func (c *Conn) tooLong(b []byte, n int) ([]byte, error) {
	head := append([]byte(nil), b[:min(len(b), c.maxLine, 128)]...)
	if c.trace != nil {
		c.trace.line(Receive, head)
	}
	c.lineEnd = nil
	if n > 0 {
		c.keepEnd(b[:n])
		c.r += n
		return head, ErrLineTooLong
	}
	c.keepEnd(b)
	c.skipped = len(b)
	c.r, c.w = 0, 0
	return c.skip(head)
}

// skip reads up to the end of a line that is too long. After a timeout the next
// ReadLine continues.
func (c *Conn) skip(head []byte) ([]byte, error) {
	for c.skipped <= MaxLineDiscard {
		if err := c.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			return head, err
		}
		b := c.buf[c.r:c.w]
		if i := bytes.IndexByte(b, '\n'); i >= 0 {
			c.keepEnd(b[:i+1])
			c.r += i + 1
			c.skipped = 0
			return head, ErrLineTooLong
		}
		c.keepEnd(b)
		c.skipped += len(b)
		c.r, c.w = 0, 0
	}
	c.skipped, c.readErr = 0, ErrOutOfStep
	return head, ErrLineEndless
}

// keepEnd appends the next octets of a line that is too long to what is kept of
// its end.
func (c *Conn) keepEnd(b []byte) {
	if c.lineEnd == nil {
		c.lineEnd = new(lineEnd)
	}
	e := c.lineEnd
	b = b[max(0, len(b)-len(e.b)):]
	surplus := max(0, e.n+len(b)-len(e.b))
	e.n = copy(e.b[:], e.b[surplus:e.n])
	e.n += copy(e.b[e.n:], b)
}

// lineEnd are the last octets of a line, with its CRLF.
type lineEnd struct {
	b [MaxLineEnd + len("\r\n")]byte
	n int
}

// LineEnd returns the last octets, at most MaxLineEnd, of the line for which
// ReadLine has returned ErrLineTooLong, without its CRLF. In protocols with
// literals they tell whether one follows. They are valid until the next read.
func (c *Conn) LineEnd() []byte {
	if c.lineEnd == nil {
		return nil
	}
	b := bytes.TrimSuffix(bytes.TrimSuffix(c.lineEnd.b[:c.lineEnd.n], []byte("\n")), []byte("\r"))
	return b[max(0, len(b)-MaxLineEnd):]
}
