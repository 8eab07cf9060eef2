package textproto

import (
	"bytes"
	"io"
	"strings"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// AvailableBuffer returns an empty slice with the remaining capacity of the
// write buffer, to be appended to and passed to an immediately following Write,
// like the method of bufio.Writer.
func (c *Conn) AvailableBuffer() []byte {
	if c.wbuf == nil || len(c.wbuf)-c.wn < pool.Small/4 {
		c.moreSpace(pool.Small)
	}
	return c.wbuf[c.wn:c.wn]
}

// moreSpace grows the write buffer for n more octets, as far as its limit
// allows.
func (c *Conn) moreSpace(n int) {
	switch {
	case c.wbuf == nil && (n <= pool.Small || !c.mayBeLarge()):
		c.wbuf = pool.GetSmall()
	case len(c.wbuf) < pool.Large && c.mayBeLarge():
		b := c.getLarge()
		copy(b, c.wbuf[:c.wn])
		pool.Put(c.wbuf)
		c.wbuf = b
	}
}

// space returns the free part of the write buffer, of at least one octet and,
// if possible, of n. It sends the contents of the buffer if it is full.
func (c *Conn) space(n int) ([]byte, error) {
	if c.writeErr != nil {
		return nil, c.writeErr
	}
	if n > len(c.wbuf)-c.wn {
		c.moreSpace(n)
		if c.wn == len(c.wbuf) {
			if err := c.flushBuffer(); err != nil {
				return nil, err
			}
		}
	}
	return c.wbuf[c.wn:], nil
}

// makeRoom sends most of a buffer that has no room for n more octets, and keeps the
// rest for the write that they go out with.
func (c *Conn) makeRoom(n int) error {
	if c.wn <= keepBack || len(c.wbuf)-c.wn >= n || len(c.wbuf) < pool.Large {
		return nil
	}
	ready := c.wn - keepBack
	if err := c.send(c.wbuf[:ready]); err != nil {
		return err
	}
	c.wn = copy(c.wbuf, c.wbuf[ready:c.wn])
	return nil
}

// Write buffers p. Data larger than the buffer is written to the network
// without being copied.
func (c *Conn) Write(p []byte) (int, error) {
	if c.trace != nil {
		c.trace.write(p)
	}
	return c.write(p)
}

// write is Write without the trace.
func (c *Conn) write(p []byte) (n int, err error) {
	for n < len(p) {
		rest := p[n:]
		if c.wn == 0 && len(rest) >= pool.Large {
			if err := c.send(rest); err != nil {
				return n, err
			}
			return len(p), nil
		}
		b, err := c.space(len(rest))
		if err != nil {
			return n, err
		}
		m := copy(b, rest)
		c.wn += m
		n += m
		if c.wn == pool.Large && len(p)-n >= pool.Large {
			if err := c.flushBuffer(); err != nil {
				return n, err
			}
		}
	}
	return n, c.writeErr
}

// WriteString buffers s.
func (c *Conn) WriteString(s string) (int, error) {
	if c.trace != nil {
		c.trace.write([]byte(s))
	}
	return c.writeString(s)
}

func (c *Conn) writeString(s string) (n int, err error) {
	for n < len(s) {
		b, err := c.space(len(s) - n)
		if err != nil {
			return n, err
		}
		m := copy(b, s[n:])
		c.wn += m
		n += m
	}
	return n, c.writeErr
}

// WriteByte buffers b.
func (c *Conn) WriteByte(b byte) error {
	if c.trace != nil {
		c.trace.write([]byte{b})
	}
	return c.writeByte(b)
}

func (c *Conn) writeByte(b byte) error {
	free, err := c.space(1)
	if err != nil {
		return err
	}
	free[0] = b
	c.wn++
	return nil
}

// WriteLine buffers line and CRLF. If line contains CR, LF or NUL, the error is
// ErrInvalidLine, and nothing is buffered.
func (c *Conn) WriteLine(line string) error {
	if strings.ContainsAny(line, "\r\n\x00") {
		return ErrInvalidLine
	}
	if _, err := c.WriteString(line); err != nil {
		return err
	}
	_, err := c.WriteString("\r\n")
	return err
}

// WriteLineBytes is WriteLine for bytes.
func (c *Conn) WriteLineBytes(line []byte) error {
	if bytes.IndexByte(line, '\n') >= 0 || bytes.IndexByte(line, '\r') >= 0 || bytes.IndexByte(line, 0) >= 0 {
		return ErrInvalidLine
	}
	if _, err := c.Write(line); err != nil {
		return err
	}
	_, err := c.WriteString("\r\n")
	return err
}

// ReadFrom buffers and sends all of r. It reads directly into the write buffer.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		b, err := c.space(pool.Large)
		if err != nil {
			return n, err
		}
		m, err := r.Read(b)
		if c.trace != nil {
			c.trace.write(b[:m])
		}
		c.wn += m
		n += int64(m)
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Unflushed returns how many octets of output are buffered.
func (c *Conn) Unflushed() int { return c.wn }

// Flush sends buffered output. A write error is permanent: it is not known what
// was sent.
func (c *Conn) Flush() error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if err := c.flushBuffer(); err != nil {
		return err
	}
	if c.zw != nil {
		if err := c.zw.Flush(); err != nil {
			return c.writeFailed(err)
		}
	}
	if c.wbuf != nil {
		c.countBuffer(len(c.wbuf), false)
		pool.Put(c.wbuf)
		c.wbuf = nil
	}
	return nil
}

// flushBuffer passes the buffer on to the layer below.
func (c *Conn) flushBuffer() error {
	if c.wn == 0 {
		return nil
	}
	b := c.wbuf[:c.wn]
	c.wn = 0
	return c.send(b)
}

func (c *Conn) send(p []byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	n, err := c.dst.Write(p)
	if err == nil && n < len(p) {
		err = io.ErrShortWrite
	}
	if err != nil {
		return c.writeFailed(err)
	}
	return nil
}

func (c *Conn) writeFailed(err error) error {
	c.writeErr = c.t.reason("write", err)
	return c.fatal(c.writeErr)
}
