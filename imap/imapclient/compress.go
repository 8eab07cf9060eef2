package imapclient

import (
	"compress/flate"
	"context"
	"net"

	"github.com/posthorn-mail/posthorn/imap"
)

// compressAfter is how many octets a connection has received before it is worth a
// round trip to compress the rest.
const compressAfter = 32 << 10

type compressState uint8

const (
	compressWanted compressState = iota
	compressNever                // it is on, or the server has refused it
)

// Compress turns on compression (RFC 4978). A Client does so by itself at the
// first pause after some data, except on loopback.
func (c *Client) Compress(ctx context.Context) error {
	if err := c.need(imap.CapCompressDeflate, "COMPRESS"); err != nil {
		return err
	}
	return c.run(ctx, c.compressCall())
}

func (c *Client) compressCall() *call {
	k := newCall(&imap.Compress{Mechanism: "DEFLATE"})
	k.rule = ruleExclusive
	k.onOK = func() error { return c.conn.Compress(flate.DefaultCompression) }
	k.ended = func(k *call) {
		c.compress = compressNever
		c.compressed = k.status.Cond == imap.OK
	}
	return k
}

// compressFirst turns on compression before the command k, if that is due; the
// turn is held.
func (c *Client) compressFirst(ctx context.Context, k *call) error {
	if k.rule == ruleExclusive {
		return nil
	}
	c.mu.Lock()
	due := c.compress == compressWanted && len(c.inflight) == 0 && c.login && c.capsKnown && c.caps.Has(imap.CapCompressDeflate)
	c.mu.Unlock()
	if !due {
		return nil
	}
	if in, _ := c.conn.Octets(); in < compressAfter {
		return nil
	}
	c.mu.Lock()
	c.compress = compressNever
	c.mu.Unlock()
	if a, ok := c.conn.RemoteAddr().(*net.TCPAddr); !ok || a.IP.IsLoopback() {
		return nil
	}
	return c.startNext(ctx, c.compressCall()) // it may be refused
}
