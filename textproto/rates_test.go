package textproto

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// spender spends one of a kind for each line, of which the name is the kind.
type spender struct{}

func (spender) ServeConn(ctx context.Context, c *Conn) {
	for c.Wait() == nil {
		line, err := c.ReadLine()
		if err != nil {
			c.WriteLine("error: " + err.Error())
			return
		}
		k := map[string]RateKind{"command": CommandRate, "failure": FailureRate, "login": LoginRate}[string(line)]
		if err := c.Spend(ctx, k, 1); err != nil {
			c.WriteLine("closed: " + err.Error())
			return
		}
		c.WriteLine("ok")
		c.Flush()
	}
}

func (spender) Refuse(c *Conn, reason error) { c.WriteLine("refused: " + reason.Error()) }

// Commands beyond the rate wait; what was spent comes back evenly.
func TestRateOfCommands(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Rates: Rates{Commands: Rate{N: 10, Per: 10 * time.Second}}}
		c := serve(t, s, spender{}).dial("192.0.2.1:1")
		begun := time.Now()
		for i := range 30 {
			send(c, "command")
			mustLine(t, c, "ok")
			require.Equal(t, time.Duration(max(0, i+1-10))*time.Second, time.Since(begun), "command %d", i)
		}
		time.Sleep(time.Minute)
		begun = time.Now()
		for range 10 {
			send(c, "command")
			mustLine(t, c, "ok")
		}
		require.Zero(t, time.Since(begun))
		require.EqualValues(t, 20, s.Stats().Excesses)
		c.Close()
	})
}

// Failures end the connection; the network shares what its connections spend, and
// is refused until that has come back.
func TestRateOfFailures(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Server{Rates: Rates{
			Failures:        Rate{N: 3, Per: time.Minute},
			NetworkFailures: Rate{N: 5, Per: time.Hour},
			NetworkLogins:   Rate{N: 2, Per: time.Hour},
			Exempt:          []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")},
		}}
		l := serve(t, s, spender{})
		fail := func(c *Conn, what string, n int) {
			for range n {
				send(c, what)
				mustLine(t, c, "ok")
			}
		}
		refused := func(addr string) {
			t.Helper()
			c := l.dial(addr)
			mustLine(t, c, "refused: textproto: too many failures")
			mustEOF(t, c)
		}
		c := l.dial("192.0.2.1:1")
		fail(c, "failure", 3)
		send(c, "failure")
		mustLine(t, c, "closed: textproto: too many failures")
		mustEOF(t, c)

		c = l.dial("192.0.2.1:2")
		fail(c, "failure", 1)
		send(c, "failure")
		mustLine(t, c, "closed: textproto: too many failures")
		mustEOF(t, c)
		refused("192.0.2.1:3")
		other := l.dial("192.0.2.2:1")
		fail(other, "failure", 1)
		fail(other, "login", 2)
		send(other, "login")
		mustLine(t, other, "closed: textproto: too many failures")
		mustEOF(t, other)
		refused("192.0.2.2:2")
		st := s.Stats()
		require.Equal(t, []int64{5, 3, 2, 2, 2}, []int64{st.Excesses, st.ExcessFailures, st.ExcessLogins, st.Refused, st.RefusedRate})

		time.Sleep(30 * time.Minute)
		c = l.dial("192.0.2.1:4")
		fail(c, "failure", 1)
		c.Close()

		// Whoever speaks for others is known by its own connections only.
		for _, addr := range []string{"127.0.0.1:1", "198.51.100.7:1"} {
			for i := range 4 {
				c := l.dial(fmt.Sprintf("%s%d", addr, i))
				fail(c, "failure", 3)
				fail(c, "login", 3)
				c.Close()
			}
		}
	})
}

// A policy of the user's decides instead.
func TestOnExcess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var got []string
		s := &Server{
			Rates: Rates{Commands: Rate{N: 1, Per: time.Hour}, NetworkFailures: Rate{N: 1, Per: time.Hour}},
			OnExcess: func(ctx context.Context, x Excess) error {
				got = append(got, fmt.Sprintf("%v of %v %v %v %v", x.Kind, x.Conn.RemoteAddr(), x.Network, x.Wait, x.Refusal))
				if x.Refusal {
					return errors.New("banned")
				}
				return nil
			},
		}
		l := serve(t, s, spender{})
		c := l.dial("192.0.2.1:1")
		for _, what := range []string{"command", "command", "failure", "failure"} {
			send(c, what)
			mustLine(t, c, "ok")
		}
		c.Close()
		c = l.dial("192.0.2.1:2")
		mustLine(t, c, "refused: banned")
		mustEOF(t, c)
		require.Equal(t, []string{
			"commands of 192.0.2.1:1 invalid Prefix 1h0m0s false",
			"failed commands of 192.0.2.1:1 192.0.2.1/32 1h0m0s false",
			"failed commands of 192.0.2.1:2 192.0.2.1/32 1h0m0s true",
		}, got)
	})
}

// What was spent is not owed for ever, and a negative rate is none.
func TestBucket(t *testing.T) {
	now := moment(0)
	var b bucket
	for range 1000 {
		b.spend(Rate{N: 10, Per: time.Minute}, 1, now)
	}
	require.Equal(t, time.Minute, b.spend(Rate{N: 10, Per: time.Minute}, 0, now))
	require.Zero(t, b.spend(Rate{N: -1}, 1000, now))
	require.Negative(t, b.spend(Rate{N: 10, Per: time.Minute}, 0, now+2*time.Minute))
}

// Networks that have spent something are remembered, but not without bound.
func TestNetworksBounded(t *testing.T) {
	var ns networks
	now := moment(0)
	addr := netip.MustParseAddr("2001:db8::")
	for i := range 3 * maxNetworks {
		b := addr.As16()
		b[4], b[5], b[6], b[7] = byte(i>>24), byte(i>>16), byte(i>>8), byte(i)
		n := ns.join(netip.PrefixFrom(netip.AddrFrom16(b), 64), now)
		n.spend(FailureRate, Rate{N: 10, Per: time.Hour}, 1, now)
		ns.leave(n, now)
		require.LessOrEqual(t, len(ns.byPrefix), maxNetworks+maxNetworks/8+1)
	}
	held := ns.join(netip.MustParsePrefix("192.0.2.1/32"), now)
	later := now + 2*time.Hour
	ns.sweep(later)
	require.Len(t, ns.byPrefix, 1)
	ns.leave(held, later)
	require.Empty(t, ns.byPrefix)
}

// A client that sends too few octets while the server waits for them is timed
// out, however regularly it sends. Between commands it may take its time.
func TestRateOfInput(t *testing.T) {
	for _, tc := range []struct {
		name  string
		every time.Duration
		octet int // each time
		fails bool
	}{
		{"5 octets a second", time.Second, 5, true},
		{"an octet in 10 seconds", 10 * time.Second, 1, true},
		{"120 octets a second", time.Second, 120, false},
		{"pauses", 50 * time.Second, 8000, false},
		{"a long pause", 170 * time.Second, 50_000, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := make(chan error, 1)
				h := work(func(_ context.Context, c *Conn) {
					_, err := c.CountedReader(100_000).WriteTo(discard{})
					got <- err
				})
				s := &Server{}
				c := serve(t, s, h).dial("192.0.2.1:1")
				defer c.Close()
				time.Sleep(time.Hour) // as long as IdleTimeout allows
				send(c, "work")
				for n := 0; n < 100_000; {
					select {
					case err := <-got:
						require.True(t, tc.fails, "%v", err)
						require.ErrorIs(t, err, ErrTooSlow)
						require.ErrorIs(t, err, os.ErrDeadlineExceeded)
						require.EqualValues(t, 1, s.Stats().TooSlow)
						return
					case <-time.After(tc.every):
						m := min(tc.octet, 100_000-n)
						c.Write(make([]byte, m))
						c.Flush()
						n += m
					}
				}
				require.False(t, tc.fails)
				require.Zero(t, s.Stats().TooSlow)
				require.NoError(t, <-got)
			})
		})
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

func TestLoginTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		got := make(chan error, 2)
		h := work(func(_ context.Context, c *Conn) {
			if c.RemoteAddr().String() == "192.0.2.2:1" {
				c.LoggedIn()
				c.LoggedIn()
			}
			got <- c.Wait()
		})
		s := &Server{LoginTimeout: time.Minute, IdleTimeout: time.Hour}
		l := serve(t, s, h)
		begun := time.Now()
		c := l.dial("192.0.2.1:1")
		send(c, "work")
		require.ErrorIs(t, <-got, ErrLoginTimeout)
		require.Equal(t, time.Minute, time.Since(begun))
		c.Close()
		c = l.dial("192.0.2.2:1")
		send(c, "work")
		var timeout *TimeoutError
		require.ErrorAs(t, <-got, &timeout)
		c.Close()
		require.EqualValues(t, 1, s.Stats().LoginTimeouts)
	})
}
