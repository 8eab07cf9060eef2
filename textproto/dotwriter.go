package textproto

import (
	"errors"
	"io"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

var errClosedBody = errors.New("textproto: write to a closed body")

// A DotWriter writes a dot-stuffed body: it doubles the dots at the beginning
// of lines, turns a bare CR or LF into CRLF, and ends the body with CRLF.CRLF
// when it is closed. Without Close the body does not end: after an error of its
// source the connection can only be closed, and the peer does not mistake a
// part of a message for the whole.
type DotWriter struct {
	c      *Conn
	look   lookahead
	bol    bool
	cr     bool // the octet before was a CR, not yet written
	closed bool
	tr     *bodyTrace
}

// DotWriter returns a writer of a body. Close ends the body but does not flush.
func (c *Conn) DotWriter() *DotWriter { return &DotWriter{c: c, bol: true, tr: c.traceBody(Send)} }

// Write implements io.Writer.
func (d *DotWriter) Write(p []byte) (n int, err error) {
	if d.closed {
		return 0, errClosedBody
	}
	if len(p) == 0 {
		return 0, nil
	}
	if d.cr {
		d.cr, d.bol = false, true
		if err := d.put(crlf); err != nil {
			return 0, err
		}
		if p[0] == '\n' {
			n = 1
		}
	}
	for n < len(p) {
		if d.bol && p[n] == '.' {
			if err := d.c.writeByte('.'); err != nil {
				return n, err
			}
		}
		m, bol, bare := d.look.run(p[n:])
		if m > 0 {
			if err := d.put(p[n : n+m]); err != nil {
				return n, err
			}
			n += m
			d.bol = bol
		}
		if bare >= 0 {
			if p[n] == '\r' && n+1 == len(p) {
				d.cr = true
			} else if err := d.put(crlf); err != nil {
				return n, err
			} else {
				d.bol = true
			}
			n++
		} else if n+1 == len(p) && p[n] == '\r' {
			d.cr = true
			n++
		}
	}
	return n, nil
}

func (d *DotWriter) put(p []byte) error {
	d.tr.add(p)
	if d.c.wn == 0 && len(p) >= pool.Large/2 {
		return d.c.send(p) // without being copied
	}
	_, err := d.c.write(p)
	return err
}

// keepBack is how many octets of a body wait for what follows, so that the end does not
// make a packet by itself.
const keepBack = 512

// ReadFrom implements io.ReaderFrom.
func (d *DotWriter) ReadFrom(r io.Reader) (n int64, err error) {
	buf := d.c.getLarge()
	defer d.c.putLarge(buf)
	kept := 0
	for {
		m, err := r.Read(buf[kept:])
		n += int64(m)
		kept += m
		if ready := kept - keepBack; ready > 0 && err == nil {
			if _, err := d.Write(buf[:ready]); err != nil {
				return n, err
			}
			kept = copy(buf, buf[ready:kept])
		}
		if err != nil {
			if _, werr := d.Write(buf[:kept]); werr != nil {
				return n, werr
			}
			if err == io.EOF {
				err = nil
			}
			return n, err
		}
	}
}

// Close ends the body, after adding a CRLF if its last line has none. An empty
// body is sent as the line with the dot only.
func (d *DotWriter) Close() error {
	if d.closed {
		return nil
	}
	d.closed = true
	end := ".\r\n"
	if d.cr || !d.bol {
		end = "\r\n.\r\n"
	}
	err := d.c.makeRoom(len(end))
	if err == nil {
		_, err = d.c.writeString(end)
	}
	d.tr.end()
	return err
}
