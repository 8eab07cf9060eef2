package textproto

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/netip"
	"runtime/debug"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// Stats are the counters of a Server.
type Stats struct {
	// Connections: Active is how many there are now.
	Accepted, Active, Refused                          int64
	RefusedFull, RefusedNetwork, RefusedRate           int64 // of Refused: for MaxConns, MaxConnsPerNetwork, Rates
	AcceptErrors, HandshakeErrors, ProxyErrors, Panics int64
	OctetsIn, OctetsOut                                int64 // of those that are closed

	// How they were ended: the client went while a command was at work, did not log
	// in within LoginTimeout, sent less than Rates.Input, or did not read for
	// WriteTimeout.
	Gone, LoginTimeouts, TooSlow, Unread int64

	// How often a rate was exceeded, see Rates; of them those of failures and of
	// logins. OctetWaits are the delays for NetworkOctets and OctetsPerAccount.
	Excesses, ExcessFailures, ExcessLogins, OctetWaits int64

	TooMuchWork int64 // commands that came to MaxWork
	Bounds      BoundsStats
}

type stats struct {
	accepted, refused, refusedFull, refusedNetwork, refusedRate,
	acceptErrors, handshakeErrors, proxyErrors, panics, in, out,
	gone, loginTimeouts, tooSlow, unread,
	excesses, excessFailures, excessLogins, octetWaits, tooMuchWork atomic.Int64
}

// Stats returns the current counters. It is cheap and may be called at any
// time.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	active, bounds := len(s.conns), s.bounds
	s.mu.Unlock()
	st := Stats{
		Accepted: s.stats.accepted.Load(), Active: int64(active), Refused: s.stats.refused.Load(),
		RefusedFull: s.stats.refusedFull.Load(), RefusedNetwork: s.stats.refusedNetwork.Load(), RefusedRate: s.stats.refusedRate.Load(),
		AcceptErrors: s.stats.acceptErrors.Load(), HandshakeErrors: s.stats.handshakeErrors.Load(),
		ProxyErrors: s.stats.proxyErrors.Load(), Panics: s.stats.panics.Load(),
		OctetsIn: s.stats.in.Load(), OctetsOut: s.stats.out.Load(),
		Gone: s.stats.gone.Load(), LoginTimeouts: s.stats.loginTimeouts.Load(), TooSlow: s.stats.tooSlow.Load(), Unread: s.stats.unread.Load(),
		Excesses: s.stats.excesses.Load(), ExcessFailures: s.stats.excessFailures.Load(), ExcessLogins: s.stats.excessLogins.Load(),
		OctetWaits: s.stats.octetWaits.Load(), TooMuchWork: s.stats.tooMuchWork.Load(),
	}
	if bounds != nil {
		st.Bounds = bounds.Stats()
	}
	return st
}

// serverConn is a connection of a Server. Except for kill, it is used by the
// connection's goroutine only.
type serverConn struct {
	s       *Server
	c       *Conn
	h       Handler
	tls     *tls.Config // for TLS from the first octet, or nil
	ctx     context.Context
	cancel  context.CancelCauseFunc
	refusal error         // why it is not served, or nil
	ends    bool          // ctx can end on its own
	refused bool          // it is counted as being refused
	served  bool          // it was admitted
	late    bool          // LoginTimeout is over; guarded by the transport's mu
	place   atomic.Uint32 // places that the present command has
	network *network      // of the client, or nil
	watch   watch
	meter   meter
	account *account             // that has logged in, or nil
	work    int                  // units of the present command; see Conn.Work
	held    int64                // octets that the present command holds
	memory  *connMemory          // nil: it has never held much
	buffers atomic.Int32         // octets of large buffers
	octets  atomic.Int32         // read and written since the last look at the rates
	turn    atomic.Pointer[turn] // nil: it has never needed one
	unbind  func()               // ends LoginTimeout; nil: it has ended
}

// start serves nc on a goroutine of its own.
func (s *Server) start(base context.Context, nc net.Conn, h Handler, cfg *tls.Config) {
	s.stats.accepted.Add(1)
	sc := &serverConn{s: s, h: h, tls: cfg}
	c := NewConn(nc, &Options{
		MaxLine: s.MaxLine, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout, IdleTimeout: s.IdleTimeout,
		HandshakeTimeout: s.HandshakeTimeout, Trace: s.Trace, TraceBody: s.TraceBody, Redact: s.Redact,
		ID: strconv.FormatUint(s.nextID.Add(1), 36),
	})
	sc.c = c
	sc.ctx, sc.cancel = context.WithCancelCause(base)
	sc.ends = base.Done() != nil
	c.onError = sc.end
	if s.rates.Input > 0 {
		c.t.rates = &s.rates
	}
	c.served, c.t.sc = sc, sc
	sc.watch.blind = socket(nc) == nil
	if s.ConnState != nil {
		c.state = func(st ConnState) { s.ConnState(c, st) }
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closing.Load() {
		nc.Close()
		sc.cancel(ErrServerClosed)
		return
	}
	if s.maxConns > 0 && s.serving >= s.maxConns {
		sc.refusal = ErrTooManyConns
	} else {
		s.serving++
	}
	s.conns[sc] = struct{}{}
	go sc.run()
}

func (sc *serverConn) run() {
	defer sc.finish()
	if sc.ends {
		defer sc.c.Bind(sc.ctx)()
	} else {
		sc.c.t.bindFor(sc.ctx) // end interrupts
	}
	if sc.guard(sc.serve) {
		sc.guard(func() { sc.refuse(ErrPanic) })
	}
	sc.guard(sc.c.linger)
}

// guard recovers from a panic of f and reports whether there was one.
func (sc *serverConn) guard(f func()) (panicked bool) {
	defer func() {
		if r := recover(); r != nil {
			panicked = true
			sc.s.stats.panics.Add(1)
			sc.s.logger().Error("panic while serving a connection", "conn", sc.c.ID(), "remote", sc.c.RemoteAddr(),
				"panic", r, "stack", string(debug.Stack()))
		}
	}()
	f()
	return false
}

// serve does everything that precedes the protocol, and calls the handler.
func (sc *serverConn) serve() {
	s, c := sc.s, sc.c
	sc.setState(StateNew)
	if s.trusted(c.t.Conn.RemoteAddr()) {
		if err := sc.proxyHeader(); err != nil {
			s.stats.proxyErrors.Add(1)
			s.logger().Warn("PROXY header refused", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
			return
		}
	}
	if !sc.admit(sc.policy()) {
		return
	}
	if err := sc.handshake(); err != nil {
		s.stats.handshakeErrors.Add(1)
		s.logger().Debug("TLS handshake failed", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
		return
	}
	if sc.refusal != nil {
		sc.countRefusal()
		s.logger().Debug("connection refused", "conn", c.ID(), "remote", c.RemoteAddr(), "error", sc.refusal)
		sc.refuse(sc.refusal)
		return
	}
	sc.setState(StateActive)
	sc.unbind = c.BindTimeout(sc.ctx, s.LoginTimeout, ErrLoginTimeout)
	defer c.LoggedIn()
	defer sc.endCommand()
	sc.watch.begin(s)
	defer sc.watch.end()
	sc.h.ServeConn(sc.ctx, c)
}

func (sc *serverConn) proxyHeader() error {
	return sc.c.t.within(sc.c.opts.HandshakeTimeout, sc.c.readProxyHeader)
}

// handshake starts TLS, if it is to start with the first octet.
func (sc *serverConn) handshake() error {
	if sc.tls != nil && sc.c.tls.Load() == nil {
		return sc.c.StartTLSServer(sc.ctx, sc.tls)
	}
	return sc.c.Handshake(sc.ctx) // the listener's TLS, if any
}

// policy joins the network and returns why the connection is to be refused
// because of what others from there have done, or nil.
func (sc *serverConn) policy() error {
	s := sc.s
	if sc.refusal != nil {
		return nil
	}
	ip, ok := addrIP(sc.c.RemoteAddr())
	if !ok {
		return nil
	}
	s.mu.Lock()
	sc.network = s.networks.join(s.networkOf(ip), s.now())
	if sc.network.places == nil {
		sc.network.places = &fair.Gate[party]{Size: orDefault(s.MaxCommandsPerNetwork, DefaultMaxCommandsPerNetwork)}
	}
	s.mu.Unlock()
	if s.rates.exempts(ip) {
		return nil
	}
	sc.meter.network = sc.network
	x, over := sc.network.exceeded(&s.rates, s.now())
	if !over {
		return nil
	}
	x.Conn = sc.c
	return s.excess(sc.ctx, x)
}

// admit decides whether the connection is served or refused. It returns false if
// it is neither, because too many are being refused.
func (sc *serverConn) admit(policy error) bool {
	s := sc.s
	s.mu.Lock()
	defer s.mu.Unlock()
	if sc.refusal == nil {
		switch {
		case s.closing.Load():
			sc.refusal = ErrServerClosed
		case sc.network != nil && s.tooManyFrom(sc):
			sc.refusal = ErrTooManyConnsFromNetwork
		case policy != nil:
			sc.refusal = policy
		default:
			if sc.network != nil {
				sc.network.served++
			}
			sc.served = true
			return true
		}
		s.serving--
	}
	if s.refusing >= MaxRefusals {
		sc.countRefusal()
		return false
	}
	s.refusing++
	sc.refused = true
	sc.c.t.setHard(time.Now().Add(RefuseTimeout))
	return true
}

func (sc *serverConn) countRefusal() {
	st := &sc.s.stats
	st.refused.Add(1)
	switch {
	case errors.Is(sc.refusal, ErrTooManyConnsFromNetwork):
		st.refusedNetwork.Add(1)
	case errors.Is(sc.refusal, ErrTooManyConns):
		st.refusedFull.Add(1)
	case !errors.Is(sc.refusal, ErrServerClosed):
		st.refusedRate.Add(1)
	}
}

// tooManyFrom reports whether the client's network has all its connections. The
// default is for those networks only that the rates are for. s.mu is held.
func (s *Server) tooManyFrom(sc *serverConn) bool {
	limit := s.MaxConnsPerNetwork
	if limit == 0 && sc.meter.network != nil {
		limit = DefaultMaxConnsPerNetwork
	}
	return limit > 0 && sc.network.served >= limit
}

// refuse lets the handler write its line.
func (sc *serverConn) refuse(reason error) {
	sc.c.t.setHard(time.Now().Add(RefuseTimeout))
	sc.h.Refuse(sc.c, reason)
	sc.c.Flush()
}

func (sc *serverConn) setState(st ConnState) {
	if sc.c.state != nil {
		sc.c.state(st)
	}
}

// end ends the connection's context.
func (sc *serverConn) end(cause error) {
	sc.cancel(cause)
	sc.c.t.interrupt()
}

// kill ends the connection from another goroutine.
func (sc *serverConn) kill(cause error) {
	sc.cancel(cause)
	nc := sc.c.t.Conn
	if tc, ok := nc.(*tls.Conn); ok { // whose Close would wait to send an alert
		nc = tc.NetConn()
	}
	nc.Close()
}

func (sc *serverConn) finish() {
	s := sc.s
	sc.guard(func() { sc.c.Close() })
	sc.cancel(net.ErrClosed)
	if _, ok := errors.AsType[*TimeoutError](sc.c.writeErr); ok && !sc.refused {
		s.stats.unread.Add(1)
	}
	in, out := sc.c.Octets()
	s.stats.in.Add(in)
	s.stats.out.Add(out)
	sc.leaveMemory()
	sc.leaveAccount()
	sc.guard(func() { sc.setState(StateClosed) })
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, sc)
	if sc.refusal == nil {
		s.serving--
	}
	if sc.refused {
		s.refusing--
	}
	if sc.network != nil {
		if sc.served {
			sc.network.served--
		}
		s.networks.leave(sc.network, s.now())
	}
	if s.gone != nil && len(s.conns) == 0 {
		close(s.gone)
	}
}

// networkOf returns the client network of an address.
func (s *Server) networkOf(ip netip.Addr) netip.Prefix {
	bits, normal := s.IPv6Prefix, DefaultIPv6Prefix
	if ip.Is4() {
		bits, normal = s.IPv4Prefix, DefaultIPv4Prefix
	}
	if bits <= 0 || bits > ip.BitLen() {
		bits = normal
	}
	n, _ := ip.Prefix(bits)
	return n
}

// addrIP returns the IP address of a, without zone and with IPv4 unmapped.
func addrIP(a net.Addr) (netip.Addr, bool) {
	if t, ok := a.(*net.TCPAddr); ok {
		ip := t.AddrPort().Addr().Unmap().WithZone("")
		return ip, ip.IsValid()
	}
	if a == nil {
		return netip.Addr{}, false
	}
	ap, err := netip.ParseAddrPort(a.String())
	if err != nil {
		return netip.Addr{}, false
	}
	return ap.Addr().Unmap().WithZone(""), true
}

// trusted reports whether a is a proxy's address.
func (s *Server) trusted(a net.Addr) bool {
	if len(s.ProxyFrom) == 0 {
		return false
	}
	ip, ok := addrIP(a)
	if !ok {
		return false
	}
	for _, p := range s.ProxyFrom {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}
