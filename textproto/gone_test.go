//go:build unix && !aix

package textproto

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// A command at work hears that its client has gone, whatever the client left
// unread and however it went.
func TestPeerGone(t *testing.T) {
	server, client := testutil.TLS(t, "localhost")
	reset := func(nc net.Conn) {
		if tc, ok := nc.(*tls.Conn); ok {
			nc = tc.NetConn()
		}
		nc.(*net.TCPConn).SetLinger(0)
		nc.Close()
	}
	for _, tc := range []struct {
		name string
		tls  bool
		sent string
		go_  func(net.Conn)
	}{
		{"reset", false, "work\r\n", reset},
		{"reset with commands unread", false, "work\r\nmore\r\n", reset},
		{"closed", false, "work\r\n", func(nc net.Conn) { nc.Close() }},
		{"killed under TLS", true, "work\r\n", reset},
		{"closed under TLS", true, "work\r\n", func(nc net.Conn) { nc.Close() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			began, heard := make(chan struct{}), make(chan error, 1)
			s := &Server{TLSConfig: server}
			l, err := net.Listen("tcp", "localhost:0")
			require.NoError(t, err)
			h := work(func(ctx context.Context, c *Conn) {
				close(began)
				<-ctx.Done()
				heard <- context.Cause(ctx)
			})
			done := make(chan error, 1)
			if tc.tls {
				go func() { done <- s.ServeTLS(l, h) }()
			} else {
				go func() { done <- s.Serve(l, h) }()
			}
			defer func() { require.NoError(t, s.Close()); <-done }()
			nc, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			if tc.tls {
				nc = tls.Client(nc, client)
			}
			_, err = io.WriteString(nc, tc.sent)
			require.NoError(t, err)
			<-began
			tc.go_(nc)
			require.Equal(t, ErrPeerGone, <-heard)
			require.EqualValues(t, 1, s.Stats().Gone)
		})
	}
}

// A client that has ended its output may wait for the reply: what it sent ahead
// is carried out, and no output that it takes is cut short.
func TestPeerHalfClosed(t *testing.T) {
	server, client := testutil.TLS(t, "localhost")
	for _, tc := range []struct {
		name string
		tls  bool
		sent string
		does func(c *Conn) // between two looks
		over bool
	}{
		{"waits", false, "work\r\n", func(*Conn) {}, true},
		{"has sent a command ahead", false, "work\r\nquit\r\n", func(*Conn) {}, false},
		{"whose command was read", false, "work\r\nquit\r\n", func(c *Conn) { c.ReadLine() }, true},
		{"has sent a body ahead", false, "work\r\nbody\r\n.\r\nquit\r\n", func(c *Conn) { io.ReadAll(c.DotReader(Strict)) }, false},
		{"whose body was read", false, "work\r\nbody\r\n.\r\n", func(c *Conn) { io.ReadAll(c.DotReader(Strict)) }, true},
		{"whose octets were read", false, "work\r\nbody", func(c *Conn) { io.ReadAll(c.CountedReader(4)) }, true},
		{"whose commands were read ahead", false, "work\r\nquit\r\n", func(c *Conn) { c.ReadLine(); c.SetAhead(true) }, false},
		{"takes output", false, "work\r\n", func(c *Conn) { c.WriteLine("more"); c.Flush() }, false},
		{"waits under TLS", true, "work\r\n", func(*Conn) {}, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := &Server{TLSConfig: server}
			l, err := net.Listen("tcp", "localhost:0")
			require.NoError(t, err)
			over := make(chan bool, 1)
			h := work(func(_ context.Context, c *Conn) {
				theirs := &c.served.watch
				theirs.end() // the test looks itself
				w := new(watch)
				w.work.Store(1)
				looks := func() bool { w.ahead.Store(theirs.ahead.Load()); return w.over(c) }
				ahead := theirs.ahead.Load()
				for c.look() != peerHalf {
					time.Sleep(time.Millisecond)
				}
				require.False(t, looks(), "within the grace")
				tc.does(c)
				if ahead != theirs.ahead.Load() {
					looks() // the grace begins when nothing is left
				}
				w.half = uint8(HalfClosedGrace / WatchInterval)
				over <- looks()
			})
			done := make(chan error, 1)
			if tc.tls {
				go func() { done <- s.ServeTLS(l, h) }()
			} else {
				go func() { done <- s.Serve(l, h) }()
			}
			defer func() { require.NoError(t, s.Close()); <-done }()
			nc, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer nc.Close()
			half := nc.(interface{ CloseWrite() error })
			if tc.tls {
				nc = tls.Client(nc, client)
			}
			_, err = io.WriteString(nc, tc.sent)
			require.NoError(t, err)
			if tc.tls {
				require.NoError(t, nc.(*tls.Conn).CloseWrite())
			}
			require.NoError(t, half.CloseWrite())
			require.Equal(t, tc.over, <-over)
		})
	}
}

// A connection is not looked at while the client is to speak.
func TestPeerWatchRests(t *testing.T) {
	s := &Server{}
	l, err := net.Listen("tcp", "localhost:0")
	require.NoError(t, err)
	states := make(chan bool, 8)
	s.ConnState = func(c *Conn, st ConnState) {
		if st == StateIdle {
			states <- c.served.watch.atWork()
		}
	}
	h := work(func(_ context.Context, c *Conn) {
		states <- c.served.watch.atWork()
		c.Wait()
	})
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, h) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	_, err = io.WriteString(nc, "work\r\n")
	require.NoError(t, err)
	require.NoError(t, err)
	require.Equal(t, []bool{false, true, false}, []bool{<-states, <-states, <-states})
	nc.Close()
	require.NoError(t, s.Close())
	require.Equal(t, ErrServerClosed, <-done)
}
