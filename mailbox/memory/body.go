package memory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
)

// A body is the content of a message with what was learnt from it on arrival.
// It is immutable, and shared by the copies of the message.
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

// pieceSize is how much of a message is read at a time. A message that is
// smaller lies in memory in one piece of its own size.
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

// buffers holds pieces to read into, as *[pieceSize]byte.
type buffers struct{ pool sync.Pool }

func (b *buffers) get() *[pieceSize]byte {
	if p, ok := b.pool.Get().(*[pieceSize]byte); ok {
		return p
	}
	return new([pieceSize]byte)
}

func (b *buffers) put(p *[pieceSize]byte) { b.pool.Put(p) }

// readBody reads a draft to its end. It allocates as octets come in, not as
// they are announced.
func (s *Store) readBody(ctx context.Context, d mailbox.Draft) (*body, error) {
	limit := s.opts.Limits.MaxMessageSize
	if limit > 0 && d.Size > limit {
		return nil, fmt.Errorf("%w: %d octets of at most %d", mailbox.ErrTooLarge, d.Size, limit)
	}
	b := &body{}
	parser := message.NewParser(s.opts.Parser)
	buf := s.buffers.get()
	defer s.buffers.put(buf)
	for end := false; !end; {
		// One octet more than announced is asked for, to see that it ends.
		want := int64(pieceSize)
		if d.Size >= 0 {
			want = min(want, d.Size-b.size+1)
		}
		n, err := readFull(ctx, d.Body, buf[:want])
		b.size += int64(n)
		switch {
		case err == io.EOF:
			end = true
		case err != nil:
			return nil, fmt.Errorf("reading the message: %w", err)
		}
		if d.Size >= 0 && (b.size > d.Size || end && b.size < d.Size) {
			return nil, fmt.Errorf("%w: %d octets announced", mailbox.ErrSize, d.Size)
		}
		if limit > 0 && b.size > limit {
			return nil, fmt.Errorf("%w: more than %d octets", mailbox.ErrTooLarge, limit)
		}
		if n > 0 {
			piece := make([]byte, n)
			copy(piece, buf[:n])
			b.pieces = append(b.pieces, piece)
			parser.Write(piece)
		}
	}
	b.summary, _ = parser.Finish()
	b.id = s.newID('M')
	return b, nil
}

// readFull fills p. It returns io.EOF, with what was read, when r ends before
// p is full, and looks at the context before each Read.
func readFull(ctx context.Context, r io.Reader, p []byte) (n int, err error) {
	for idle := 0; n < len(p); {
		if err := ctx.Err(); err != nil {
			return n, err
		}
		m, err := r.Read(p[n:])
		if m < 0 || m > len(p)-n {
			return n, errors.New("memory: body of a draft: Read returned an impossible count")
		}
		n += m
		if err != nil {
			return n, err
		}
		if m > 0 {
			idle = 0
		} else if idle++; idle == 100 {
			return n, io.ErrNoProgress
		}
	}
	return n, nil
}
