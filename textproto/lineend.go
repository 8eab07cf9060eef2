package textproto

import (
	"bytes"
	"io"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// A LineEndReader reads text from any source and sees to it that CRLF, and nothing
// else, ends lines, as a DotReader does for a dot-stuffed body. It is for text whose
// end is known otherwise, such as a message in BDAT chunks. A CRLF may be divided
// between two reads of the source.
//
// The fields must not be changed once it has been read.
type LineEndReader struct {
	// R is the source. Its errors end the text, without a last CRLF.
	R io.Reader

	// Mode says how a CR or LF that is not part of a CRLF is treated. With
	// Strict and Normalise, a CRLF is added to a last line that has none.
	Mode DotMode

	// Binary says that only the header of a message is text: what follows the
	// first empty line is passed through.
	Binary bool

	look lookahead
	free bool   // the rest is passed through
	mid  bool   // in the middle of a line
	eof  bool   // the source is at its end
	err  error  // sticky, io.EOF included
	buf  []byte // from the pool while it is needed
	r, w int    // what is in buf and not checked yet
	seg  []byte // checked and not yet delivered; part of buf, or crlf
	off  int64  // octets checked
}

// Close ends the reading and returns the buffer. It is needed only where the text
// may not have been read to its end.
func (l *LineEndReader) Close() error {
	l.end(io.ErrClosedPipe)
	return nil
}

// end makes err what further reads return.
func (l *LineEndReader) end(err error) {
	if l.err == nil {
		l.err = err
	}
	if l.buf != nil {
		pool.Put(l.buf)
		l.buf = nil
	}
	l.seg, l.r, l.w = nil, 0, 0
}

// next makes l.seg the next piece of the text.
func (l *LineEndReader) next() error {
	for l.err == nil {
		if l.scan(); len(l.seg) > 0 {
			return nil
		}
		switch {
		case l.err != nil:
		case !l.eof:
			l.fill()
		case l.mid && !l.free:
			l.mid, l.seg = false, crlf
			return nil
		default:
			l.end(io.EOF)
		}
	}
	return l.err
}

// fill reads from the source once, behind what is undecided.
func (l *LineEndReader) fill() {
	if l.buf == nil {
		l.buf = pool.GetLarge()
	}
	l.w = copy(l.buf, l.buf[l.r:l.w])
	l.r = 0
	for range 100 {
		n, err := l.R.Read(l.buf[l.w:])
		l.w += n
		switch {
		case err == io.EOF:
			l.eof = true
			return
		case n > 0:
			return // an error will be returned again
		case err != nil:
			l.end(err)
			return
		}
	}
	l.end(io.ErrNoProgress)
}

// scan checks what is in buf and makes l.seg the first piece of it. What it
// leaves undecided is a CR at the end.
func (l *LineEndReader) scan() {
	start := l.r
	for l.r < l.w && !l.free {
		b := l.buf[l.r:l.w]
		if l.Mode == Relaxed {
			l.free = true
			break
		}
		n, bol, bare := l.look.run(b)
		if end := l.headerEnd(b[:n]); end >= 0 {
			l.r += end
			l.free, l.mid = true, false
			break
		}
		if n > 0 {
			l.r += n
			l.mid = !bol
		}
		if n == 0 && bare < 0 {
			if !l.eof {
				break
			}
			bare = 0 // the CR is the last octet
		}
		if bare < 0 {
			continue
		}
		if l.r > start {
			break // deliver what precedes it first
		}
		if l.Mode == Strict {
			l.fail()
			return
		}
		l.r++
		l.free = l.Binary && !l.mid
		l.mid, l.seg = false, crlf
		l.off++
		return
	}
	if l.free {
		l.r = l.w
	}
	if l.r > start {
		l.seg = l.buf[start:l.r]
		l.off += int64(len(l.seg))
	}
}

// headerEnd returns the length of the beginning of b, which has whole CRLFs only,
// that ends with the empty line behind the header; -1: there is none.
func (l *LineEndReader) headerEnd(b []byte) int {
	if !l.Binary {
		return -1
	}
	if !l.mid && bytes.HasPrefix(b, crlf) {
		return len(crlf)
	}
	if i := bytes.Index(b, emptyLine); i >= 0 {
		return i + len(emptyLine)
	}
	return -1
}

var emptyLine = []byte("\r\n\r\n")

// fail records the bare CR or LF at l.r.
func (l *LineEndReader) fail() {
	err := ErrBareLF
	if l.buf[l.r] == '\r' {
		err = ErrBareCR
	}
	near := append([]byte(nil), l.buf[max(0, l.r-16):min(l.w, l.r+16)]...)
	l.end(&ProtocolError{Err: err, Off: l.off, Near: near})
}

// Read implements io.Reader.
func (l *LineEndReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n < len(p) {
		if len(l.seg) == 0 {
			if n > 0 && l.w-l.r < 2 {
				break // more might have to wait
			}
			if err = l.next(); err != nil {
				break
			}
		}
		m := copy(p[n:], l.seg)
		l.seg = l.seg[m:]
		n += m
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// WriteTo implements io.WriterTo. It writes from its buffer without copying,
// except with Normalise.
func (l *LineEndReader) WriteTo(w io.Writer) (n int64, err error) {
	if l.Mode == Normalise {
		// Each bare CR or LF is a piece of its own: collect them.
		buf := pool.GetLarge()
		defer pool.Put(buf)
		return io.CopyBuffer(w, struct{ io.Reader }{l}, buf)
	}
	for {
		if len(l.seg) == 0 {
			if err := l.next(); err != nil {
				if err == io.EOF {
					err = nil
				}
				return n, err
			}
		}
		m, err := w.Write(l.seg)
		l.seg = l.seg[m:]
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}
