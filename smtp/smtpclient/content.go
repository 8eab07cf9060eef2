package smtpclient

import (
	"bytes"
	"fmt"
	"io"
	"sync"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/smtp"
)

// headSize is how much of a message is looked at before it is sent.
const headSize = 16 << 10

// A content is a message about to be sent, and what is known of it.
type content struct {
	io.Reader        // the message from its start
	size       int64 // octets as they stand, -1: not known
	header8bit bool  // the header has UTF-8 in it
	eightBit   bool  // there are octets above 127
	whole      bool  // eightBit is sure to be so

	buf *[headSize]byte // given back by free
	mem bytes.Reader    // of a message that fits buf
}

var headPool = sync.Pool{New: func() any { return new([headSize]byte) }}

// free gives back what examine took; Reader can't be used after it.
func (m *content) free() {
	if m.buf != nil {
		headPool.Put(m.buf)
		m.buf = nil
	}
}

// examine looks at the message: all of it if it can be read twice, else its
// beginning.
func (m *content) examine(r io.Reader) error {
	m.size, m.Reader, m.buf = -1, r, headPool.Get().(*[headSize]byte)
	seeker, ok := r.(io.Seeker)
	var start int64
	if ok {
		var err error
		start, err = seeker.Seek(0, io.SeekCurrent)
		ok = err == nil // a pipe is an *os.File that can't seek
	}
	head := m.buf[:]
	n, err := io.ReadFull(r, head)
	head = head[:n]
	switch err {
	case nil:
	case io.EOF, io.ErrUnexpectedEOF:
		m.size, m.whole = int64(n), true
	default:
		return fmt.Errorf("smtpclient: reading the message: %w", err)
	}
	header := head
	for i := 0; i < len(head); {
		j := bytes.IndexByte(head[i:], '\n')
		if j < 0 {
			break
		}
		if len(bytes.TrimRight(head[i:i+j], "\r")) == 0 {
			header = head[:i]
			break
		}
		i += j + 1
	}
	// Other 8-bit octets in a header are no UTF-8 of RFC 6532 and can go as
	// the body does.
	m.header8bit = has8bit(header) && utf8.Valid(trimRune(header))
	m.eightBit = has8bit(head)
	if m.whole {
		m.mem.Reset(head)
		m.Reader = &m.mem
		return nil
	}
	if !ok {
		m.mem.Reset(head)
		m.Reader = io.MultiReader(&m.mem, r)
		return nil
	}
	m.size = int64(n)
	for {
		n, err := r.Read(head)
		m.size += int64(n)
		m.eightBit = m.eightBit || has8bit(head[:n])
		if err == io.EOF {
			break
		}
		if err != nil {
			return fmt.Errorf("smtpclient: reading the message: %w", err)
		}
	}
	m.whole = true
	if _, err := seeker.Seek(start, io.SeekStart); err != nil {
		return fmt.Errorf("smtpclient: reading the message: %w", err)
	}
	return nil
}

// trimRune drops the beginning of a UTF-8 sequence at the end of b.
func trimRune(b []byte) []byte {
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

func has8bit(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 8 {
		if (uint64(b[0])|uint64(b[1])<<8|uint64(b[2])<<16|uint64(b[3])<<24|
			uint64(b[4])<<32|uint64(b[5])<<40|uint64(b[6])<<48|uint64(b[7])<<56)&high != 0 {
			return true
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// guard fails on the first octet above 127: for a message of which it could not
// be known before that it has one.
type guard struct{ r io.Reader }

func (g guard) Read(p []byte) (int, error) {
	n, err := g.r.Read(p)
	if has8bit(p[:n]) {
		return 0, &smtp.UnsupportedError{Extension: smtp.Ext8BitMIME}
	}
	return n, err
}
