package memory

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A body is the content of a message with the summary made on arrival. It is
// immutable, and shared by the copies of the message.
type body struct {
	id      string
	size    int64
	summary *message.Summary
	pieces  [][]byte // all of pieceSize octets but the last
}

var _ interface {
	mailbox.Content
	io.WriterTo
} = (*body)(nil)

// pieceSize is how much of a message is read at a time. A smaller message is kept
// in one piece of its own size.
const pieceSize = 64 << 10

// Size implements [mailbox.Content].
func (b *body) Size() int64 { return b.size }

// ReadAt implements [io.ReaderAt].
func (b *body) ReadAt(p []byte, off int64) (n int, err error) {
	if off < 0 {
		return 0, errors.New("memory: negative offset")
	}
	for off < b.size {
		m := copy(p[n:], b.pieces[off/pieceSize][off%pieceSize:])
		n += m
		off += int64(m)
		if n == len(p) {
			return n, nil
		}
	}
	if len(p) == 0 {
		return 0, nil
	}
	return n, io.EOF
}

// WriteTo implements [io.WriterTo].
func (b *body) WriteTo(w io.Writer) (n int64, err error) {
	for _, p := range b.pieces {
		m, err := w.Write(p)
		n += int64(m)
		if err != nil {
			return n, err
		}
	}
	return n, nil
}

// A header is the header of a message. It is no more than a pointer, so that a
// mailbox.Content of it takes no memory.
type header struct{ of *body }

// Size implements [mailbox.Content].
func (h header) Size() int64 { return h.of.summary.Root.BodyOffset }

// ReadAt implements [io.ReaderAt].
func (h header) ReadAt(p []byte, off int64) (n int, err error) {
	left := h.Size() - off
	if left >= int64(len(p)) {
		return h.of.ReadAt(p, off)
	}
	if n, err = h.of.ReadAt(p[:max(left, 0)], off); err == nil {
		err = io.EOF
	}
	return n, err
}

// buffers holds pieces to read into, as *[pieceSize]byte.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[pieceSize]byte {
	if p, ok := b.pool.Get().(*[pieceSize]byte); ok {
		return p
	}
	return new([pieceSize]byte)
}

func (b *buffers) put(p *[pieceSize]byte) { b.pool.Put(p) }

// readBody reads a message to its end. It allocates memory as octets arrive, not
// as announced.
func (s *Store) readBody(ctx context.Context, msg *mailbox.Incoming) (*body, error) {
	in, err := storekit.NewIntake(ctx, msg, s.opts.Limits, s.opts.Parser)
	if err != nil {
		return nil, err
	}
	b := &body{}
	buf := s.buffers.get()
	defer s.buffers.put(buf)
	for err == nil {
		var n int
		if n, err = io.ReadFull(in, buf[:]); n > 0 {
			b.pieces = append(b.pieces, bytes.Clone(buf[:n]))
		}
	}
	if err != io.EOF && err != io.ErrUnexpectedEOF { // an error of the Body comes wrapped
		return nil, err
	}
	b.size, b.summary, b.id = in.Size(), in.Summary(), s.newID('M')
	return b, nil
}
