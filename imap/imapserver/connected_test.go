package imapserver

import (
	"context"
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto"
)

func TestWhileConnected(t *testing.T) {
	for _, tc := range []struct {
		name   string
		takes  time.Duration
		client func(nc net.Conn)
		ends   time.Duration // when f does; zero: by itself
	}{
		{"short", time.Second / 2, func(nc net.Conn) { nc.Close() }, 0},
		{"client stays", time.Hour, func(net.Conn) {}, 0},
		{"client leaves", time.Hour, func(nc net.Conn) { time.Sleep(time.Minute); nc.Close() }, time.Minute + halfClosedGrace},
		{"client has left", time.Hour, func(nc net.Conn) { nc.Close() }, watchAfter + halfClosedGrace},
		{"client waits for the answer", watchAfter + halfClosedGrace/2, func(nc net.Conn) { nc.Close() }, 0},
		{"client goes on", time.Hour, func(nc net.Conn) { nc.Write([]byte("b NOOP\r\n")); nc.Close() }, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				defer far.Close()
				conn := textproto.NewConn(near, &textproto.Options{IdleTimeout: 30 * time.Minute})
				defer conn.Close()
				c := &Conn{srv: &Server{}, tp: conn, ctx: t.Context()}
				go tc.client(far)
				begun := time.Now()
				fault := errors.New("done")
				err := c.whileConnected(func(ctx context.Context) error {
					select {
					case <-time.After(tc.takes):
						return fault
					case <-ctx.Done():
						return ctx.Err()
					}
				})
				if tc.ends == 0 {
					require.ErrorIs(t, err, fault)
					require.Equal(t, tc.takes, time.Since(begun))
					return
				}
				require.True(t, isLinkError(c.ctx, err), "%v", err)
				require.Equal(t, tc.ends, time.Since(begun))
			})
		})
	}
	// The connection is usable as before.
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		conn := textproto.NewConn(near, nil)
		defer conn.Close()
		c := &Conn{srv: &Server{}, tp: conn, ctx: t.Context()}
		require.NoError(t, c.whileConnected(func(context.Context) error { time.Sleep(time.Minute); return nil }))
		go far.Write([]byte("b NOOP\r\n"))
		require.NoError(t, c.wait())
		line, err := conn.ReadLine()
		require.NoError(t, err)
		require.Equal(t, "b NOOP", string(line))
	})
}
