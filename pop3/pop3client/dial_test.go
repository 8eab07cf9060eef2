package pop3client_test

import (
	"context"
	"errors"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/pop3/pop3client"
)

type dialerFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func (f dialerFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}

// Ports have defaults.
func TestDialAddress(t *testing.T) {
	type dial = func(context.Context, string, *pop3client.Options) (*pop3client.Client, error)
	stop := errors.New("far enough")
	for _, tc := range []struct {
		name     string
		dial     dial
		in, want string
	}{
		{"plain", pop3client.Dial, "pop.example.org", "pop.example.org:110"},
		{"STLS", pop3client.DialStartTLS, "pop.example.org", "pop.example.org:110"},
		{"TLS", pop3client.DialTLS, "pop.example.org", "pop.example.org:995"},
		{"a port", pop3client.DialTLS, "pop.example.org:1995", "pop.example.org:1995"},
		{"IPv6", pop3client.DialTLS, "2001:db8::1", "[2001:db8::1]:995"},
		{"IPv6 in brackets", pop3client.Dial, "[::1]", "[::1]:110"},
		{"IPv6 with a port", pop3client.Dial, "[::1]:1110", "[::1]:1110"},
		{"U-labels", pop3client.DialTLS, "pöst.example", "xn--pst-sna.example:995"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			var got string
			_, err := tc.dial(t.Context(), tc.in, &pop3client.Options{Dialer: dialerFunc(func(_ context.Context, _, addr string) (net.Conn, error) {
				got = addr
				return nil, stop
			})})
			require.ErrorIs(t, err, stop)
			require.Equal(t, tc.want, got)
		})
	}
}

// Timeout bounds also what comes before the greeting.
func TestDialTimeout(t *testing.T) {
	o := &pop3client.Options{Timeout: 10 * time.Millisecond}
	t.Run("connecting", func(t *testing.T) {
		o := *o
		o.Dialer = dialerFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		})
		_, err := pop3client.Dial(t.Context(), "pop.example.org", &o)
		require.ErrorIs(t, err, context.DeadlineExceeded)
	})
	t.Run("TLS handshake", func(t *testing.T) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close() // no accept, so no handshake
		_, err = pop3client.DialTLS(t.Context(), l.Addr().String(), o)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
		_, err = pop3client.Dial(t.Context(), l.Addr().String(), o)
		require.ErrorIs(t, err, os.ErrDeadlineExceeded)
	})
}
