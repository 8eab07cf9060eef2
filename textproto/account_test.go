package textproto

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// Commands wait for places of their account and network; other accounts, and networks
// that the network limits are not for, have places of their own.
func TestPlaces(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var release chan struct{}
		st := &stage{}
		wait := func(name string) func(context.Context, *Conn) error {
			return func(ctx context.Context, c *Conn) error {
				st.note(name)
				<-release
				return nil
			}
		}
		st.commands = map[string]func(context.Context, *Conn) error{
			"login x": func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "x") },
			"login y": func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "y") },
			"logout":  func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "") },
			"yield": func(ctx context.Context, c *Conn) error {
				c.Yield()
				return wait("yield")(ctx, c)
			},
		}
		for i := range 8 {
			name := fmt.Sprint("wait", i)
			st.commands[name] = wait(name)
		}
		b := &Bounds{MaxCommandsPerAccount: 2}
		s := &Server{Bounds: b, MaxCommandsPerNetwork: 3, Rates: Rates{Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
		l := serve(t, s, st)
		all := make([]*Conn, 8)
		dial := func(i int, addr, login string) {
			all[i] = l.dial(addr)
			if login != "" {
				do(all[i], login)
				mustLine(t, all[i], login+" done")
			}
		}
		start := func(is ...int) {
			release = make(chan struct{})
			for _, i := range is {
				do(all[i], fmt.Sprint("wait", i))
			}
		}
		finish := func(is ...int) {
			close(release)
			synctest.Wait()
			for _, i := range is {
				mustLine(t, all[i], fmt.Sprintf("wait%d done", i))
			}
		}
		for i := range 3 {
			dial(i, "192.0.2.1:1", "login x")
		}
		dial(3, "198.51.100.1:1", "login x")
		dial(4, "192.0.2.1:1", "login y")
		dial(5, "192.0.2.1:1", "")
		dial(6, "198.51.100.1:1", "")
		dial(7, "192.0.2.2:1", "")

		start(0, 1, 2, 3, 4, 5, 6, 7)
		require.Equal(t, "wait0 wait1 wait4 wait6 wait7", st.took())
		require.EqualValues(t, 3, b.Stats().WaitingForPlace)
		require.EqualValues(t, 3, b.Stats().PlaceWaits)
		require.EqualValues(t, 2, b.Stats().Accounts)
		finish(0, 1, 4, 6, 7, 2, 3, 5)
		require.Zero(t, b.Stats().WaitingForPlace)
		st.took()

		do(all[0], "logout")
		mustLine(t, all[0], "logout done")
		start(1, 2, 0)
		require.Equal(t, "wait1 wait2 wait0", st.took())
		finish(1, 2, 0)

		// One that waits for something else has no place.
		release = make(chan struct{})
		do(all[0], "yield")
		for _, i := range []int{5, 4, 1} {
			do(all[i], fmt.Sprint("wait", i))
		}
		require.Equal(t, "yield wait5 wait4 wait1", st.took())
		finish(5, 4, 1)
		for _, c := range all {
			c.Close()
		}
		synctest.Wait()
		require.Empty(t, b.accounts)
	})
}

// A command whose client does not read or send has no place, so that commands behind
// it, which may be what the client waits for, go on.
func TestPlacesAndClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{}
		st.commands = map[string]func(context.Context, *Conn) error{
			"login": func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "x") },
			"output": func(ctx context.Context, c *Conn) error {
				c.Write(make([]byte, 100_000))
				st.note("output")
				time.Sleep(time.Hour)
				return nil
			},
			"input": func(ctx context.Context, c *Conn) error {
				_, err := c.ReadLine()
				st.note("input")
				return err
			},
			"quick": func(ctx context.Context, c *Conn) error { st.note("quick"); return nil },
		}
		b := &Bounds{MaxCommandsPerAccount: 1}
		l := serve(t, &Server{Bounds: b}, st)
		slow, other := l.dial("192.0.2.1:1"), l.dial("192.0.2.2:1")
		for _, c := range []*Conn{slow, other} {
			do(c, "login")
			mustLine(t, c, "login done")
		}
		for _, name := range []string{"input", "output"} {
			do(slow, name)
			do(other, "quick")
			mustLine(t, other, "quick done")
			require.Equal(t, "quick", st.took())
			if name == "input" {
				do(slow, "")
				mustLine(t, slow, "input done")
				require.Equal(t, "input", st.took())
			}
		}
		slow.CountedReader(100_000).Drain(100_000)
		synctest.Wait()
		do(other, "quick") // slow has its place again
		require.Equal(t, "output", st.took())
		require.EqualValues(t, 1, b.Stats().WaitingForPlace)
		mustLine(t, slow, "output done")
		mustLine(t, other, "quick done")
		slow.Close()
		other.Close()
	})
}

func TestMaxConnsPerAccount(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		st := &stage{}
		st.commands = map[string]func(context.Context, *Conn) error{
			"login": func(ctx context.Context, c *Conn) error { return c.SetAccount(ctx, "x") },
		}
		b := &Bounds{MaxConnsPerAccount: 2}
		l, l2 := serve(t, &Server{Bounds: b}, st), serve(t, &Server{Bounds: b}, st)
		one, two, three := l.dial("192.0.2.1:1"), l2.dial("192.0.2.2:1"), l.dial("192.0.2.3:1")
		for _, c := range []*Conn{one, two, one, three} {
			do(c, "login")
			mustLine(t, c, "login done")
		}
		require.Equal(t, "login: "+ErrTooManyConnsOfAccount.Error(), st.took())
		require.EqualValues(t, 1, b.Stats().AccountsRefused)
		two.Close()
		synctest.Wait()
		do(three, "login")
		mustLine(t, three, "login done")
		require.Empty(t, st.took())
		one.Close()
		three.Close()
		synctest.Wait()
		require.Zero(t, b.Stats().Accounts)
	})
}

// There are limits by default; that of a network is not for loopback and Exempt.
func TestDefaultLimits(t *testing.T) {
	s := &Server{Rates: Rates{Exempt: []netip.Prefix{netip.MustParsePrefix("198.51.100.0/24")}}}
	l := net.Listener(newPipeListener())
	require.True(t, s.track(&l))
	require.LessOrEqual(t, s.maxConns, DefaultMaxConns)
	for addr, limit := range map[string]int{"192.0.2.1": DefaultMaxConnsPerNetwork, "127.0.0.1": 0, "198.51.100.1": 0} {
		sc := &serverConn{s: s, network: &network{}}
		if !s.rates.exempts(netip.MustParseAddr(addr)) {
			sc.meter.network = sc.network
		}
		sc.network.served = DefaultMaxConnsPerNetwork
		require.Equal(t, limit > 0, s.tooManyFrom(sc), addr)
		sc.network.served--
		require.False(t, s.tooManyFrom(sc), addr)
	}
}
