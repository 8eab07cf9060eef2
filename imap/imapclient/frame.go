package imapclient

import (
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Sizes of framing.
const (
	chunkSize  = 64 << 10 // of the pieces that hold a long body
	maxRaw     = 64 << 10 // octets of an unreadable response that are kept
	maxBodies  = 1 << 16  // in one response
	maxCounted = 1 << 62
)

// A frame is one response in memory: its lines, with the literals in them. It is
// cut out of the stream by line ends and by the octet counts of literals alone,
// so that no strange content can bring the reader out of step (RFC 9051 §2.2.2).
// Literals that are octets of a message are kept apart.
//
// It is the wire.Source from which the grammar reads.
type frame struct {
	text   []byte // lines and literals as they came, CRLF included; the last line without
	heads  []int  // where in text the lines end that announce a literal
	head   int    // in heads: the first that is above pos
	bodies []body // taken out of text, in order
	own    []byte // the buffer of text, unless that is the connection's
	size   int64  // octets of the response
	err    error  // why a part of it is missing
	pos    int    // in text
	next   int    // in bodies
	lit    blobReader
}

// A body is a literal that was taken out of the text.
type body struct {
	at   int // where it belongs in text
	data *blob
}

// A blob is the octets of a message's section, in pieces: the first is taken from
// the pool of its size, or is a part of the connection's buffer.
type blob struct {
	size  int64
	first []byte
	more  [][]byte // chunks
	pin   *textproto.Pin
}

// The pools of blobs, by the room that their first pieces have, and of the chunks
// that long ones have besides.
var (
	blobSizes = [...]int{2 << 10, 8 << 10, 32 << 10, chunkSize}
	blobs     [len(blobSizes)]sync.Pool
	pinned    sync.Pool // of blobs without memory of their own
	chunks    = sync.Pool{New: func() any { b := make([]byte, chunkSize); return &b }}
)

// newBlob returns a blob for n octets, of which only the first piece has memory.
func newBlob(n int64) *blob {
	class := 0
	for class < len(blobSizes)-1 && int64(blobSizes[class]) < n {
		class++
	}
	b, _ := blobs[class].Get().(*blob)
	if b == nil {
		b = &blob{first: make([]byte, blobSizes[class])}
	}
	b.size = n
	b.first = b.first[:min(n, int64(cap(b.first)))]
	return b
}

// readBlob reads n octets of a message.
func (in input) readBlob(n int64) (*blob, error) {
	if n <= chunkSize/4 {
		if p, pin, ok := in.conn.Pinned(int(n)); ok {
			b, _ := pinned.Get().(*blob)
			if b == nil {
				b = &blob{}
			}
			b.first, b.size, b.pin = p, n, pin
			return b, nil
		}
	}
	b := newBlob(n)
	return b, b.fill(in)
}

// fill reads the octets of the blob.
func (b *blob) fill(in input) error {
	if err := in.full(b.first); err != nil {
		return err
	}
	for left := b.size - int64(len(b.first)); left > 0; {
		p := (*chunks.Get().(*[]byte))[:min(left, chunkSize)]
		b.more = append(b.more, p)
		if err := in.full(p); err != nil {
			return err
		}
		left -= int64(len(p))
	}
	return nil
}

// pieces yields the octets from an offset on.
func (b *blob) pieces(off int64) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for i := -1; i < len(b.more); i++ {
			p := b.first
			if i >= 0 {
				p = b.more[i]
			}
			if off >= int64(len(p)) {
				off -= int64(len(p))
				continue
			}
			if !yield(p[off:]) {
				return
			}
			off = 0
		}
	}
}

// readAt copies octets from an offset.
func (b *blob) readAt(p []byte, off int64) int {
	n := 0
	for piece := range b.pieces(off) {
		if n += copy(p[n:], piece); n == len(p) {
			break
		}
	}
	return n
}

// clone returns a copy with memory of its own.
func (b *blob) clone() *blob {
	out := newBlob(b.size)
	for left := b.size - int64(len(out.first)); left > 0; {
		p := (*chunks.Get().(*[]byte))[:min(left, chunkSize)]
		out.more = append(out.more, p)
		left -= int64(len(p))
	}
	off := int64(0)
	for p := range out.pieces(0) {
		off += int64(b.readAt(p, off))
	}
	return out
}

// free gives the memory back.
func (b *blob) free() {
	for _, p := range b.more {
		p = p[:chunkSize]
		chunks.Put(&p)
	}
	clear(b.more)
	b.more, b.size = b.more[:0], 0
	if b.pin != nil {
		b.pin.Release()
		b.pin, b.first = nil, nil
		pinned.Put(b)
		return
	}
	for i, size := range blobSizes {
		if cap(b.first) == size {
			b.first = b.first[:0]
			blobs[i].Put(b)
			return
		}
	}
	b.first = nil
}

// An input is the connection, as frame reads from it. retry reports whether a
// read that has timed out is to be continued.
type input struct {
	conn  *textproto.Conn
	retry func(error) bool
}

func (in input) line() ([]byte, error) {
	for {
		line, err := in.conn.ReadLine()
		switch {
		case err == nil:
			return line, nil
		case errors.Is(err, textproto.ErrBareLF):
			return line, nil // some servers end lines so
		case errors.Is(err, textproto.ErrBareCR):
			for i, c := range line {
				if c == '\r' {
					line[i] = ' '
				}
			}
			return line, nil
		case errors.Is(err, textproto.ErrLineTooLong):
			return line, err
		case !in.retry(err):
			return nil, err
		}
	}
}

// full reads len(p) octets of a literal.
func (in input) full(p []byte) error {
	for len(p) > 0 {
		n, err := in.conn.ReadCounted(p)
		p = p[n:]
		if err != nil && !in.retry(err) {
			return err
		}
	}
	return nil
}

func (in input) drain(r *textproto.CountedReader) error {
	for {
		err := r.Drain(maxCounted)
		if err == nil || !in.retry(err) {
			return err
		}
	}
}

// read reads the next response. keep reports whether the octets of a message are
// wanted; limit bounds what is held, drain what is dropped. An error is one of
// the connection.
func (f *frame) read(in input, limit, drain int64, keep func(line []byte) bool) error {
	f.heads, f.bodies, f.err = f.heads[:0], f.bodies[:0], nil
	f.pos, f.head, f.next = 0, 0, 0
	if cap(f.own) > 1<<20 {
		f.own = nil
	}
	f.own = f.own[:0]
	held, dropped := int64(0), int64(0)
	for first := true; ; first = false {
		line, err := in.line()
		if err != nil {
			return err
		}
		held += int64(len(line)) + 2
		f.size = held + dropped
		lit, at, ok := wire.LiteralAtEnd(line)
		if first && !ok {
			f.text = line // the connection's buffer: it is valid until the next read
			return nil
		}
		switch {
		case f.err != nil:
			if dropped += int64(len(line)) + 2; dropped > drain {
				return &LimitError{"unwanted data", drain}
			}
		case held > limit:
			f.err = &LimitError{"response too long", limit}
		case len(f.bodies) >= maxBodies:
			f.err = &LimitError{"too many bodies in a response", maxBodies}
		}
		start := len(f.own)
		if f.err == nil {
			f.own = append(f.own, line...)
		}
		if !ok {
			f.text = f.own
			return nil
		}
		if f.err == nil {
			f.own = append(f.own, '\r', '\n')
			f.heads = append(f.heads, len(f.own))
		}
		switch {
		case f.err == nil && isBody(f.own[start:len(f.own)-2], at):
			if lit.Size > limit-held || !keep(f.own) {
				f.bodies = append(f.bodies, body{len(f.own), nil})
				break
			}
			b, err := in.readBlob(lit.Size)
			if err != nil {
				return err
			}
			f.bodies = append(f.bodies, body{len(f.own), b})
			held += lit.Size
			continue
		case f.err == nil && lit.Size <= limit-held:
			n := len(f.own)
			for left := lit.Size; left > 0; { // memory is taken as the octets arrive
				step := int(min(left, max(4096, int64(len(f.own)))))
				f.own = append(f.own, make([]byte, step)...)
				if err := in.full(f.own[n : n+step]); err != nil {
					return err
				}
				n += step
				left -= int64(step)
			}
			held += lit.Size
			continue
		case f.err == nil:
			f.err = &LimitError{"literal too long", limit}
		}
		// The octets are not wanted.
		if dropped += lit.Size; dropped > drain || dropped < 0 {
			return &LimitError{"unwanted data", drain}
		}
		if err := in.drain(in.conn.CountedReader(lit.Size)); err != nil {
			return err
		}
	}
}

// isBody reports whether the literal whose header begins at the offset in the
// line is the octets of a message: its name ends with a section, or is RFC822.
func isBody(line []byte, at int) bool {
	line = line[:at]
	for len(line) > 0 && line[len(line)-1] == ' ' {
		line = line[:len(line)-1]
	}
	if len(line) == 0 {
		return false
	}
	switch line[len(line)-1] {
	case ']', '>':
		return true
	}
	for _, name := range [...]string{"RFC822", "RFC822.TEXT", "RFC822.HEADER"} {
		if n := len(line) - len(name); n > 0 && (line[n-1] == ' ' || line[n-1] == '(') && wire.Is(line[n:], name) {
			return true
		}
	}
	return false
}

// raw returns the response for an error.
func (f *frame) raw() []byte {
	return append([]byte(nil), f.text[:min(len(f.text), maxRaw)]...)
}

// whole returns the response with the literals that were taken out of it.
func (f *frame) whole() []byte {
	size := int64(len(f.text))
	for _, b := range f.bodies {
		if b.data != nil {
			size += b.data.size
		}
	}
	out := make([]byte, 0, size)
	at := 0
	for _, b := range f.bodies {
		out = append(out, f.text[at:b.at]...)
		if at = b.at; b.data != nil {
			for p := range b.data.pieces(0) {
				out = append(out, p...)
			}
		}
	}
	return append(out, f.text[at:]...)
}

// again prepares the response for being read again, with bodies of its own.
func (f *frame) again() {
	f.pos, f.head, f.next = 0, 0, 0
	for i := range f.bodies {
		if b := &f.bodies[i]; b.data != nil {
			b.data = b.data.clone()
		}
	}
}

// ReadLine, LineEnd, Literal and SetMaxLine make a frame a wire.Source, whose lines
// are never too long.
func (f *frame) ReadLine() ([]byte, error) {
	if f.pos > len(f.text) {
		return nil, io.EOF
	}
	for ; f.head < len(f.heads); f.head++ {
		if end := f.heads[f.head]; end > f.pos {
			line := f.text[f.pos : end-2 : end-2]
			f.pos = end
			return line, nil
		}
	}
	line := f.text[f.pos:]
	f.pos = len(f.text) + 1
	return line, nil
}

func (f *frame) Literal(n int64) wire.LiteralReader {
	if f.next < len(f.bodies) && f.bodies[f.next].at == f.pos {
		f.next++
		f.lit = blobReader{b: f.bodies[f.next-1].data}
		return &f.lit
	}
	from := min(f.pos, len(f.text))
	to := int(min(int64(from)+n, int64(len(f.text))))
	f.pos = to
	f.lit = blobReader{b: &blob{first: f.text[from:to:to], size: int64(to - from)}}
	return &f.lit
}

func (f *frame) LineEnd() []byte { return nil }

func (f *frame) SetMaxLine(int) {}

// A blobReader reads a literal in memory. Its blob is nil if the octets were
// dropped.
type blobReader struct {
	b   *blob
	off int64
}

func (r *blobReader) Read(p []byte) (int, error) {
	if r.b == nil || r.off >= r.b.size {
		return 0, io.EOF
	}
	n := r.b.readAt(p, r.off)
	r.off += int64(n)
	return n, nil
}

func (r *blobReader) Drain(int64) error { return nil }
