package textproto

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"
)

// A Handler serves connections of one protocol.
type Handler interface {
	// ServeConn serves one connection, on a goroutine of its own. When it
	// returns, buffered output is sent and the connection closed; a panic is
	// recovered and logged.
	//
	// ctx is bound to c already. It ends with Server.Close, when the context of
	// Shutdown ends, when a read or write fails, and when the client goes while
	// nothing is read or written: its cause is then ErrPeerGone. A connection that
	// was reset is noticed within WatchInterval. A client that has ended its output
	// may still be reading: ctx ends HalfClosedGrace later, unless input is left
	// that the handler has not read, or output is being taken. (This needs a
	// connection that offers syscall.Conn, on a Unix system. Elsewhere the next
	// read or write notices.)
	ServeConn(ctx context.Context, c *Conn)
	// Refuse writes the protocol's one line for a connection that is not (or no
	// longer) served. reason is ErrTooManyConns, ErrTooManyConnsFromNetwork,
	// ErrServerClosed, ErrPanic, or what Server.OnExcess has returned (ErrTooMany).
	// What it buffers is flushed.
	Refuse(c *Conn, reason error)
}

// A Preparer is a Handler that has something to do before connections are
// accepted, such as to set fields of its Server to the protocol's defaults.
type Preparer interface {
	Handler
	// Prepare is called at the beginning of each Serve method, which returns
	// its error.
	Prepare() error
}

// ConnState is the state of a connection, as reported to Server.ConnState.
type ConnState int

const (
	StateNew    ConnState = iota // accepted
	StateActive                  // served: a command may be running
	StateIdle                    // inside Wait
	StateClosed                  // closed
)

func (s ConnState) String() string {
	switch s {
	case StateNew:
		return "new"
	case StateActive:
		return "active"
	case StateIdle:
		return "idle"
	case StateClosed:
		return "closed"
	}
	return fmt.Sprintf("ConnState(%d)", int(s))
}

// Limits and defaults of Server.
const (
	// DefaultMaxConns and DefaultMaxConnsPerNetwork are the defaults of
	// Server.MaxConns and MaxConnsPerNetwork.
	DefaultMaxConns           = 10_000
	DefaultMaxConnsPerNetwork = 1_000
	// DefaultIPv4Prefix and DefaultIPv6Prefix say how many bits of an address
	// make a client network.
	DefaultIPv4Prefix = 32
	DefaultIPv6Prefix = 64
	// MaxRefusals is how many connections beyond the limits are refused with a
	// reply at the same time; others are closed without one.
	MaxRefusals = 64
	// RefuseTimeout bounds a refusal, the TLS handshake before it included.
	RefuseTimeout = 5 * time.Second
	// CloseWait is how long Server.Close waits for handlers.
	CloseWait = 5 * time.Second
)

// Server is the accept loop that servers of line-oriented protocols share. Its
// zero value works, with limits that no honest client meets. The fields must not be changed after the
// first call of a Serve method. One Server may serve several listeners.
//
// The server of a protocol embeds it, and has its own Serve methods, which pass
// the protocol's Handler.
type Server struct {
	// TLSConfig is for ServeTLS and ListenAndServeTLS; protocols use it for
	// STARTTLS.
	TLSConfig *tls.Config
	// Logger logs what is not returned to a caller: accept errors, failed
	// handshakes, panics (default slog.Default()).
	Logger *slog.Logger
	// Trace is called for what is read and written; see Options.
	Trace Tracer
	// TraceBody, Redact and MaxLine become the Options of each connection.
	TraceBody int
	Redact    func(dir Direction, line []byte) []byte
	MaxLine   int

	// MaxConns limits the connections served at once. Zero: DefaultMaxConns, or half
	// the number of files that the process may open if that is less; negative: no
	// limit.
	MaxConns int
	// MaxConnsPerNetwork limits those of one client network. Zero:
	// DefaultMaxConnsPerNetwork, but no limit for networks that the network rates are
	// not for (Rates.Exempt and loopback); negative: no limit. A network is the first
	// IPv4Prefix (default 32) bits of an IPv4 address, the first IPv6Prefix (default
	// 64) of an IPv6 address. Addresses that are not IP addresses are not counted.
	MaxConnsPerNetwork     int
	IPv4Prefix, IPv6Prefix int
	// MaxCommandsPerNetwork is how many commands of a client network are at work at
	// the same time, those of networks excepted that the network rates are not for.
	// The others wait before they begin, one of each account, or of each connection
	// before login, in a round. Zero: DefaultMaxCommandsPerNetwork; negative: no
	// limit.
	MaxCommandsPerNetwork int

	// Rates bound what clients may do in a time.
	Rates Rates
	// OnExcess, unless nil, decides what happens when a client exceeds one of the
	// Rates: nil lets it go on, an error ends the connection, or refuses it. It may
	// wait, no longer than until ctx ends. It is called on the connection's
	// goroutine. Nil: Enforce.
	OnExcess func(ctx context.Context, x Excess) error
	// Bounds are shared by the commands of this Server, and of others that have the
	// same. Nil: a Bounds of its own, with the defaults.
	Bounds *Bounds
	// MaxWork bounds what one command may cost, in the units of Conn.Work (zero:
	// DefaultMaxWork; negative: no limit).
	MaxWork int
	// LoginTimeout is how long a client may be connected until the protocol calls
	// Conn.LoggedIn. Zero: the protocol's default; negative: no limit.
	LoginTimeout time.Duration

	// ProxyFrom lists the networks whose connections begin with a PROXY
	// protocol header (version 1 or 2) that names the real client. A connection
	// without one is closed.
	ProxyFrom []netip.Prefix

	// HandshakeTimeout bounds the PROXY header and the TLS handshake, each
	// (default DefaultHandshakeTimeout).
	HandshakeTimeout time.Duration
	// IdleTimeout, ReadTimeout, WriteTimeout are those of Options.
	IdleTimeout, ReadTimeout, WriteTimeout time.Duration

	// BaseContext returns the context from which the contexts of the
	// connections of l are derived (default context.Background()).
	BaseContext func(l net.Listener) context.Context
	// ConnState is called when a connection changes its state, on the
	// connection's goroutine.
	ConnState func(c *Conn, s ConnState)

	rates    Rates       // with defaults; set by the first Serve
	maxWork  int         // likewise
	maxConns int         // likewise
	bounds   *Bounds     // likewise
	begun    time.Time   // when that was
	closing  atomic.Bool // set under mu
	watching atomic.Bool // watchConns runs
	nextID   atomic.Uint64
	stats    stats

	mu        sync.Mutex
	quit      chan struct{} // closed by Shutdown and Close; made by the first Serve
	listeners map[*net.Listener]struct{}
	conns     map[*serverConn]struct{}
	networks  networks
	serving   int           // connections within MaxConns
	refusing  int           // connections that are being refused
	gone      chan struct{} // closed when the last connection is gone; nil unless waited for
}

var (
	errClosedByServer = errors.New("textproto: connection closed by the server")
	errStillRunning   = errors.New("textproto: a handler is still running")
)

// ListenAndServe listens on the TCP address addr and serves h there.
func (s *Server) ListenAndServe(addr string, h Handler) error {
	l, err := s.listen(addr, h)
	if err != nil {
		return err
	}
	return s.Serve(l, h)
}

// ListenAndServeTLS is ListenAndServe with TLS from the first octet.
func (s *Server) ListenAndServeTLS(addr string, h Handler) error {
	l, err := s.listen(addr, h)
	if err != nil {
		return err
	}
	return s.ServeTLS(l, h)
}

func (s *Server) listen(addr string, h Handler) (net.Listener, error) {
	if s.closing.Load() {
		return nil, ErrServerClosed
	}
	if err := prepare(h); err != nil {
		return nil, err
	}
	return net.Listen("tcp", addr)
}

func prepare(h Handler) error {
	if p, ok := h.(Preparer); ok {
		return p.Prepare()
	}
	return nil
}

// Serve accepts connections from l and serves each with h, until l fails or the
// server is closed, when it returns ErrServerClosed. It closes l.
func (s *Server) Serve(l net.Listener, h Handler) error { return s.serve(l, h, false) }

// ServeTLS is Serve with TLS from the first octet, with TLSConfig.
func (s *Server) ServeTLS(l net.Listener, h Handler) error { return s.serve(l, h, true) }

func (s *Server) serve(l net.Listener, h Handler, implicit bool) error {
	defer l.Close()
	if err := prepare(h); err != nil {
		return err
	}
	var cfg *tls.Config
	if implicit {
		if cfg = s.TLSConfig; cfg == nil {
			return errors.New("textproto: ServeTLS without TLSConfig")
		}
	}
	if !s.track(&l) {
		return ErrServerClosed
	}
	defer s.untrack(&l)
	base := context.Background()
	if s.BaseContext != nil {
		base = s.BaseContext(l)
	}
	var delay time.Duration
	for {
		nc, err := l.Accept()
		if s.closing.Load() {
			if err == nil {
				nc.Close()
			}
			return ErrServerClosed
		}
		if err != nil {
			var ne net.Error
			//lint:ignore SA1019 accept errors are what Temporary is still good for, as in net/http
			if !errors.As(err, &ne) || !ne.Temporary() {
				return err
			}
			delay = min(max(2*delay, 5*time.Millisecond), time.Second)
			s.stats.acceptErrors.Add(1)
			s.logger().Error("accept failed; trying again", "error", err, "delay", delay)
			select {
			case <-time.After(delay):
			case <-s.quit: // Accept reports it
			}
			continue
		}
		delay = 0
		s.start(base, nc, h, cfg)
	}
}

func (s *Server) logger() *slog.Logger {
	if s.Logger != nil {
		return s.Logger
	}
	return slog.Default()
}

func (s *Server) track(l *net.Listener) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		return false
	}
	if s.listeners == nil {
		s.listeners = make(map[*net.Listener]struct{})
		s.conns = make(map[*serverConn]struct{})
		s.rates, s.begun = s.Rates.withDefaults(), time.Now()
		s.maxWork = cmp.Or(s.MaxWork, DefaultMaxWork)
		s.maxConns = s.MaxConns
		if s.maxConns == 0 {
			s.maxConns = maxConns()
		}
		if s.bounds = s.Bounds; s.bounds == nil {
			s.bounds = new(Bounds)
		}
		s.bounds.setup()
		s.quit = make(chan struct{})
	}
	s.listeners[l] = struct{}{}
	return true
}

func (s *Server) untrack(l *net.Listener) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.listeners, l)
}

// stop closes the listeners and returns the open connections, and a channel
// that is closed once they are gone.
func (s *Server) stop() ([]*serverConn, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closing.Swap(true) && s.quit != nil {
		close(s.quit)
	}
	for l := range s.listeners {
		(*l).Close()
	}
	conns := make([]*serverConn, 0, len(s.conns))
	for sc := range s.conns {
		conns = append(conns, sc)
	}
	if s.gone == nil {
		s.gone = make(chan struct{})
		if len(s.conns) == 0 {
			close(s.gone)
		}
	}
	return conns, s.gone
}

// Shutdown stops accepting and lets running commands finish: the current or
// next Wait of a connection returns ErrServerClosed, and the protocol
// ends the session. It returns nil once all connections are closed and their
// handlers have returned. If ctx ends first, the remaining connections are
// closed as by Close, but not waited for, and the error is the cause of ctx's
// end.
func (s *Server) Shutdown(ctx context.Context) error {
	conns, gone := s.stop()
	for _, sc := range conns {
		sc.c.t.wake(true)
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		for _, sc := range conns {
			sc.kill(errClosedByServer)
		}
		return context.Cause(ctx)
	}
}

// Close closes all listeners and connections at once, cancels the contexts of
// the handlers, and waits until these have returned. A handler that does not
// within CloseWait is left behind, with an error.
func (s *Server) Close() error {
	conns, gone := s.stop()
	for _, sc := range conns {
		sc.kill(errClosedByServer)
	}
	t := time.NewTimer(CloseWait)
	defer t.Stop()
	select {
	case <-gone:
		return nil
	case <-t.C:
		return errStillRunning
	}
}
