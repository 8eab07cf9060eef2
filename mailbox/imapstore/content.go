package imapstore

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// content is the octets of a message or of its header. The first of them are in
// memory, the rest is fetched in ranges, one of which is kept.
type content struct {
	b       *box
	ctx     context.Context
	uid     mailbox.UID
	section imapclient.Section
	head    []byte
	size    int64

	mu   sync.Mutex // guards what follows
	part []byte
	at   int64 // where part begins
}

var _ interface {
	mailbox.Content
	io.WriterTo
} = (*content)(nil)

// rangeSize is how much is fetched at once.
const rangeSize = 1 << 20

// Size implements [mailbox.Content].
func (c *content) Size() int64 { return c.size }

// ReadAt implements [io.ReaderAt].
func (c *content) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("imapstore: negative offset")
	}
	for n < len(p) {
		if off >= c.size {
			return n, io.EOF
		}
		m := 0
		if off < int64(len(c.head)) {
			m = copy(p[n:], c.head[off:])
		} else if m, err = c.readPart(p[n:], off); err != nil {
			return n, err
		}
		n += m
		off += int64(m)
	}
	return n, nil
}

// readPart reads beyond the head.
func (c *content) readPart(p []byte, off int64) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if off < c.at || off >= c.at+int64(len(c.part)) {
		part, err := c.fetch(off)
		if err != nil {
			return 0, err
		}
		c.part, c.at = part, off
	}
	return copy(p, c.part[off-c.at:]), nil
}

func (c *content) fetch(off int64) ([]byte, error) {
	count := min(rangeSize, c.size-off)
	var part []byte
	err := c.b.read(c.ctx, "message of", func(m *imapclient.Mailbox) error {
		body, err := m.Open(c.ctx, c.uid, c.section.Range(off, count))
		if err != nil {
			return err
		}
		defer body.Close()
		part, err = body.Bytes(count)
		return err
	})
	switch {
	case errors.Is(err, mailbox.ErrNotExist), errors.Is(err, imapclient.ErrItemMissing):
		return nil, &mailbox.MessageError{UID: c.uid, Err: err}
	case err != nil:
		return nil, err
	case len(part) == 0: // the server has told another size before
		return nil, &mailbox.MessageError{UID: c.uid, Err: io.ErrUnexpectedEOF}
	}
	return part, nil
}

// WriteTo implements [io.WriterTo].
func (c *content) WriteTo(w io.Writer) (int64, error) {
	n, err := w.Write(c.head)
	total := int64(n)
	buf := []byte(nil)
	for err == nil && total < c.size {
		if buf == nil {
			buf = make([]byte, 64<<10)
		}
		var m int
		if m, err = c.ReadAt(buf[:min(int64(len(buf)), c.size-total)], total); m > 0 {
			n, werr := w.Write(buf[:m])
			total += int64(n)
			if werr != nil {
				return total, werr
			}
		}
	}
	if err == io.EOF {
		err = nil
	}
	return total, err
}
