package textproto

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

func TestServerTLS(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	s := &Server{TLSConfig: server, MaxConns: 2, HandshakeTimeout: 200 * time.Millisecond}
	require.Error(t, new(Server).ServeTLS(newPipeListener(), testHandler{}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, testHandler{}) }()
	dial := func() *Conn {
		nc, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		return NewConn(nc, nil)
	}
	a, silent := dial(), dial()
	require.NoError(t, a.StartTLSClient(t.Context(), client))
	mustLine(t, a, "hello "+a.LocalAddr().String())
	// Refused under TLS too, so that the client can read why.
	x := dial()
	require.NoError(t, x.StartTLSClient(t.Context(), client))
	mustLine(t, x, "refused: "+ErrTooManyConns.Error())
	mustEOF(t, x)
	// A client that does not shake hands is gone in time.
	_, err = silent.ReadLine()
	require.Error(t, err)
	silent.Close()
	go s.Shutdown(t.Context())
	mustLine(t, a, "bye: "+ErrServerClosed.Error())
	mustEOF(t, a)
	require.Equal(t, ErrServerClosed, <-done)
	require.NoError(t, s.Close())
	require.EqualValues(t, 1, s.Stats().HandshakeErrors)
}

// A listener may bring its own TLS.
func TestServerTLSListener(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	s := &Server{}
	l, err := tls.Listen("tcp", "127.0.0.1:0", server)
	require.NoError(t, err)
	done := make(chan error, 1)
	states := make(chan *tls.ConnectionState, 1)
	go func() { done <- s.Serve(l, tlsHandler{states}) }()
	nc, err := tls.Dial("tcp", l.Addr().String(), client)
	require.NoError(t, err)
	c := NewConn(nc, nil)
	require.True(t, c.TLS().HandshakeComplete)
	mustEOF(t, c)
	require.True(t, (<-states).HandshakeComplete)
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, <-done)
}

type tlsHandler struct{ states chan *tls.ConnectionState }

func (h tlsHandler) ServeConn(ctx context.Context, c *Conn) { h.states <- c.TLS() }
func (tlsHandler) Refuse(*Conn, error)                      {}

// The last reply is read even when the client had sent more than was read.
func TestServerLinger(t *testing.T) {
	testutil.NoLeaks(t)
	s := &Server{MaxLine: 100}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, testHandler{}) }()
	for range 20 {
		nc, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		c := NewConn(nc, nil)
		mustLine(t, c, "hello "+c.LocalAddr().String())
		c.WriteLine(string(bytes.Repeat([]byte("x"), 200)))
		c.Write(bytes.Repeat([]byte("more\r\n"), 20_000))
		require.NoError(t, c.Flush())
		mustLine(t, c, "bad: "+ErrLineTooLong.Error())
		mustEOF(t, c)
	}
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, <-done)
}

// A proxy's header comes before the TLS handshake, perhaps in one piece with it.
func TestServerProxyTLS(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	s := &Server{TLSConfig: server, ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, testHandler{}) }()
	for _, header := range []string{"PROXY TCP4 192.0.2.1 198.51.100.2 8080 25\r\n", proxyV2(0x21, 0x11, v4addrs)} {
		nc, err := net.Dial("tcp", l.Addr().String())
		require.NoError(t, err)
		c := NewConn(&prefixed{Conn: nc, prefix: header}, nil)
		require.NoError(t, c.StartTLSClient(t.Context(), client))
		mustLine(t, c, "hello 192.0.2.1:8080")
		send(c, "quit")
		mustEOF(t, c)
	}
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, <-done)
}

// prefixed sends a prefix with its first write.
type prefixed struct {
	net.Conn
	prefix string
}

func (p *prefixed) Write(b []byte) (int, error) {
	if p.prefix != "" {
		whole := append([]byte(p.prefix), b...)
		p.prefix = ""
		_, err := p.Conn.Write(whole)
		return len(b), err
	}
	return p.Conn.Write(b)
}

// A session over TLS is woken while it waits, and goes on.
func TestServerWake(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	conns := make(chan *Conn, 1)
	s := &Server{TLSConfig: server}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- s.ServeTLS(l, wakeHandler{conns}) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c := NewConn(nc, nil)
	require.NoError(t, c.StartTLSClient(t.Context(), client))
	sc := <-conns
	for range 100 {
		sc.Wake()
		mustLine(t, c, "* news")
		send(c, "noop")
		mustLine(t, c, "noop")
	}
	c.Close()
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, <-done)
}

type wakeHandler struct{ conns chan *Conn }

func (h wakeHandler) ServeConn(ctx context.Context, c *Conn) {
	c.SetAutoFlush(true)
	h.conns <- c
	for {
		switch err := c.Wait(); err {
		case ErrWoken:
			c.WriteLine("* news")
		case nil:
			line, err := c.ReadLine()
			if err != nil {
				return
			}
			c.WriteLineBytes(line)
		default:
			return
		}
	}
}
func (wakeHandler) Refuse(*Conn, error) {}
