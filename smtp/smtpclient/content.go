package smtpclient

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"sync"
)

// headSize is how much of a message is looked at before it is sent. If that does not
// hold the header, a message that can't be read twice is read on until it ends, or up
// to maxHeader octets.
const (
	headSize  = 16 << 10
	maxHeader = 256 << 10
)

// A content is a message about to be sent, and what is known of it.
type content struct {
	io.Reader            // the message from its start
	size      int64      // octets as they stand, -1: not known
	header    headerScan // of the header, so far
	eightBit  bool       // there are octets above 127
	whole     bool       // eightBit is sure to be so

	buf *[headSize]byte // given back by free
	mem bytes.Reader    // of what was read in advance
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
	m.header.feed(head)
	m.eightBit = has8bit(head)
	switch {
	case m.whole:
	case ok:
		return m.readThrough(seeker, start)
	case !m.header.done:
		if head, err = m.readHeader(head); err != nil {
			return err
		}
	}
	m.mem.Reset(head)
	m.Reader = &m.mem
	if !m.whole {
		m.Reader = io.MultiReader(&m.mem, r)
	}
	return nil
}

// readThrough reads the rest of a message and goes back to its start.
func (m *content) readThrough(seeker io.Seeker, start int64) error {
	m.size = headSize
	for {
		n, err := m.Reader.Read(m.buf[:])
		m.size += int64(n)
		m.header.feed(m.buf[:n])
		m.eightBit = m.eightBit || has8bit(m.buf[:n])
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

// readHeader reads on from head, which it copies, while the header lasts.
func (m *content) readHeader(head []byte) ([]byte, error) {
	head = slices.Clone(head)
	for !m.header.done && len(head) < maxHeader {
		head = slices.Grow(head, headSize)
		n, err := io.ReadFull(m.Reader, head[len(head):len(head)+headSize])
		more := head[len(head) : len(head)+n]
		head = head[:len(head)+n]
		m.header.feed(more)
		m.eightBit = m.eightBit || has8bit(more)
		if err == io.EOF || err == io.ErrUnexpectedEOF {
			m.size, m.whole = int64(len(head)), true
			break
		}
		if err != nil {
			return nil, fmt.Errorf("smtpclient: reading the message: %w", err)
		}
	}
	return head, nil
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
