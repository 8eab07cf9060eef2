package textproto

import (
	"io"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// A CountedReader reads a body of a known number of octets, such as an IMAP
// literal or a BDAT chunk. It returns io.EOF after them.
type CountedReader struct {
	c    *Conn
	left int64
	size int64
	err  error
	tr   *bodyTrace
}

// CountedReader returns a reader of the n octets that come next. They must all
// be read, if only by Drain, before the next ReadLine or Wait.
func (c *Conn) CountedReader(n int64) *CountedReader {
	d := &CountedReader{c: c, left: max(n, 0), size: max(n, 0)}
	if c.body != nil && c.body.unread() {
		d.err = ErrUnreadBody
		return d
	}
	c.body = d
	d.tr = c.traceBody(Receive)
	d.took(nil)
	return d
}

func (d *CountedReader) unread() bool { return d.left > 0 && d.err == nil }

// Left returns how many octets are still to be read.
func (d *CountedReader) Left() int64 { return d.left }

// N returns how many octets have been delivered.
func (d *CountedReader) N() int64 { return d.size - d.left }

func (d *CountedReader) took(p []byte) {
	d.left -= int64(len(p))
	d.tr.add(p)
	if d.left == 0 {
		d.tr.end()
		d.c.noteAhead()
	}
}

func (d *CountedReader) fail(err error) error {
	if err == io.EOF {
		err = io.ErrUnexpectedEOF
	}
	if d.c.readErr != nil {
		d.err = err
	}
	return err
}

// Read implements io.Reader.
func (d *CountedReader) Read(p []byte) (int, error) {
	if d.err != nil {
		return 0, d.err
	}
	if d.left == 0 {
		return 0, io.EOF
	}
	if len(p) == 0 {
		return 0, nil
	}
	p = p[:min(int64(len(p)), d.left)]
	c := d.c
	if c.w == c.r {
		if len(p) >= pool.Small {
			n, err := c.readSome(p) // past the buffer
			d.took(p[:n])
			if d.left == 0 {
				c.t.ack.received()
			}
			if err != nil {
				return n, d.fail(err)
			}
			return n, nil
		}
		if err := c.fill(); err != nil {
			return 0, d.fail(err)
		}
	}
	n := copy(p, c.buf[c.r:c.w])
	c.r += n
	d.took(p[:n])
	return n, nil
}

// WriteTo implements io.WriterTo. It writes from the read buffer without
// copying.
func (d *CountedReader) WriteTo(w io.Writer) (n int64, err error) {
	c := d.c
	for {
		if d.err != nil {
			return n, d.err
		}
		if d.left == 0 {
			return n, nil
		}
		if c.w == c.r {
			if err := c.fill(); err != nil {
				return n, d.fail(err)
			}
		}
		b := c.buf[c.r:c.w]
		b = b[:min(int64(len(b)), d.left)]
		m, err := w.Write(b)
		c.r += m
		d.took(b[:m])
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}

// Drain reads and discards the rest. If that is more than max octets, it reads
// none and returns ErrBodyTooLong; the connection must then be closed.
func (d *CountedReader) Drain(max int64) error {
	if d.left > max {
		return ErrBodyTooLong
	}
	_, err := d.WriteTo(io.Discard)
	return err
}

// ReadCounted reads a body of len(p) octets into p, without an allocation. It
// returns how many octets it has read; after a timeout it may be called again for
// the others, and nothing is lost.
func (c *Conn) ReadCounted(p []byte) (n int, err error) {
	if c.body != nil {
		if c.body.unread() {
			return 0, ErrUnreadBody
		}
		c.body = nil
	}
	for n < len(p) {
		if c.r < c.w {
			m := copy(p[n:], c.buf[c.r:c.w])
			c.r += m
			n += m
			continue
		}
		var m int
		if len(p)-n >= pool.Small {
			m, err = c.readSome(p[n:]) // past the buffer
			if n += m; n == len(p) {
				c.t.ack.received()
			}
		} else {
			err = c.fill()
		}
		if err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
		if err != nil {
			return n, err
		}
	}
	tr := c.traceBody(Receive)
	tr.add(p)
	tr.end()
	c.noteAhead()
	return n, nil
}

// A CountedWriter writes a body of an announced number of octets.
type CountedWriter struct {
	c    *Conn
	left int64
	tr   *bodyTrace
}

// CountedWriter returns a writer of exactly n octets.
func (c *Conn) CountedWriter(n int64) *CountedWriter {
	return &CountedWriter{c: c, left: n, tr: c.traceBody(Send)}
}

// Write implements io.Writer. If p exceeds the announced number, nothing is
// sent and the error is ErrLongBody.
func (d *CountedWriter) Write(p []byte) (int, error) {
	if int64(len(p)) > d.left {
		return 0, ErrLongBody
	}
	d.tr.add(p)
	n, err := d.c.write(p)
	d.left -= int64(n)
	return n, err
}

// ReadFrom implements io.ReaderFrom.
func (d *CountedWriter) ReadFrom(r io.Reader) (n int64, err error) {
	buf := d.c.getLarge()
	defer d.c.putLarge(buf)
	for {
		m, err := r.Read(buf)
		if m > 0 {
			if _, err := d.Write(buf[:m]); err != nil {
				return n, err
			}
			n += int64(m)
		}
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// Close returns ErrShortBody if octets are missing: the peer waits for them, so
// the connection can only be closed. It does not flush.
func (d *CountedWriter) Close() error {
	d.tr.end()
	if d.left > 0 {
		return ErrShortBody
	}
	return nil
}
