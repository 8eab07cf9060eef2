package textproto

import (
	"bytes"
	"compress/flate"
	"io"
)

// Compress turns on DEFLATE compression in both directions (RFC 4978), above TLS
// where there is TLS. What is in the write buffer is sent uncompressed first;
// input that is buffered is taken as compressed. Each Flush ends a block so that
// the peer can read all of it. level is one of compress/flate.
func (c *Conn) Compress(level int) error {
	if c.zr != nil {
		return ErrCompressActive
	}
	if _, err := flate.NewWriter(io.Discard, level); err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	zr := &inflateReader{src: c.src, pre: append([]byte(nil), c.buf[c.r:c.w]...)}
	c.r, c.w = 0, 0
	zr.z = flate.NewReader(zr.in())
	c.zr = zr
	zw, _ := flate.NewWriter(c.dst, level)
	c.zw = &deflateWriter{Writer: zw}
	c.src, c.dst = zr, c.zw
	return nil
}

type inflateReader struct {
	src io.Reader
	pre []byte
	z   io.ReadCloser
}

func (z *inflateReader) in() io.Reader {
	if len(z.pre) > 0 {
		return io.MultiReader(bytes.NewReader(z.pre), z.src)
	}
	return z.src
}

func (z *inflateReader) Read(p []byte) (int, error) { return z.z.Read(p) }

type deflateWriter struct{ *flate.Writer }

func (z *deflateWriter) rest() {}
