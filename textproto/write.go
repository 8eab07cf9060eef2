package textproto

import (
	"bytes"
	"io"
	"strings"
)

// AvailableBuffer returns an empty slice with the room left in the write buffer,
// to be appended to and passed to an immediately following Write, as that of
// bufio.Writer.
func (c *Conn) AvailableBuffer() []byte {
	if c.wbuf == nil {
		c.wbuf = getWrite()
	}
	return c.wbuf[c.wn:c.wn]
}

// Write buffers p. What is larger than the buffer goes to the network without
// being copied.
func (c *Conn) Write(p []byte) (int, error) {
	if c.trace != nil {
		c.trace.write(p)
	}
	return c.write(p)
}

// write is Write untraced.
func (c *Conn) write(p []byte) (n int, err error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	for len(p) > writeBufferSize-c.wn {
		var m int
		if c.wn == 0 {
			if err := c.send(p); err != nil {
				return n, err
			}
			m = len(p)
		} else {
			m = copy(c.wbuf[c.wn:], p)
			c.wn += m
			if err := c.flushBuffer(); err != nil {
				return n, err
			}
		}
		n += m
		p = p[m:]
	}
	if len(p) > 0 {
		if c.wbuf == nil {
			c.wbuf = getWrite()
		}
		m := copy(c.wbuf[c.wn:], p)
		c.wn += m
		n += m
	}
	return n, nil
}

// WriteString buffers s.
func (c *Conn) WriteString(s string) (int, error) {
	if c.trace != nil {
		c.trace.write([]byte(s))
	}
	return c.writeString(s)
}

func (c *Conn) writeString(s string) (n int, err error) {
	if c.writeErr != nil {
		return 0, c.writeErr
	}
	for len(s) > 0 {
		if c.wn == writeBufferSize {
			if err := c.flushBuffer(); err != nil {
				return n, err
			}
		}
		if c.wbuf == nil {
			c.wbuf = getWrite()
		}
		m := copy(c.wbuf[c.wn:], s)
		c.wn += m
		n += m
		s = s[m:]
	}
	return n, nil
}

// WriteByte buffers b.
func (c *Conn) WriteByte(b byte) error {
	if c.trace != nil {
		c.trace.write([]byte{b})
	}
	return c.writeByte(b)
}

func (c *Conn) writeByte(b byte) error {
	if c.writeErr != nil {
		return c.writeErr
	}
	if c.wn == writeBufferSize {
		if err := c.flushBuffer(); err != nil {
			return err
		}
	}
	if c.wbuf == nil {
		c.wbuf = getWrite()
	}
	c.wbuf[c.wn] = b
	c.wn++
	return nil
}

// WriteLine buffers line and CRLF. A line with CR, LF or NUL in it is refused
// with ErrInvalidLine, and nothing is buffered.
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

// ReadFrom buffers and sends all of r. It reads straight into the write buffer.
func (c *Conn) ReadFrom(r io.Reader) (n int64, err error) {
	for {
		if c.writeErr != nil {
			return n, c.writeErr
		}
		if c.wn == writeBufferSize {
			if err := c.flushBuffer(); err != nil {
				return n, err
			}
		}
		if c.wbuf == nil {
			c.wbuf = getWrite()
		}
		m, err := r.Read(c.wbuf[c.wn:])
		if c.trace != nil {
			c.trace.write(c.wbuf[c.wn : c.wn+m])
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

// Flush sends what is buffered. An error of a write is permanent: what got out
// is not known.
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
		putWrite(c.wbuf)
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
