package textproto

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
)

// StartTLSServer sends what is buffered (the reply to STARTTLS) and makes the
// TLS handshake as the server. If input is buffered, it was sent in the clear
// after the command; the connection is then closed and the error is
// ErrPlaintextBuffered. The handshake is bounded by ctx and HandshakeTimeout.
// After any error the connection is closed.
func (c *Conn) StartTLSServer(ctx context.Context, cfg *tls.Config) error {
	return c.startTLS(ctx, cfg, tls.Server)
}

// StartTLSClient is StartTLSServer for the client, to be called after the
// server's positive reply. cfg must have a ServerName or skip verification.
func (c *Conn) StartTLSClient(ctx context.Context, cfg *tls.Config) error {
	return c.startTLS(ctx, cfg, tls.Client)
}

func (c *Conn) startTLS(ctx context.Context, cfg *tls.Config, side func(nc net.Conn, cfg *tls.Config) *tls.Conn) error {
	switch {
	case c.tls.Load() != nil:
		return ErrTLSActive
	case c.zr != nil:
		return ErrCompressActive
	case c.w > c.r:
		c.Close()
		c.r = c.w // must not be read
		c.readErr = ErrPlaintextBuffered
		c.writeErr = ErrPlaintextBuffered
		return c.fatal(ErrPlaintextBuffered)
	}
	if err := c.Flush(); err != nil {
		return err
	}
	c.release()
	tc := side(c.t, cfg)
	if err := c.handshake(ctx, tc); err != nil {
		c.Close()
		c.readErr, c.writeErr = err, err
		return c.fatal(err)
	}
	c.tls.Store(tc)
	c.src, c.dst = tc, tc
	if c.trace != nil {
		c.trace.note("TLS " + tls.VersionName(c.TLS().Version))
	}
	return nil
}

// Handshake completes the handshake of a *tls.Conn that NewConn was given. For
// another connection it does nothing. The handshake is bounded by ctx and
// HandshakeTimeout.
func (c *Conn) Handshake(ctx context.Context) error {
	if tc := c.tls.Load(); tc != nil {
		return c.handshake(ctx, tc)
	}
	return nil
}

func (c *Conn) handshake(ctx context.Context, tc *tls.Conn) error {
	defer c.Bind(ctx)()
	err := c.t.within(c.opts.HandshakeTimeout, func() error {
		if tc == c.tls.Load() { // it lies below the transport, which sees none of its reads
			c.t.armHard()
		}
		return tc.HandshakeContext(ctx)
	})
	if err != nil {
		return fmt.Errorf("textproto: TLS handshake: %w", c.t.reason("TLS handshake", err))
	}
	return nil
}

// TLS returns the state of TLS, or nil without TLS.
func (c *Conn) TLS() *tls.ConnectionState {
	tc := c.tls.Load()
	if tc == nil {
		return nil
	}
	s := tc.ConnectionState()
	return &s
}
