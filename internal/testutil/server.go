package testutil

import (
	"context"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Serve serves on a loopback address until the test ends.
func Serve(t testing.TB, srv interface {
	Serve(net.Listener) error
	Close() error
}) (addr string) {
	t.Helper()
	return serve(t, srv.Serve, srv.Close)
}

// ServeTLS is Serve with TLS from the first octet.
func ServeTLS(t testing.TB, srv interface {
	ServeTLS(net.Listener) error
	Close() error
}) (addr string) {
	t.Helper()
	return serve(t, srv.ServeTLS, srv.Close)
}

func serve(t testing.TB, serve func(net.Listener) error, close func() error) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- serve(l) }()
	t.Cleanup(func() {
		if err := close(); err != nil {
			t.Error(err)
		}
		<-done
	})
	return l.Addr().String()
}

// A Dialer connects to its address, whatever is asked for.
type Dialer string

// DialContext connects to d.
func (d Dialer) DialContext(ctx context.Context, network, _ string) (net.Conn, error) {
	return (&net.Dialer{}).DialContext(ctx, network, string(d))
}
