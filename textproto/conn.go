package textproto

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/textproto/internal/deflate"
)

// Defaults of Options.
const (
	DefaultMaxLine          = 8192
	DefaultHandshakeTimeout = 30 * time.Second
)

// Options adjusts a Conn. The zero value, and nil, mean the defaults.
type Options struct {
	// MaxLine is the length in octets, CRLF included, that ReadLine accepts
	// (default DefaultMaxLine). Memory for long lines is taken as they arrive.
	MaxLine int
	// ReadTimeout and WriteTimeout bound one wait on the peer: each octet
	// received or taken by the peer starts them anew. Zero means no limit.
	ReadTimeout, WriteTimeout time.Duration
	// IdleTimeout bounds one Wait. Zero means ReadTimeout.
	IdleTimeout time.Duration
	// HandshakeTimeout bounds a TLS handshake as a whole (default
	// DefaultHandshakeTimeout, negative for none).
	HandshakeTimeout time.Duration

	// Trace is called for each line read and written; see Event.
	Trace Tracer
	// TraceBody is how many octets of the beginning of a body are traced
	// (default none: only the size of a body is reported).
	TraceBody int
	// Redact returns the text to trace in place of a line, so that a protocol
	// can mask credentials. It must not change or retain line.
	Redact func(dir Direction, line []byte) []byte
	// ID names the connection in traces and logs.
	ID string
}

// A Conn is a network connection for line-oriented protocols.
//
// Reading (ReadLine, Wait, body readers) and writing (Write…, Flush, body
// writers) are independent of each other: one goroutine may read while another
// writes. Neither side may be used by two goroutines at once. StartTLS… and
// Compress use both sides. Bind, Wake, Close, the Set…Timeout methods and those
// that only report may be called from any goroutine.
//
// Nothing written is sent before Flush, except what does not fit the buffer.
type Conn struct {
	t   *transport
	tls atomic.Pointer[tls.Conn] // nil without TLS
	zr  *deflate.Reader
	zw  *deflate.Writer
	src io.Reader // top of the reading layers
	dst io.Writer // top of the writing layers

	// reading side
	buf     []byte // small[:], a pooled buffer, or a grown one
	pin     *Pin   // of buf; nil: nobody has pinned it
	r, w    int    // buf[r:w] is unread
	full    bool   // the last read filled buf
	maxLine int
	skipped int       // octets skipped so far of a line that is too long
	lineEnd *lineEnd  // of it
	readErr error     // permanent
	body    unread    // body reader that is not at its end, or nil
	small   [128]byte // holds the start of a command while no buffer is needed

	// writing side
	wbuf     []byte // pooled; nil while empty
	wn       int
	writeErr error // permanent: it is unknown what was sent

	trace *tracer // nil when not traced

	opts      Options
	idle      atomic.Int64 // IdleTimeout
	autoFlush bool         // reads flush before they wait; see SetAutoFlush
	onError   func(error)  // called with the first fatal error of either side
	served    *serverConn  // the Server's part of it, or nil
	remote    net.Addr     // from the PROXY protocol, or nil
	local     net.Addr
	state     func(ConnState) // called with idle and active, or nil
}

// unread is a body reader that holds the reading side.
type unread interface{ unread() bool }

// NewConn returns a Conn over nc. If nc is a *tls.Conn, TLS reports its state.
// o may be nil.
func NewConn(nc net.Conn, o *Options) *Conn {
	c := &Conn{t: &transport{Conn: nc}}
	if o != nil {
		c.opts = *o
	}
	if c.opts.MaxLine <= 0 {
		c.opts.MaxLine = DefaultMaxLine
	}
	if c.opts.HandshakeTimeout == 0 {
		c.opts.HandshakeTimeout = DefaultHandshakeTimeout
	}
	c.maxLine = c.opts.MaxLine
	c.t.readTimeout = c.opts.ReadTimeout
	c.t.writeTimeout = c.opts.WriteTimeout
	c.idle.Store(int64(c.opts.IdleTimeout))
	c.src, c.dst = c.t, c.t
	c.buf = c.small[:]
	if tc, ok := nc.(*tls.Conn); ok {
		c.tls.Store(tc)
	}
	if c.opts.Trace != nil {
		c.trace = &tracer{fn: c.opts.Trace, id: c.opts.ID, redact: c.opts.Redact, keep: c.opts.TraceBody}
	}
	return c
}

// Bind binds the connection to ctx until release is called: when ctx ends,
// reads and writes, including those in progress, fail at once with an error
// that wraps context.Cause(ctx) and ctx.Err(). Binds nest; each release must be
// called once. For a context that cannot end, or one that is bound already (or
// differs from a bound one only in its values), Bind allocates nothing.
//
// After an interrupted read the connection is still in step, but after an
// interrupted write it is not: all later writes fail.
func (c *Conn) Bind(ctx context.Context) (release func()) { return c.t.bind(ctx) }

// BindTimeout is Bind for a context that ends after d, with cause, unless d is not
// positive. release may be called more than once.
func (c *Conn) BindTimeout(ctx context.Context, d time.Duration, cause error) (release func()) {
	if d <= 0 {
		return noop
	}
	ctx, cancel := context.WithTimeoutCause(ctx, d, cause)
	unbind := c.Bind(ctx)
	return sync.OnceFunc(func() {
		unbind()
		cancel()
	})
}

// LoggedIn ends the time limit of Server.LoginTimeout. It is for servers, on the
// connection's goroutine; it may be called more than once.
func (c *Conn) LoggedIn() {
	if sc := c.served; sc != nil && sc.unbind != nil {
		sc.unbind()
		sc.unbind = nil
	}
}

// SetReadTimeout sets the limit of one wait for input (0: none).
func (c *Conn) SetReadTimeout(d time.Duration) {
	c.t.mu.Lock()
	c.t.readTimeout = d
	c.t.mu.Unlock()
}

// SetWriteTimeout sets the limit of one wait for the peer to take output (0: none).
func (c *Conn) SetWriteTimeout(d time.Duration) {
	c.t.mu.Lock()
	c.t.writeTimeout = d
	c.t.mu.Unlock()
}

// SetIdleTimeout sets the limit of one Wait, from the next on (0: that of reads).
func (c *Conn) SetIdleTimeout(d time.Duration) { c.idle.Store(int64(d)) }

// SetMaxLine sets the maximum length for ReadLine, CRLF included. It is a
// method of the reading side. A value below 1 means DefaultMaxLine.
func (c *Conn) SetMaxLine(n int) {
	if n < 1 {
		n = DefaultMaxLine
	}
	c.maxLine = n
}

// SetAutoFlush makes each read that has to wait for the peer send buffered
// output first, so that a server can answer pipelined commands together without
// holding back a reply that the peer waits for (RFC 2920 §3.2). An error of the
// write is returned by the read. Reading and writing must then be done by one
// goroutine.
func (c *Conn) SetAutoFlush(on bool) { c.autoFlush = on }

// flushFirst does what SetAutoFlush says.
func (c *Conn) flushFirst() error {
	if c.autoFlush && (c.wn > 0 || c.zw != nil && c.zw.Pending()) {
		return c.Flush()
	}
	return nil
}

// ID returns the name of the connection in traces and logs.
func (c *Conn) ID() string { return c.opts.ID }

// NetConn returns the connection that NewConn was given. Reading or writing it
// breaks the Conn.
func (c *Conn) NetConn() net.Conn { return c.t.Conn }

// RemoteAddr returns the peer's address, as given by a trusted proxy if there
// is one.
func (c *Conn) RemoteAddr() net.Addr {
	if c.remote != nil {
		return c.remote
	}
	return c.t.Conn.RemoteAddr()
}

// LocalAddr returns the address that the peer connected to, as given by a
// trusted proxy if there is one.
func (c *Conn) LocalAddr() net.Addr {
	if c.local != nil {
		return c.local
	}
	return c.t.Conn.LocalAddr()
}

// Octets returns how many octets have been read from and written to the network.
func (c *Conn) Octets() (in, out int64) { return c.t.in.Load(), c.t.out.Load() }

// Close closes the connection without sending buffered output. Calls of either
// side in progress return an error that wraps net.ErrClosed.
func (c *Conn) Close() error {
	if tc := c.tls.Load(); tc != nil {
		return tc.Close() // sends close_notify, in bounded time
	}
	return c.t.Conn.Close()
}

// fatal records that the connection is lost.
func (c *Conn) fatal(err error) error {
	if c.onError != nil {
		c.onError(err)
	}
	return err
}
