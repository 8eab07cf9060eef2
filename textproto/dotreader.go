package textproto

import "io"

// A DotMode says how a DotReader treats a CR or LF that is not part of a CRLF.
// In every mode but LineFeed only CRLF.CRLF ends the body (RFC 5321 §4.1.1.4): a
// server that lets LF.LF end it can be made to execute part of a message as
// commands (CVE-2023-51764 and related).
//
// LineFeed is for a client, never for a server: for a reply whose first line the
// peer has ended with LF alone. A dot on a line of its own then ends the body,
// where lines end like the first line of the body does, and the lines come with
// CRLF.
type DotMode int

const (
	Strict    DotMode = iota // fail with ErrBareCR or ErrBareLF
	Normalise                // turn each into CRLF
	Relaxed                  // pass it through
	LineFeed                 // it ends a line, if the peer's lines end so
)

// A DotReader reads a dot-stuffed body (RFC 5321 §4.5.2, RFC 1939 §3): it yields
// the lines, CRLF included, with stuffed dots removed, and io.EOF after the line
// with the lone dot. Lines may be of any length.
type DotReader struct {
	c    *Conn
	mode DotMode
	look lookahead
	ends ends   // with LineFeed: how the lines of the body end
	bol  bool   // at the beginning of a line
	done bool   // the end was seen
	err  error  // sticky, io.EOF included
	seg  []byte // checked and not yet delivered; part of c.buf
	n    int64  // delivered
	off  int64  // octets checked
	tr   *bodyTrace
}

// DotReader returns a reader of the body that comes next. It must be read to
// its end, if only by Drain, before the next ReadLine or Wait.
func (c *Conn) DotReader(mode DotMode) *DotReader {
	d := &DotReader{c: c, mode: mode, bol: true}
	if c.body != nil && c.body.unread() {
		d.err, d.done = ErrUnreadBody, true
		return d
	}
	c.body = d
	d.tr = c.traceBody(Receive)
	return d
}

func (d *DotReader) unread() bool { return !d.done }

// N returns how many octets have been delivered.
func (d *DotReader) N() int64 { return d.n }

// next makes d.seg the next piece of the body.
func (d *DotReader) next() error {
	c := d.c
	for {
		if d.err != nil {
			return d.err
		}
		if c.w > c.r {
			seg, used := d.scan(c.buf[c.r:c.w])
			c.r += used
			d.off += int64(len(seg))
			d.tr.add(seg)
			if d.done && d.err == nil {
				d.err = io.EOF
				d.tr.end()
				c.noteAhead()
			}
			if len(seg) > 0 {
				d.seg = seg
				return nil
			}
			if used > 0 || d.err != nil {
				continue
			}
		}
		if err := c.fill(); err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			if c.readErr != nil {
				d.done = true // nothing to keep in step with
				d.err = err
			}
			return err
		}
	}
}

// scan consumes what can be decided of b, unstuffs it in place, and returns the
// resulting piece of the body and how much of b it consumed. What it leaves at
// the end of b is undecided: "\r", ".", ".\r".
func (d *DotReader) scan(b []byte) (seg []byte, used int) {
	if d.mode == LineFeed {
		return d.scanLF(b)
	}
	out, in := 0, 0
	for in < len(b) {
		if d.bol && b[in] == '.' {
			if len(b)-in < 2 {
				break
			}
			if b[in+1] == '\r' {
				if len(b)-in < 3 {
					break
				}
				if b[in+2] == '\n' {
					d.done = true
					in += 3
					break
				}
			}
			in++ // a stuffed dot
			d.bol = false
		}
		var n, bare int
		var bol bool
		if d.mode == Relaxed {
			n, bol = runRelaxed(b[in:])
			bare = -1
		} else {
			n, bol, bare = d.look.run(b[in:])
		}
		if n > 0 {
			if out != in {
				copy(b[out:], b[in:in+n])
			}
			out += n
			in += n
			d.bol = bol
		}
		if bare < 0 {
			if n == 0 {
				break // a CR at the end of b
			}
			continue
		}
		// b[in] is a bare CR or LF.
		switch d.mode {
		case Normalise:
			if out > 0 {
				return b[:out], in
			}
			d.bol = false
			return crlf, in + 1
		default:
			if out > 0 {
				return b[:out], in
			}
			d.fail(b, in)
			return nil, in
		}
	}
	return b[:out], in
}

// fail records the bare CR or LF at b[i].
func (d *DotReader) fail(b []byte, i int) {
	err := ErrBareLF
	if b[i] == '\r' {
		err = ErrBareCR
	}
	near := append([]byte(nil), b[max(0, i-16):min(len(b), i+16)]...)
	d.err = &ProtocolError{Err: err, Off: d.off, Near: near}
}

// Read implements io.Reader.
func (d *DotReader) Read(p []byte) (n int, err error) {
	if len(p) == 0 {
		return 0, nil
	}
	for n < len(p) {
		if len(d.seg) == 0 {
			if n > 0 && d.c.w == d.c.r {
				break // more would have to wait
			}
			if err = d.next(); err != nil {
				break
			}
		}
		m := copy(p[n:], d.seg)
		d.seg = d.seg[m:]
		n += m
		d.n += int64(m)
	}
	if n > 0 {
		return n, nil
	}
	return 0, err
}

// WriteTo implements io.WriterTo. It writes from the read buffer without
// copying, except with Normalise and LineFeed.
func (d *DotReader) WriteTo(w io.Writer) (n int64, err error) {
	if d.mode == Normalise || d.mode == LineFeed {
		// Each bare CR or LF is a piece of its own: collect them.
		buf := d.c.getLarge()
		defer d.c.putLarge(buf)
		return io.CopyBuffer(w, struct{ io.Reader }{d}, buf)
	}
	for {
		if len(d.seg) == 0 {
			if err := d.next(); err != nil {
				if err == io.EOF {
					err = nil
				}
				return n, err
			}
		}
		m, err := w.Write(d.seg)
		d.seg = d.seg[m:]
		d.n += int64(m)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
}

// Drain reads up to the end of the body, even after an error, so that the
// connection is in step. Bare CR and LF are ignored. If more than max octets
// precede the end it returns ErrBodyTooLong, and the connection must be closed.
func (d *DotReader) Drain(max int64) error {
	d.seg = nil
	if d.done {
		return nil
	}
	d.err = nil
	if d.mode != LineFeed {
		d.mode = Relaxed
	}
	for max >= 0 {
		if err := d.next(); err != nil {
			if err == io.EOF {
				return nil
			}
			return err
		}
		max -= int64(len(d.seg))
		d.seg = nil
	}
	return ErrBodyTooLong
}
