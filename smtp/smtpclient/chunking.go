package smtpclient

import (
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// sendChunks sends the message with BDAT (RFC 3030 §2). With PIPELINING there is
// one chunk on its way while the answer to that before is awaited.
func (t *transaction) sendChunks() {
	c := t.c
	src := reading{r: t.msg.Reader}
	var r io.Reader = &src
	if t.mail.Body != smtp.BodyBinaryMIME {
		r = &crlfReader{r: &src}
	}
	c.tp.SetReadTimeout(c.opts.Timeouts.DataEnd)
	buf := make([]byte, 128<<10)
	outstanding := 0
	for last := false; !last; {
		n, err := io.ReadFull(r, buf)
		switch err {
		case nil:
		case io.EOF, io.ErrUnexpectedEOF:
			last = true
		default:
			t.broken(&src, err)
			return
		}
		c.tp.Write(smtp.AppendBdat(c.tp.AvailableBuffer(), int64(n), last))
		w := c.tp.CountedWriter(int64(n))
		w.Write(buf[:n])
		if err := c.tp.Flush(); err != nil {
			t.broken(&src, err)
			return
		}
		outstanding++
		for outstanding > 0 && !last && (outstanding > 1 || !t.exts.Has(smtp.ExtPipelining)) {
			if !t.readChunk(&outstanding) {
				return
			}
		}
	}
	for outstanding > 1 {
		if !t.readChunk(&outstanding) {
			return
		}
	}
	t.finish()
}

// readChunk reads the answer to a chunk that is not the last.
func (t *transaction) readChunk(outstanding *int) bool {
	r, err := t.c.readReply()
	if err != nil {
		t.lost(err)
		return false
	}
	*outstanding--
	if r.Code == 250 {
		return true
	}
	t.res.Reply = r
	t.refused(unexpected("BDAT", r))
	for ; *outstanding > 0; *outstanding-- { // chunks sent meanwhile
		if _, err := t.c.readReply(); err != nil {
			return false
		}
	}
	t.reset()
	return false
}

// crlfReader makes every line end a CRLF.
type crlfReader struct {
	r   io.Reader
	buf [4096]byte
	n   int // buf[:n] is to be converted
	i   int
	cr  bool // the octet before was a CR, written as CRLF
	lf  bool // an LF is due
	err error
}

func (c *crlfReader) Read(p []byte) (n int, err error) {
	for n < len(p) {
		if c.lf {
			p[n] = '\n'
			c.lf = false
			n++
			continue
		}
		if c.i == c.n {
			if c.err != nil {
				break
			}
			c.i = 0
			c.n, c.err = c.r.Read(c.buf[:])
			continue
		}
		b := c.buf[c.i]
		c.i++
		cr := c.cr
		c.cr = b == '\r'
		switch {
		case b == '\n' && cr:
			continue
		case b == '\n' || b == '\r':
			b, c.lf = '\r', true
		}
		p[n] = b
		n++
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}
