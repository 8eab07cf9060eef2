package textproto

import (
	"context"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Octets beyond the rate wait, those of a network and those of an account together,
// whichever way they go. Others do not wait for them.
func TestRateOfOctets(t *testing.T) {
	const mega = 1 << 20
	for _, tc := range []struct {
		name    string
		addrs   [2]string
		logins  [2]string
		rates   Rates
		account Rate
		delay   bool
	}{
		{name: "network", addrs: [2]string{"192.0.2.1:1", "192.0.2.1:2"}, rates: Rates{NetworkOctets: Rate{mega, 10 * time.Second}}, delay: true},
		{name: "two networks", addrs: [2]string{"192.0.2.1:1", "192.0.2.2:2"}, rates: Rates{NetworkOctets: Rate{3 * mega, 10 * time.Second}}},
		{name: "exempt", addrs: [2]string{"192.0.2.1:1", "192.0.2.1:2"}, rates: Rates{NetworkOctets: Rate{mega, 10 * time.Second}, Exempt: []netip.Prefix{netip.MustParsePrefix("192.0.2.0/24")}}},
		{name: "account", addrs: [2]string{"192.0.2.1:1", "192.0.2.2:2"}, logins: [2]string{"x", "x"}, account: Rate{mega, 10 * time.Second}, delay: true},
		{name: "two accounts", addrs: [2]string{"192.0.2.1:1", "192.0.2.2:2"}, logins: [2]string{"x", "y"}, account: Rate{3 * mega, 10 * time.Second}},
		{name: "exempt account", addrs: [2]string{"127.0.0.1:1", "127.0.0.1:2"}, logins: [2]string{"x", "x"}, account: Rate{mega, 10 * time.Second}},
		{name: "no limit", addrs: [2]string{"192.0.2.1:1", "192.0.2.1:2"}, logins: [2]string{"x", "x"}, account: Rate{N: -1}},
		{name: "defaults", addrs: [2]string{"192.0.2.1:1", "192.0.2.1:2"}, logins: [2]string{"x", "x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				st := &stage{}
				st.commands = map[string]func(context.Context, *Conn) error{
					"x":     func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "x") },
					"y":     func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "y") },
					"get":   func(ctx context.Context, c *Conn) error { _, err := c.Write(make([]byte, 2*mega)); return err },
					"put":   func(ctx context.Context, c *Conn) error { return c.CountedReader(2 * mega).Drain(2 * mega) },
					"quick": func(ctx context.Context, c *Conn) error { return nil },
				}
				b := &Bounds{OctetsPerAccount: tc.account}
				s := &Server{Rates: tc.rates, Bounds: b}
				l := serve(t, s, st)
				var conns []*Conn
				for i, addr := range tc.addrs {
					c := l.dial(addr)
					conns = append(conns, c)
					if tc.logins[i] != "" {
						do(c, tc.logins[i])
						mustLine(t, c, tc.logins[i]+" done")
					}
				}
				begun := time.Now()
				do(conns[0], "get")
				require.NoError(t, conns[0].CountedReader(2*mega).Drain(2*mega))
				mustLine(t, conns[0], "get done")
				first := time.Since(begun)
				conns[1].WriteLine("put")
				conns[1].Write(make([]byte, 2*mega))
				conns[1].Flush()
				mustLine(t, conns[1], "put done")
				if tc.delay {
					require.Equal(t, 10*time.Second, first.Truncate(time.Millisecond))
					require.Equal(t, 30*time.Second, time.Since(begun).Truncate(time.Millisecond))
					require.Positive(t, s.Stats().OctetWaits)
				} else {
					require.Zero(t, time.Since(begun))
					require.Zero(t, s.Stats().OctetWaits)
				}
				do(conns[1], "quick") // what is little is not delayed
				mustLine(t, conns[1], "quick done")
				for _, c := range conns {
					c.Close()
				}
			})
		})
	}
}

// The end of the connection ends the delay.
func TestRateOfOctetsEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{commands: map[string]func(context.Context, *Conn) error{
			"get": func(ctx context.Context, c *Conn) error { _, err := c.Write(make([]byte, 1<<20)); return err },
		}}
		s := &Server{Rates: Rates{NetworkOctets: Rate{1 << 16, time.Hour}}}
		l := serve(t, s, st)
		c := l.dial("192.0.2.1:1")
		do(c, "get")
		require.NoError(t, c.CountedReader(1<<18).Drain(1<<18))
		synctest.Wait()
		require.EqualValues(t, 1, s.Stats().OctetWaits)
		begun := time.Now()
		require.NoError(t, s.Close())
		require.Zero(t, time.Since(begun))
		c.Close()
	})
}
