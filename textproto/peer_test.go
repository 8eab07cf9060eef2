//go:build unix && !aix

package textproto

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// What a network has spent comes back; those that the rates are not for have spent
// nothing.
func TestNetworkSpent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		srv := &Server{IPv4Prefix: 24, Rates: Rates{NetworkLogins: Rate{N: 10, Per: 10 * time.Minute}}}
		var network string
		var spent int
		l := serve(t, srv, work(func(ctx context.Context, c *Conn) {
			network, spent = c.Network().String(), c.NetworkSpent(LoginRate)
			c.Spend(ctx, LoginRate, 3)
			c.WriteLine("done")
		}))
		for _, tc := range []struct {
			addr, network string
			spent         int
		}{
			{"192.0.2.1:1", "192.0.2.0/24", 0},
			{"192.0.2.2:1", "192.0.2.0/24", 3},
			{"198.51.100.1:1", "198.51.100.0/24", 0},
			{"127.0.0.1:1", "127.0.0.0/24", 0},
			{"127.0.0.1:2", "127.0.0.0/24", 0},
		} {
			c := l.dial(tc.addr)
			send(c, "work")
			mustLine(t, c, "done")
			mustEOF(t, c)
			require.Equal(t, tc.network, network)
			require.Equal(t, tc.spent, spent, tc.addr)
		}
		time.Sleep(4 * time.Minute)
		c := l.dial("192.0.2.1:2")
		send(c, "work")
		mustLine(t, c, "done")
		require.Equal(t, 2, spent)
		c.Close()
	})
	var c Conn // that no Server has accepted
	require.False(t, c.Network().IsValid())
	require.Zero(t, c.NetworkSpent(LoginRate))
	require.False(t, c.Ended())
}

// A client has ended when nothing that it has sent is left.
func TestEnded(t *testing.T) {
	for _, tc := range []struct {
		name, sent string
		end        func(*net.TCPConn) error
		want       bool
	}{
		{"there", "work\r\n", func(*net.TCPConn) error { return nil }, false},
		{"half-closed", "work\r\n", (*net.TCPConn).CloseWrite, true},
		{"half-closed with more to do", "work\r\nmore\r\n", (*net.TCPConn).CloseWrite, false},
		{"closed", "work\r\n", (*net.TCPConn).Close, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			began, done, got := make(chan *Conn), make(chan bool), make(chan bool, 1)
			s := &Server{}
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			end := make(chan error, 1)
			go func() {
				end <- s.Serve(l, work(func(_ context.Context, c *Conn) {
					began <- c
					<-done
					ended := c.Ended()
					for tc.want && !ended { // the FIN is on its way
						time.Sleep(time.Millisecond)
						ended = c.Ended()
					}
					got <- ended
				}))
			}()
			defer func() { require.NoError(t, s.Close()); <-end }()
			nc, err := net.Dial("tcp", l.Addr().String())
			require.NoError(t, err)
			defer nc.Close()
			nc.Write([]byte(tc.sent))
			require.Equal(t, netip.MustParsePrefix("127.0.0.1/32"), (<-began).Network())
			require.NoError(t, tc.end(nc.(*net.TCPConn)))
			close(done)
			require.Equal(t, tc.want, <-got)
		})
	}
}
