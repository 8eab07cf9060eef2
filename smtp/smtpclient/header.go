package smtpclient

import (
	"errors"
	"io"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/smtp"
)

// A headerScan looks for the end of a header, and whether the header needs SMTPUTF8.
// Like the writers of messages it takes CRLF, LF and CR for line ends.
type headerScan struct {
	done bool // the header has ended
	high bool // it has octets above 127
	bad  bool // it is not UTF-8

	inLine bool    // an octet of the line has come
	cr     bool    // the octet before was a CR
	rune   [4]byte // the beginning of a UTF-8 sequence
	n      int     // its length
}

// utf8 reports whether the header, as far as it has come, is one of RFC 6532. Other
// octets above 127 are no UTF-8 and can go as those of the body do.
func (h *headerScan) utf8() bool { return h.high && !h.bad }

// feed takes the next octets of the message.
func (h *headerScan) feed(p []byte) {
	if h.done {
		return
	}
	end := len(p)
	for i, c := range p {
		switch {
		case c == '\n' && h.cr:
			h.cr = false
		case c != '\r' && c != '\n':
			h.inLine, h.cr = true, false
		case !h.inLine:
			h.done = true
			end = i
		default:
			h.inLine, h.cr = false, c == '\r'
		}
		if h.done {
			break
		}
	}
	h.text(p[:end])
	if h.done && h.n > 0 {
		h.bad = true
	}
}

// text looks at octets of the header.
func (h *headerScan) text(p []byte) {
	for h.n > 0 && len(p) > 0 {
		h.rune[h.n], p = p[0], p[1:]
		h.n++
		if utf8.FullRune(h.rune[:h.n]) {
			_, size := utf8.DecodeRune(h.rune[:h.n])
			h.bad = h.bad || size != h.n
			h.n = 0
		}
	}
	if h.bad || !has8bit(p) {
		return
	}
	h.high = true
	rest := cutRune(p)
	h.n = copy(h.rune[:], p[len(rest):])
	h.bad = !utf8.Valid(rest)
}

// cutRune returns b without the beginning of a UTF-8 sequence at its end.
func cutRune(b []byte) []byte {
	for i := 1; i <= 3 && i <= len(b); i++ {
		if c := b[len(b)-i]; utf8.RuneStart(c) {
			if !utf8.FullRune(b[len(b)-i:]) {
				return b[:len(b)-i]
			}
			break
		}
	}
	return b
}

// errLateUTF8 is why a message is given up on its way.
var errLateUTF8 = errors.New("smtpclient: UTF-8 in a header too long to be looked at before it is sent; MailOptions.UTF8 must be set")

// guard fails, before the message is sent to its end, at what was not declared since
// it could not be known before.
type guard struct {
	r      io.Reader
	bits   bool        // no octet may be above 127
	header *headerScan // the rest of the header may have no UTF-8; nil: it may
	err    error       // if it has
	seen   int         // octets that come, and that header has seen
}

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if g.header != nil && !g.header.done {
		seen := min(n, g.seen)
		g.seen -= seen
		if g.header.feed(p[seen:n]); g.header.utf8() {
			return 0, g.err
		}
	}
	if g.bits && has8bit(p[:n]) {
		return 0, &smtp.UnsupportedError{Extension: smtp.Ext8BitMIME}
	}
	return n, err
}
