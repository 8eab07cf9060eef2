package textproto

import "bytes"

// A server that has ended the first line of its reply, which no message is part
// of, with LF alone ends the body with LF.LF, and to wait for CRLF.CRLF is to wait
// for ever.
//
// Such a server stuffs the dots at the beginning of what it takes for lines, so a
// lone dot is the end of the body only there: after a CRLF in any case, and
// after a bare LF if the first line of the body ended in one. That line is
// written by the server that received the message, Return-Path or Received, so
// its end is not for the sender to choose. A bare LF within a body whose lines
// end in CRLF is content, which CRLF.LF and CRLF.CRLF end.

// ends is how the lines of a body end.
type ends uint8

const (
	endsUnknown ends = iota // no line has ended
	endsCRLF
	endsLF
)

// scanLF is scan for the mode LineFeed. It returns a piece of a line at a time.
func (d *DotReader) scanLF(b []byte) (seg []byte, used int) {
	in := 0
	if d.bol && b[0] == '.' {
		switch {
		case len(b) == 1 || b[1] == '\r' && len(b) == 2:
			return nil, 0
		case b[1] == '\n':
			d.done = true
			return nil, 2
		case b[1] == '\r' && b[2] == '\n':
			d.done = true
			return nil, 3
		}
		in = 1 // a stuffed dot
	}
	i := bytes.IndexByte(b[in:], '\n')
	if i < 0 {
		n := len(b)
		if b[n-1] == '\r' {
			n--
		}
		if n > 0 {
			d.bol = false
		}
		return b[in:n], n
	}
	i += in
	if i > 0 && b[i-1] == '\r' {
		if d.ends == endsUnknown {
			d.ends = endsCRLF
		}
		d.bol = true
		return b[in : i+1], i + 1
	}
	if d.ends == endsUnknown {
		d.ends = endsLF
	}
	switch {
	case d.ends == endsCRLF:
		d.bol = false
		return b[in : i+1], i + 1
	case i > in:
		d.bol = false
		return b[in:i], i
	}
	d.bol = true
	return crlf, i + 1
}
