package textproto

import (
	"compress/flate"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// restDelay is how long a connection waits before it gives up the state of its
// compressor, and with that the history that makes the next output small.
const restDelay = 2 * time.Second

// Compress turns on DEFLATE compression in both directions (RFC 4978), above TLS
// where there is TLS. What is in the write buffer is sent uncompressed first;
// input that is buffered is taken as compressed. Each Flush ends with a sync
// flush, so that the peer can read all of it. level is one of compress/flate.
//
// Limits on lines and bodies count inflated octets; beyond them, input that
// expands more than MaxCompressRatio fails with ErrExpansion.
func (c *Conn) Compress(level int) error {
	if c.zr != nil {
		return ErrCompressActive
	}
	if level < flate.HuffmanOnly || level > flate.BestCompression {
		return fmt.Errorf("textproto: compression level %d", level)
	}
	if err := c.Flush(); err != nil {
		return err
	}
	c.zr = newInflater(c.src)
	c.zr.feed(c.buf[c.r:c.w])
	c.r, c.w = 0, 0
	c.zw = &deflateWriter{dst: c.dst, level: level}
	c.src, c.dst = c.zr, c.zw
	if c.trace != nil {
		c.trace.note("DEFLATE")
	}
	return nil
}

// A deflater is a compressor that can move from one connection to another. A new
// one may go on at any octet boundary of a stream, as a sync flush leaves it: it
// just does not refer to what was before.
type deflater struct {
	*flate.Writer
	sink sink
}

// deflaters has a pool for each level, from HuffmanOnly (-2) up. A compressor
// takes more than half a megabyte, so idle connections hold none.
var deflaters [flate.BestCompression - flate.HuffmanOnly + 1]sync.Pool

// A sink gathers the compressor's output, which comes in small pieces.
type sink struct {
	dst io.Writer
	buf []byte // pooled; nil while empty
}

func (s *sink) Write(p []byte) (int, error) {
	if s.buf == nil {
		s.buf = getLarge()[:0]
	}
	if len(p) > cap(s.buf)-len(s.buf) {
		if err := s.flush(); err != nil {
			return 0, err
		}
		if len(p) > largeBuffer {
			return s.dst.Write(p)
		}
		s.buf = getLarge()[:0]
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
	put(b)
	return err
}

// deflateWriter is the writing side of a compressed connection.
type deflateWriter struct {
	dst   io.Writer
	level int
	cur   *deflater                // in use, with output that is not flushed
	idle  atomic.Pointer[deflater] // flushed; rest may take it from the reading side
}

func (z *deflateWriter) Write(p []byte) (int, error) {
	if z.cur == nil {
		z.cur = z.idle.Swap(nil)
	}
	if z.cur == nil {
		d, _ := deflaters[z.level-flate.HuffmanOnly].Get().(*deflater)
		if d == nil {
			d = new(deflater)
			d.Writer, _ = flate.NewWriter(&d.sink, z.level) // level was checked
		} else {
			d.Reset(&d.sink)
		}
		d.sink.dst = z.dst
		z.cur = d
	}
	return z.cur.Write(p)
}

// Flush ends what was written with a sync flush and sends it.
func (z *deflateWriter) Flush() error {
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

// resting says that rest has nothing to do.
func (z *deflateWriter) resting() bool { return z.idle.Load() == nil }

// rest gives the compressor back. It may be called from the reading side.
func (z *deflateWriter) rest() {
	if d := z.idle.Swap(nil); d != nil {
		d.sink.dst = nil
		deflaters[z.level-flate.HuffmanOnly].Put(d)
	}
}
