package testutil

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve serves on a loopback address until the test ends.
func Serve(t testing.TB, srv interface {
	Serve(net.Listener) error
	Close() error
}) (addr string) {
	t.Helper()
	return serve(t, loopback(t), srv.Serve, srv.Close)
}

// ServeTLS is Serve with TLS from the first octet.
func ServeTLS(t testing.TB, srv interface {
	ServeTLS(net.Listener) error
	Close() error
}) (addr string) {
	t.Helper()
	return serve(t, loopback(t), srv.ServeTLS, srv.Close)
}

func loopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	return l
}

func serve(t testing.TB, l net.Listener, serve func(net.Listener) error, close func() error) (addr string) {
	t.Helper()
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	t.Cleanup(func() {
		if err := close(); err != nil {
			t.Error(err)
		}
		if err := <-done; err == nil || !strings.HasSuffix(err.Error(), "server closed") { // textproto.ErrServerClosed
			t.Errorf("Serve returned %v", err)
		}
	})
	return l.Addr().String()
}

// A Dialer always connects to its address.
type Dialer string

// DialContext connects to d.
func (d Dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, string(d))
}

// A PipeListener is a listener without a network, for tests with the fake time of
// testing/synctest.
type PipeListener struct {
	conns chan net.Conn
	once  sync.Once
	done  chan struct{}
}

// NewPipeListener makes a listener.
func NewPipeListener() *PipeListener {
	return &PipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
}

// Dial makes a connection, and waits until it is accepted.
func (l *PipeListener) Dial() net.Conn {
	client, server := net.Pipe()
	l.Connect(server)
	return client
}

// Connect hands the server's end of a connection to Accept. It is closed if the
// listener is.
func (l *PipeListener) Connect(server net.Conn) {
	select {
	case l.conns <- server:
	case <-l.done:
		server.Close()
	}
}

// Accept waits for a connection.
func (l *PipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}

// Close ends Accept.
func (l *PipeListener) Close() error {
	l.once.Do(func() { close(l.done) })
	return nil
}

// Addr returns the zero address.
func (l *PipeListener) Addr() net.Addr { return &net.TCPAddr{} }
