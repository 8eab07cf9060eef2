package imapclient

import (
	"errors"
	"io"
)

// CRLF returns a reader of r with CRLF at the end of each line: CR and LF that stand
// alone become CRLF. It is for what editors and programs write, before it is
// appended; Append changes no octet by itself. The first octet is the one at which
// r stands. A Seek to another place than the beginning, and one to the end, read
// what is before it.
func CRLF(r io.ReadSeeker) io.ReadSeeker { return &crlfReader{r: r, start: -1, size: -1} }

type crlfReader struct {
	r     io.ReadSeeker
	start int64 // where r stood first, -1 if that is not known yet
	size  int64 // with CRLF, -1 if it is not known
	pos   int64 // of the octet that r comes to next, with CRLF
	want  int64 // of the octet that Read returns next

	buf  []byte // octets of r …
	next int    // … from here on
	err  error  // what follows them
	cr   bool   // the last octet taken was a CR, and CRLF was returned for it
	lf   bool   // the LF of a CRLF is still to be returned
}

var errSeek = errors.New("imapclient: seek to a negative position")

// Read implements io.Reader.
func (c *crlfReader) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	if err := c.begin(); err != nil {
		return 0, err
	}
	if c.want < c.pos {
		if err := c.rewind(); err != nil {
			return 0, err
		}
	}
	for c.pos < c.want {
		var skipped [4096]byte
		if _, err := c.read(skipped[:min(c.want-c.pos, 4096)]); err != nil {
			return 0, err
		}
	}
	n, err := c.read(p)
	c.want = c.pos
	return n, err
}

// read returns the octets from pos on.
func (c *crlfReader) read(p []byte) (int, error) {
	n := 0
	for n < len(p) {
		if c.lf {
			p[n], c.lf = '\n', false
			n++
			continue
		}
		if c.next == len(c.buf) {
			if n > 0 || c.err != nil {
				break
			}
			if c.buf == nil {
				c.buf = make([]byte, 0, 32<<10)
			}
			m, err := c.r.Read(c.buf[:cap(c.buf)])
			c.buf, c.next, c.err = c.buf[:m], 0, err
			if m == 0 {
				break
			}
			continue
		}
		b := c.buf[c.next]
		c.next++
		switch {
		case b == '\n' && c.cr:
			c.cr = false
		case b == '\r', b == '\n':
			c.cr, c.lf = b == '\r', true
			p[n] = '\r'
			n++
		default:
			c.cr = false
			p[n] = b
			n++
		}
	}
	c.pos += int64(n)
	if n > 0 {
		return n, nil
	}
	err := c.err
	if err == io.EOF {
		c.size = c.pos
	}
	return 0, err
}

// begin notes where the octets begin.
func (c *crlfReader) begin() error {
	if c.start >= 0 {
		return nil
	}
	at, err := c.r.Seek(0, io.SeekCurrent)
	if err == nil {
		c.start = at
	}
	return err
}

func (c *crlfReader) rewind() error {
	if _, err := c.r.Seek(c.start, io.SeekStart); err != nil {
		return err
	}
	c.pos, c.buf, c.next, c.err, c.cr, c.lf = 0, c.buf[:0], 0, nil, false, false
	return nil
}

// Seek implements io.Seeker.
func (c *crlfReader) Seek(offset int64, whence int) (int64, error) {
	if err := c.begin(); err != nil {
		return 0, err
	}
	switch whence {
	case io.SeekCurrent:
		offset += c.want
	case io.SeekEnd:
		if err := c.measure(); err != nil {
			return 0, err
		}
		offset += c.size
	}
	if offset < 0 {
		return 0, errSeek
	}
	c.want = offset
	return offset, nil
}

// measure reads to the end.
func (c *crlfReader) measure() error {
	var skipped [4096]byte
	for c.size < 0 {
		if _, err := c.read(skipped[:]); err != nil && err != io.EOF {
			return err
		}
	}
	return nil
}
