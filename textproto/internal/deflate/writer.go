package deflate

import (
	"compress/flate"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/textproto/internal/pool"
)

// A compressor can move from one connection to another. A new one may go on at
// any octet boundary of a stream, as a sync flush leaves it: it just does not
// refer to what was before.
type compressor struct {
	*flate.Writer
	sink sink
}

// compressors has a pool for each level, from HuffmanOnly (-2) up. A compressor
// takes more than half a megabyte, so idle connections hold none.
var compressors [flate.BestCompression - flate.HuffmanOnly + 1]sync.Pool

// A sink gathers the compressor's output, which comes in small pieces.
type sink struct {
	dst io.Writer
	buf []byte // pooled; nil while empty
}

func (s *sink) Write(p []byte) (int, error) {
	if s.buf == nil {
		s.buf = pool.GetLarge()[:0]
	}
	if len(p) > cap(s.buf)-len(s.buf) {
		if err := s.flush(); err != nil {
			return 0, err
		}
		if len(p) > pool.Large {
			return s.dst.Write(p)
		}
		s.buf = pool.GetLarge()[:0]
	}
	s.buf = append(s.buf, p...)
	return len(p), nil
}

func (s *sink) flush() error {
	if s.buf == nil {
		return nil
	}
	b := s.buf
	s.buf = nil
	_, err := s.dst.Write(b)
	pool.Put(b)
	return err
}

// A Writer compresses what is written to it. Its compressor, and with that the
// history that makes the next output small, can be given up while it has
// nothing to write.
type Writer struct {
	dst   io.Writer
	level int
	cur   *compressor                // in use, with output that is not flushed
	idle  atomic.Pointer[compressor] // flushed; Rest may take it
}

// NewWriter returns a Writer to dst. level is one of compress/flate.
func NewWriter(dst io.Writer, level int) (*Writer, error) {
	if level < flate.HuffmanOnly || level > flate.BestCompression {
		return nil, fmt.Errorf("deflate: invalid compression level %d", level)
	}
	return &Writer{dst: dst, level: level}, nil
}

// Write implements io.Writer.
func (z *Writer) Write(p []byte) (int, error) {
	if z.cur == nil {
		z.cur = z.idle.Swap(nil)
	}
	if z.cur == nil {
		d, _ := compressors[z.level-flate.HuffmanOnly].Get().(*compressor)
		if d == nil {
			d = new(compressor)
			d.Writer, _ = flate.NewWriter(&d.sink, z.level) // level was checked
		} else {
			d.Reset(&d.sink)
		}
		d.sink.dst = z.dst
		z.cur = d
	}
	return z.cur.Write(p)
}

// Pending reports whether there is output that is not flushed.
func (z *Writer) Pending() bool { return z.cur != nil }

// Flush ends what was written with a sync flush and sends it.
func (z *Writer) Flush() error {
	if z.cur == nil {
		return nil
	}
	if err := z.cur.Flush(); err != nil {
		return err
	}
	if err := z.cur.sink.flush(); err != nil {
		return err
	}
	z.idle.Store(z.cur)
	z.cur = nil
	return nil
}

// Resting reports that Rest has nothing to do. Like Rest it may be called from
// another goroutine than the other methods.
func (z *Writer) Resting() bool { return z.idle.Load() == nil }

// Rest gives the compressor back unless there is output that is not flushed.
func (z *Writer) Rest() {
	if d := z.idle.Swap(nil); d != nil {
		d.sink.dst = nil
		compressors[z.level-flate.HuffmanOnly].Put(d)
	}
}
