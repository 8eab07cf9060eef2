package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// smallContent is a content that is in memory.
type smallContent []byte

func (c smallContent) Size() int64 { return int64(len(c)) }

func (c smallContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errOffset
	}
	if off >= int64(len(c)) {
		return 0, io.EOF
	}
	n := copy(p, c[off:])
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c smallContent) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c)
	return int64(n), err
}

var errOffset = errors.New("sqlite: negative offset")

// largeContent is a content in chunks. It holds one of them in memory.
type largeContent struct {
	ctx  context.Context
	b    *box
	uid  mailbox.UID
	id   int64
	size int64

	mu     sync.Mutex // guards the chunk
	offset int64      // of the chunk in the content
	chunk  []byte
	closed bool
}

// newLargeContent returns a content that stays readable until it is closed,
// even if its message is expunged.
func newLargeContent(ctx context.Context, b *box, e *entry) *largeContent {
	b.s.pins.add(e.content)
	return &largeContent{ctx: ctx, b: b, uid: e.UID, id: e.content, size: e.Size}
}

func (c *largeContent) close() {
	c.mu.Lock()
	c.closed, c.chunk = true, nil
	c.mu.Unlock()
	c.b.s.pins.remove(c.id)
}

func (c *largeContent) Size() int64 { return c.size }

func (c *largeContent) ReadAt(p []byte, off int64) (int, error) {
	if off < 0 {
		return 0, errOffset
	}
	n := 0
	for n < len(p) && off < c.size {
		b, err := c.at(off)
		if err != nil {
			return n, err
		}
		k := copy(p[n:], b)
		n += k
		off += int64(k)
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

func (c *largeContent) WriteTo(w io.Writer) (int64, error) {
	var off int64
	for off < c.size {
		b, err := c.at(off)
		if err != nil {
			return off, err
		}
		n, err := w.Write(b)
		off += int64(n)
		if err != nil {
			return off, err
		}
	}
	return off, nil
}

const selectChunk = "SELECT offset, data FROM chunk WHERE account = ? AND content = ? AND offset <= ? ORDER BY offset DESC LIMIT 1"

// at returns the octets from an offset within the content: at least one. They are
// not changed later.
func (c *largeContent) at(off int64) ([]byte, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return nil, errors.New("sqlite: content used after its step of the iteration")
	}
	if off >= c.offset && off-c.offset < int64(len(c.chunk)) {
		return c.chunk[off-c.offset:], nil
	}
	c.chunk = nil // so that only one is in memory
	err := c.b.a.read(c.ctx, func(conn *conn) error {
		r, err := conn.query(selectChunk, c.b.a.id, c.id, off)
		if err != nil {
			return err
		}
		if r.next() {
			c.offset, c.chunk = r.int(0), r.blob(1)
		}
		return r.close()
	})
	if err != nil {
		return nil, err
	}
	if off-c.offset >= int64(len(c.chunk)) {
		c.chunk = nil
		return nil, c.missing(off)
	}
	return c.chunk[off-c.offset:], nil
}

// missing returns the error for an offset that has no octet.
func (c *largeContent) missing(off int64) error {
	var exists int64
	err := c.b.a.read(c.ctx, func(conn *conn) (err error) {
		exists, err = conn.queryInt("SELECT 1 FROM message WHERE account = ? AND mailbox = ? AND uid = ?", c.b.a.id, c.b.id, int64(c.uid))
		return err
	})
	switch {
	case err != nil:
		return err
	case exists == 0: // another process does not see the pins of this one
		return fmt.Errorf("message was expunged during the read: %w", mailbox.ErrNotExist)
	}
	return &mailbox.MessageError{UID: c.uid, Err: fmt.Errorf("%w: octet %d is missing", ErrDamaged, off)}
}

// pins count the readers of each content, so that it is not deleted meanwhile.
type pins struct {
	mu sync.Mutex
	n  map[int64]int // guarded by mu
}

func (p *pins) add(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n == nil {
		p.n = make(map[int64]int)
	}
	p.n[id]++
}

func (p *pins) remove(id int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.n[id]--; p.n[id] <= 0 {
		delete(p.n, id)
	}
}

func (p *pins) has(id int64) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.n[id] > 0
}
