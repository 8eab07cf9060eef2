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
)

// Stats counts what a Server has done.
type Stats struct {
	Accepted, Active, Refused                          int64
	AcceptErrors, HandshakeErrors, ProxyErrors, Panics int64
	OctetsIn, OctetsOut                                int64 // of closed connections
}

type stats struct {
	accepted, refused, acceptErrors, handshakeErrors, proxyErrors, panics, in, out atomic.Int64
}

// Stats returns the present counts. It is cheap and may be called at any time.
func (s *Server) Stats() Stats {
	s.mu.Lock()
	active := len(s.conns)
	s.mu.Unlock()
	return Stats{
		Accepted: s.stats.accepted.Load(), Active: int64(active), Refused: s.stats.refused.Load(),
		AcceptErrors: s.stats.acceptErrors.Load(), HandshakeErrors: s.stats.handshakeErrors.Load(),
		ProxyErrors: s.stats.proxyErrors.Load(), Panics: s.stats.panics.Load(),
		OctetsIn: s.stats.in.Load(), OctetsOut: s.stats.out.Load(),
	}
}

// serverConn is a connection of a Server.
type serverConn struct {
	s       *Server
	c       *Conn
	h       Handler
	tls     *tls.Config // for TLS from the first octet, or nil
	ctx     context.Context
	cancel  context.CancelCauseFunc
	network netip.Prefix // counted under it, when valid
}

// start serves nc on a goroutine of its own.
func (s *Server) start(base context.Context, nc net.Conn, h Handler, cfg *tls.Config) {
	s.stats.accepted.Add(1)
	sc := &serverConn{s: s, h: h, tls: cfg}
	sc.c = NewConn(nc, &Options{
		MaxLine: s.MaxLine, ReadTimeout: s.ReadTimeout, WriteTimeout: s.WriteTimeout, IdleTimeout: s.IdleTimeout,
		HandshakeTimeout: s.HandshakeTimeout, Trace: s.Trace, Redact: s.Redact,
		ID: strconv.FormatUint(s.nextID.Add(1), 36),
	})
	sc.ctx, sc.cancel = context.WithCancelCause(base)
	sc.c.onError = func(err error) { sc.cancel(err) }
	if s.ConnState != nil {
		sc.c.state = func(st ConnState) { s.ConnState(sc.c, st) }
	}
	s.mu.Lock()
	if s.closing.Load() {
		s.mu.Unlock()
		nc.Close()
		sc.cancel(ErrServerClosed)
		return
	}
	if s.conns == nil {
		s.conns = make(map[*serverConn]struct{})
		s.networks = make(map[netip.Prefix]int)
	}
	over := s.MaxConns > 0 && len(s.conns)-s.refusing >= s.MaxConns
	if over {
		if s.refusing >= DefaultMaxRefusals {
			s.mu.Unlock()
			s.stats.refused.Add(1)
			nc.Close()
			sc.cancel(ErrTooManyConns)
			return
		}
		s.refusing++
	}
	s.conns[sc] = struct{}{}
	s.mu.Unlock()
	go sc.run(over)
}

func (sc *serverConn) run(over bool) {
	s, c := sc.s, sc.c
	defer sc.finish(&over)
	sc.setState(StateNew)
	release := c.Bind(sc.ctx)
	defer release()
	defer func() {
		if r := recover(); r != nil {
			s.stats.panics.Add(1)
			s.logger().Error("panic while serving a connection", "conn", c.ID(), "remote", c.RemoteAddr(), "panic", r, "stack", string(debug.Stack()))
			sc.refuse(ErrPanic)
		}
	}()
	if err := sc.open(); err != nil {
		if !errors.Is(err, errClosedByServer) {
			s.logger().Debug("connection not opened", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
		}
		return
	}
	if over {
		sc.refuse(ErrTooManyConns)
		return
	}
	if !sc.count() {
		s.mu.Lock()
		s.refusing++
		s.mu.Unlock()
		over = true
		sc.refuse(ErrTooManyConnsFromNetwork)
		return
	}
	sc.setState(StateActive)
	sc.h.ServeConn(sc.ctx, c)
}

// open reads the PROXY header and makes the TLS handshake, where there are to be.
func (sc *serverConn) open() error {
	s, c := sc.s, sc.c
	if s.trusted(c.t.Conn.RemoteAddr()) {
		old := c.t.setHard(time.Now().Add(c.opts.HandshakeTimeout))
		err := c.readProxyHeader()
		c.t.setHard(old)
		if err != nil {
			s.stats.proxyErrors.Add(1)
			return err
		}
	}
	if sc.tls != nil {
		if err := c.StartTLSServer(sc.ctx, sc.tls); err != nil {
			s.stats.handshakeErrors.Add(1)
			return err
		}
	}
	return nil
}

// refuse lets the handler write its line, in bounded time.
func (sc *serverConn) refuse(reason error) {
	defer func() {
		if r := recover(); r != nil {
			sc.s.stats.panics.Add(1)
			sc.s.logger().Error("panic while refusing a connection", "conn", sc.c.ID(), "panic", r, "stack", string(debug.Stack()))
		}
	}()
	if reason != ErrPanic {
		sc.s.stats.refused.Add(1)
	}
	sc.c.t.setHard(time.Now().Add(DefaultRefuseTimeout))
	sc.h.Refuse(sc.c, reason)
	sc.c.Flush()
}

func (sc *serverConn) setState(st ConnState) {
	if sc.c.state != nil {
		sc.c.state(st)
	}
}

// kill ends the connection from another goroutine.
func (sc *serverConn) kill(cause error) {
	sc.cancel(cause)
	sc.c.t.Conn.Close()
}

func (sc *serverConn) finish(over *bool) {
	s := sc.s
	sc.c.Close()
	sc.cancel(net.ErrClosed)
	in, out := sc.c.Octets()
	s.stats.in.Add(in)
	s.stats.out.Add(out)
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		delete(s.conns, sc)
		if *over {
			s.refusing--
		}
		if sc.network.IsValid() {
			if s.networks[sc.network]--; s.networks[sc.network] == 0 {
				delete(s.networks, sc.network)
			}
		}
		if s.idle != nil && len(s.conns) == 0 {
			close(s.idle)
		}
	}()
	sc.setState(StateClosed)
}

// count counts the connection under its network, if that has room.
func (sc *serverConn) count() bool {
	s := sc.s
	if s.MaxConnsPerNetwork <= 0 {
		return true
	}
	ip, ok := addrIP(sc.c.RemoteAddr())
	if !ok {
		return true
	}
	bits := s.IPv6Prefix
	if bits <= 0 || bits > 128 {
		bits = DefaultIPv6Prefix
	}
	if ip.Is4() {
		bits = s.IPv4Prefix
		if bits <= 0 || bits > 32 {
			bits = DefaultIPv4Prefix
		}
	}
	n, err := ip.Prefix(bits)
	if err != nil {
		return true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.networks[n] >= s.MaxConnsPerNetwork {
		return false
	}
	s.networks[n]++
	sc.network = n
	return true
}

// addrIP returns the IP address of a, without zone, IPv4 as such.
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

// trusted says whether a is a proxy's address.
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
