package smtpclient

import (
	"bytes"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/smtp"
)

// sendChunks sends the message with BDAT (RFC 3030 §2). With PIPELINING there is
// one chunk on its way while the answer to that before is awaited.
func (t *transaction) sendChunks() {
	c := t.c
	src := reading{r: t.msg.Reader}
	var r io.Reader = &src
	b := chunkBuffers.Get().(*chunkBuffer)
	defer chunkBuffers.Put(b)
	if t.mail.Body != smtp.BodyBinaryMIME {
		b.crlf = crlfReader{r: &src, buf: b.crlf.buf}
		r = &b.crlf
	}
	c.tp.SetReadTimeout(c.opts.Timeouts.DataEnd)
	buf := b.chunk[:]
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
		_, before := c.tp.Octets()
		c.tp.Write(smtp.AppendBdat(c.tp.AvailableBuffer(), int64(n), last))
		w := c.tp.CountedWriter(int64(n))
		w.Write(buf[:n])
		if last {
			err = t.flushEnd(before)
		} else {
			err = c.tp.Flush()
		}
		if err != nil {
			t.broken(&src, err)
			return
		}
		t.chunks++
		for t.chunks > 0 && !last && (t.chunks > 1 || !t.exts.Has(smtp.ExtPipelining)) {
			if !t.readChunk() {
				return
			}
		}
	}
	for t.chunks > 1 {
		if !t.readChunk() {
			return
		}
	}
	t.finish()
}

// readChunk reads the answer to a chunk that is not the last.
func (t *transaction) readChunk() bool {
	r, err := t.c.readReply()
	if err != nil {
		t.lost(err)
		return false
	}
	t.chunks--
	err = t.c.want(2, "BDAT", r)
	if err == nil {
		return true
	}
	t.answered(r, err)
	for ; t.chunks > 0; t.chunks-- { // sent meanwhile: the server refuses them (RFC 3030 §2)
		if _, err := t.c.readReply(); err != nil {
			return false
		}
	}
	t.reset()
	return false
}

// A chunkBuffer is what sending with BDAT needs for a message.
type chunkBuffer struct {
	chunk [128 << 10]byte
	crlf  crlfReader
}

var chunkBuffers = sync.Pool{New: func() any { return &chunkBuffer{crlf: crlfReader{buf: make([]byte, 32<<10)}} }}

// crlfReader makes every line end a CRLF.
type crlfReader struct {
	r    io.Reader
	buf  []byte
	i, n int  // buf[i:n] is to be converted
	cr   bool // the octet before was a CR, given as CRLF: an LF behind it is passed over
	lf   bool // an LF is due
	err  error
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
			c.n, c.err = c.r.Read(c.buf)
			continue
		}
		src := c.buf[c.i:c.n]
		if c.cr {
			c.cr = false
			if src[0] == '\n' {
				c.i++
				continue
			}
		}
		src = src[:min(len(src), len(p)-n)]
		if k := canonical(src); k > 0 {
			n += copy(p[n:], src[:k])
			c.i += k
			continue
		}
		b := src[0]
		c.i++
		if b == '\n' || b == '\r' {
			c.cr, c.lf = b == '\r', true
			b = '\r'
		}
		p[n] = b
		n++
	}
	if n > 0 {
		return n, nil
	}
	return 0, c.err
}

// canonical returns how much from the beginning of b can stay as it is: whole
// lines that end in CRLF, and what has no line end.
func canonical(b []byte) int {
	n := 0
	for {
		rest := b[n:]
		lf := bytes.IndexByte(rest, '\n')
		line := rest
		if lf >= 0 {
			line = rest[:lf]
		}
		switch cr := bytes.IndexByte(line, '\r'); {
		case lf < 0 && cr < 0:
			return len(b)
		case lf >= 0 && cr >= 0 && cr == lf-1:
			n += lf + 1
		case cr >= 0:
			return n + cr
		default:
			return n + lf
		}
	}
}
