package textproto

import (
	"time"

	"github.com/posthorn-mail/posthorn/textproto/internal/deflate"
)

// Limits of compressed input.
const (
	// MaxCompressRatio is the maximum ratio of inflated to compressed input, on
	// average since compression began. DEFLATE itself reaches 1032.
	MaxCompressRatio = 200
	// CompressAllowance is how many octets of inflated input are exempt from it.
	CompressAllowance = 16 << 20
)

// restDelay is how long a connection waits before it releases the state of its
// compressor, which holds the history that makes output small.
const restDelay = 2 * time.Second

// Compress turns on DEFLATE compression in both directions (RFC 4978), above
// TLS where there is TLS. The contents of the write buffer are sent
// uncompressed first; buffered input is treated as compressed. Each Flush ends
// with a sync flush, so that the peer can read all of it. level is one of
// compress/flate.
//
// Limits on lines and bodies count inflated octets; beyond them, input that
// expands more than MaxCompressRatio fails with ErrExpansion.
func (c *Conn) Compress(level int) error {
	if c.zr != nil {
		return ErrCompressActive
	}
	zw, err := deflate.NewWriter(c.dst, level)
	if err != nil {
		return err
	}
	if err := c.Flush(); err != nil {
		return err
	}
	c.zw = zw
	c.zr = deflate.NewReader(c.src, deflate.Options{Transient: isTimeout, MaxRatio: MaxCompressRatio, Allowance: CompressAllowance})
	c.zr.Feed(c.buf[c.r:c.w])
	c.r, c.w = 0, 0
	c.src, c.dst = c.zr, c.zw
	if c.trace != nil {
		c.trace.note("DEFLATE")
	}
	return nil
}
