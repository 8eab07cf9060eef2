package textproto

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// testHandler greets and runs one of a few commands a line.
type testHandler struct {
	ctx  chan context.Context // of each connection, when not nil
	idle chan struct{}        // told before each Wait, when not nil
}

func (h testHandler) ServeConn(ctx context.Context, c *Conn) {
	if h.ctx != nil {
		h.ctx <- ctx
	}
	c.WriteLine("hello " + c.RemoteAddr().String())
	for {
		if c.Flush() != nil {
			return
		}
		if h.idle != nil {
			h.idle <- struct{}{}
		}
		if err := c.Wait(); err != nil {
			c.WriteLine("bye: " + err.Error())
			c.Flush()
			return
		}
		line, err := c.ReadLine()
		if err != nil {
			c.WriteLine("bad: " + err.Error())
			c.Flush()
			return
		}
		switch string(line) {
		case "panic":
			panic("asked for")
		case "sleep":
			time.Sleep(time.Minute)
			c.WriteLine("slept")
		case "block":
			<-ctx.Done()
			return
		case "quit":
			return
		default:
			c.WriteLineBytes(line)
		}
	}
}

func (testHandler) Refuse(c *Conn, reason error) { c.WriteLine("refused: " + reason.Error()) }

// pipeListener is a listener whose connections have a remote address.
type pipeListener struct{ *testutil.PipeListener }

func newPipeListener() *pipeListener { return &pipeListener{testutil.NewPipeListener()} }

// from is a connection with a remote address.
type from struct {
	net.Conn
	addr netip.AddrPort
}

func (f from) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(f.addr) }

func (l *pipeListener) dial(addr string) *Conn {
	x, y := net.Pipe()
	l.Connect(from{y, netip.MustParseAddrPort(addr)})
	return NewConn(x, nil)
}

func mustLine(t *testing.T, c *Conn, want string) {
	t.Helper()
	line, err := c.ReadLine()
	require.NoError(t, err)
	require.Equal(t, want, string(line))
}

func mustEOF(t *testing.T, c *Conn) {
	t.Helper()
	_, err := c.ReadLine()
	require.Equal(t, io.EOF, err)
	c.Close()
}

func send(c *Conn, line string) {
	c.WriteLine(line)
	c.Flush()
}

// serve runs s over a pipeListener inside a synctest bubble.
func serve(t *testing.T, s *Server, h Handler) *pipeListener {
	l := newPipeListener()
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, h) }()
	t.Cleanup(func() {
		require.NoError(t, s.Close())
		require.Equal(t, ErrServerClosed, <-done)
		require.Zero(t, s.Stats().Active)
		for _, n := range s.networks.byPrefix {
			require.Zero(t, n.conns)
			require.Zero(t, n.served)
		}
		require.Zero(t, s.serving)
		require.Zero(t, s.refusing)
	})
	return l
}

func TestServerLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{MaxConns: 3, MaxConnsPerNetwork: 2}
		l := serve(t, s, testHandler{})
		a := l.dial("192.0.2.1:1")
		mustLine(t, a, "hello 192.0.2.1:1")
		b := l.dial("192.0.2.1:2")
		mustLine(t, b, "hello 192.0.2.1:2")
		x := l.dial("192.0.2.1:3")
		mustLine(t, x, "refused: "+ErrTooManyConnsFromNetwork.Error())
		mustEOF(t, x)
		c := l.dial("192.0.2.2:1")
		mustLine(t, c, "hello 192.0.2.2:1")
		x = l.dial("192.0.2.3:1")
		mustLine(t, x, "refused: "+ErrTooManyConns.Error())
		mustEOF(t, x)
		// Room comes back.
		send(b, "quit")
		mustEOF(t, b)
		c.Close()
		synctest.Wait()
		for _, addr := range []string{"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8:0:1::1]:1"} {
			x = l.dial(addr)
			line, err := x.ReadLine()
			require.NoError(t, err)
			if addr == "[2001:db8:0:1::1]:1" {
				require.Equal(t, "refused: "+ErrTooManyConns.Error(), string(line))
			} else {
				require.Equal(t, "hello "+addr, string(line))
			}
		}
		st := s.Stats()
		require.EqualValues(t, 8, st.Accepted)
		require.Equal(t, []int64{3, 1, 2}, []int64{st.Refused, st.RefusedNetwork, st.RefusedFull})
	})
}

func TestServerNetworks(t *testing.T) {
	for _, tc := range []struct {
		v4, v6 int
		addr   string
		want   string
	}{
		{0, 0, "192.0.2.77:1", "192.0.2.77/32"}, {24, 0, "192.0.2.77:1", "192.0.2.0/24"}, {24, 0, "[::ffff:192.0.2.77]:1", "192.0.2.0/24"},
		{0, 0, "[2001:db8:1:2:3::4]:1", "2001:db8:1:2::/64"}, {0, 48, "[2001:db8:1:2:3::4]:1", "2001:db8:1::/48"},
		{33, 129, "[fe80::1%eth0]:1", "fe80::/64"},
	} {
		s := &Server{IPv4Prefix: tc.v4, IPv6Prefix: tc.v6}
		ip, ok := addrIP(net.TCPAddrFromAddrPort(netip.MustParseAddrPort(tc.addr)))
		require.True(t, ok)
		require.Equal(t, tc.want, s.networkOf(ip).String())
	}
}

// A client that does not read its refusal is gone after RefuseTimeout, and only
// so many are refused with a reply at once.
func TestServerRefuseBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{MaxConns: 1}
		l := serve(t, s, testHandler{})
		a := l.dial("192.0.2.1:1")
		mustLine(t, a, "hello 192.0.2.1:1")
		for i := range MaxRefusals {
			l.dial(fmt.Sprintf("192.0.2.2:%d", i+1)) // reads nothing
		}
		synctest.Wait()
		require.EqualValues(t, 1+MaxRefusals, s.Stats().Active)
		mustEOF(t, l.dial("192.0.2.3:1"))
		time.Sleep(RefuseTimeout + 2*time.Second)
		synctest.Wait()
		require.EqualValues(t, 1, s.Stats().Active)
	})
}

func TestServerProxy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{MaxConnsPerNetwork: 1, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Logger: slog.New(slog.DiscardHandler)}
		l := serve(t, s, testHandler{})
		dial := func(from, header string) *Conn {
			c := l.dial(from)
			c.WriteString(header)
			go c.Flush()
			return c
		}
		mustLine(t, dial("10.0.0.1:1", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 25\r\n"), "hello 192.0.2.1:8080")
		mustLine(t, dial("10.0.0.1:1", proxyV2(0x21, 0x21, v6addrs)), "hello [2001:db8::1]:8080")
		mustLine(t, dial("10.0.0.1:1", "PROXY UNKNOWN\r\n"), "hello 10.0.0.1:1")
		mustLine(t, dial("10.0.0.1:1", "PROXY TCP4 192.0.2.1 198.51.100.2 8081 25\r\n"), "refused: "+ErrTooManyConnsFromNetwork.Error())
		mustEOF(t, dial("10.0.0.1:1", "EHLO me, myself\r\n"))
		// Nobody else is believed.
		x := dial("192.0.2.9:1", "PROXY TCP4 192.0.2.1 198.51.100.2 8080 25\r\n")
		mustLine(t, x, "hello 192.0.2.9:1")
		mustLine(t, x, "PROXY TCP4 192.0.2.1 198.51.100.2 8080 25")
		require.EqualValues(t, 1, s.Stats().ProxyErrors)
	})
}

func TestServerPanic(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := &Server{Logger: slog.New(slog.NewTextHandler(&log, nil))}
		l := serve(t, s, testHandler{})
		a, b := l.dial("192.0.2.1:1"), l.dial("192.0.2.1:2")
		mustLine(t, a, "hello 192.0.2.1:1")
		mustLine(t, b, "hello 192.0.2.1:2")
		send(a, "panic")
		mustLine(t, a, "refused: "+ErrPanic.Error())
		mustEOF(t, a)
		send(b, "still here")
		mustLine(t, b, "still here")
		synctest.Wait()
		require.Contains(t, log.String(), "asked for")
		require.Contains(t, log.String(), "ServeConn")
		require.EqualValues(t, 1, s.Stats().Panics)
	})
}

func TestServerShutdown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		h := testHandler{ctx: make(chan context.Context, 10)}
		l := serve(t, s, h)
		idle, busy, stuck := l.dial("192.0.2.1:1"), l.dial("192.0.2.1:2"), l.dial("192.0.2.1:3")
		for _, c := range []*Conn{idle, busy, stuck} {
			_, err := c.ReadLine()
			require.NoError(t, err)
		}
		send(busy, "sleep")
		send(stuck, "block")
		synctest.Wait()
		reason := errors.New("patience is over")
		ctx, cancel := context.WithTimeoutCause(t.Context(), 2*time.Minute, reason)
		defer cancel()
		start := time.Now()
		done := make(chan error, 2)
		go func() { done <- s.Shutdown(ctx) }()
		go func() { done <- s.Shutdown(ctx) }()
		mustLine(t, idle, "bye: "+ErrServerClosed.Error())
		mustEOF(t, idle)
		require.Zero(t, time.Since(start))
		mustLine(t, busy, "slept")
		mustLine(t, busy, "bye: "+ErrServerClosed.Error())
		mustEOF(t, busy)
		require.Equal(t, time.Minute, time.Since(start))
		mustEOF(t, stuck)
		require.Equal(t, 2*time.Minute, time.Since(start))
		require.Equal(t, reason, <-done)
		require.Equal(t, reason, <-done)
		for range 3 {
			require.Error(t, (<-h.ctx).Err())
		}
		require.Equal(t, ErrServerClosed, s.Serve(newPipeListener(), h))
		require.Equal(t, ErrServerClosed, s.ListenAndServe("127.0.0.1:0", h))
		require.NoError(t, s.Shutdown(t.Context()))
		require.NoError(t, s.Close())
	})
}

// Connections that have not come so far as to be served do not hold Shutdown up.
func TestServerShutdownOpening(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, Logger: slog.New(slog.DiscardHandler)}
		l := serve(t, s, testHandler{})
		early, silent := l.dial("10.0.0.1:1"), l.dial("10.0.0.1:2")
		synctest.Wait()
		start := time.Now()
		done := make(chan error, 1)
		go func() { done <- s.Shutdown(t.Context()) }()
		time.Sleep(time.Second)
		send(early, "PROXY UNKNOWN")
		mustLine(t, early, "refused: "+ErrServerClosed.Error())
		mustEOF(t, early)
		require.Equal(t, time.Second, time.Since(start))
		mustEOF(t, silent)
		require.NoError(t, <-done)
		require.Equal(t, RefuseTimeout, time.Since(start))
	})
}

func TestServerClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{}
		h := testHandler{ctx: make(chan context.Context, 1)}
		l := serve(t, s, h)
		a := l.dial("192.0.2.1:1")
		mustLine(t, a, "hello 192.0.2.1:1")
		send(a, "block")
		require.NoError(t, s.Close())
		require.Equal(t, errClosedByServer, context.Cause(<-h.ctx))
		mustEOF(t, a)
	})
	// Before any Serve.
	var s Server
	require.NoError(t, s.Close())
	require.NoError(t, s.Shutdown(t.Context()))
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, s.Serve(newPipeListener(), testHandler{}))
}

// A handler hears through its context that the connection failed under it.
func TestServerContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		type key struct{}
		s := &Server{BaseContext: func(net.Listener) context.Context { return context.WithValue(context.Background(), key{}, 7) }}
		h := testHandler{ctx: make(chan context.Context, 1)}
		l := serve(t, s, h)
		l.dial("192.0.2.1:1").Close()
		ctx := <-h.ctx
		require.Equal(t, 7, ctx.Value(key{}))
		<-ctx.Done()
		require.ErrorIs(t, context.Cause(ctx), io.ErrClosedPipe)
	})
}

func TestServerStates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var mu sync.Mutex
		var got []string
		s := &Server{ConnState: func(c *Conn, st ConnState) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, c.ID()+" "+st.String())
		}}
		l := serve(t, s, testHandler{})
		a := l.dial("192.0.2.1:1")
		mustLine(t, a, "hello 192.0.2.1:1")
		synctest.Wait()
		send(a, "one")
		mustLine(t, a, "one")
		synctest.Wait()
		send(a, "quit")
		mustEOF(t, a)
		synctest.Wait()
		require.Equal(t, []string{"1 new", "1 active", "1 idle", "1 active", "1 idle", "1 active", "1 closed"}, got)
	})
}

// failingListener fails for a while.
type failingListener struct {
	*pipeListener
	errs atomic.Int32
	err  error
}

func (l *failingListener) Accept() (net.Conn, error) {
	if l.errs.Add(-1) >= 0 {
		return nil, l.err
	}
	return l.pipeListener.Accept()
}

func TestServerAcceptErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Logger: slog.New(slog.DiscardHandler)}
		l := &failingListener{pipeListener: newPipeListener(), err: &net.OpError{Op: "accept", Err: syscall.EMFILE}}
		l.errs.Store(10)
		done := make(chan error, 1)
		start := time.Now()
		go func() { done <- s.Serve(l, testHandler{}) }()
		c := l.dial("192.0.2.1:1")
		mustLine(t, c, "hello 192.0.2.1:1")
		require.Equal(t, (5+10+20+40+80+160+320+640+1000+1000)*time.Millisecond, time.Since(start))
		require.EqualValues(t, 10, s.Stats().AcceptErrors)
		require.NoError(t, s.Close())
		require.Equal(t, ErrServerClosed, <-done)

		// Closing interrupts the wait.
		s = &Server{Logger: slog.New(slog.DiscardHandler)}
		l = &failingListener{pipeListener: newPipeListener(), err: syscall.EMFILE}
		l.errs.Store(1 << 20)
		go func() { done <- s.Serve(l, testHandler{}) }()
		time.Sleep(time.Hour)
		require.NoError(t, s.Close())
		require.Equal(t, ErrServerClosed, <-done)

		// Other errors are the caller's.
		s = &Server{}
		l = &failingListener{pipeListener: newPipeListener(), err: io.ErrUnexpectedEOF}
		l.errs.Store(1)
		require.Equal(t, io.ErrUnexpectedEOF, s.Serve(l, testHandler{}))
	})
}

// unprepared is a handler that cannot serve.
type unprepared struct{ testHandler }

var errUnprepared = errors.New("a field is not set")

func (unprepared) Prepare() error { return errUnprepared }

// Where there is something to prepare and it fails, nothing is accepted.
func TestServerPrepare(t *testing.T) {
	s := &Server{}
	for _, serve := range []func(net.Listener, Handler) error{s.Serve, s.ServeTLS} {
		l := newPipeListener()
		require.Equal(t, errUnprepared, serve(l, unprepared{}))
		_, err := l.Accept()
		require.Equal(t, net.ErrClosed, err)
	}
	// Nor is the address looked at.
	require.Equal(t, errUnprepared, s.ListenAndServe("no address", unprepared{}))
	require.Equal(t, errUnprepared, s.ListenAndServeTLS("no address", unprepared{}))
}

func TestBindTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := pipe(t, nil)
		cause := errors.New("took too long")
		release := c.BindTimeout(t.Context(), time.Minute, cause)
		start := time.Now()
		_, err := c.ReadLine()
		require.ErrorIs(t, err, cause)
		require.Equal(t, time.Minute, time.Since(start))
		release()
		release()

		release = c.BindTimeout(t.Context(), time.Minute, cause)
		release()
		c.BindTimeout(t.Context(), 0, cause)()
		c.SetReadTimeout(time.Hour)
		_, err = c.ReadLine()
		require.True(t, isTimeout(err))
		require.Equal(t, time.Hour+time.Minute, time.Since(start))
	})
}
