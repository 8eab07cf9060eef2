package sasl

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// from is the context of a client of a network.
func from(ctx context.Context, network string) context.Context {
	return withConn(ctx, Conn{TLS: under, Network: netip.MustParsePrefix(network)})
}

const (
	netA = "192.0.2.1/32"
	netB = "192.0.2.2/32"
)

// blocking is a check that is at work until it is let go.
type blocking struct {
	mu       sync.Mutex
	order    []string // of those that began
	now, max int
	next     chan struct{} // a value lets one end
}

func (b *blocking) check(who string) func() error {
	return func() error {
		b.mu.Lock()
		b.order = append(b.order, who)
		b.now++
		b.max = max(b.max, b.now)
		b.mu.Unlock()
		<-b.next
		b.mu.Lock()
		b.now--
		b.mu.Unlock()
		return nil
	}
}

// Who comes behind many of another network waits for one of them.
func TestChecksTakeTurns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Checks{Concurrent: 1}
		b := &blocking{next: make(chan struct{})}
		var wg sync.WaitGroup
		do := func(who, network string) {
			wg.Go(func() { require.NoError(t, k.Do(from(t.Context(), network), b.check(who))) })
			synctest.Wait()
		}
		for range 20 {
			do("a", netA)
		}
		do("b", netB)
		require.Equal(t, ChecksStats{AtWork: 1, Waiting: 20, Checks: 1, Waits: 20}, k.Stats())
		for range 21 {
			b.next <- struct{}{}
		}
		wg.Wait()
		// The first was at work before the others came.
		require.Equal(t, "aab"+strings.Repeat("a", 18), strings.Join(b.order, ""))
		require.Equal(t, ChecksStats{Checks: 21, Waits: 20}, k.Stats())
	})
}

func TestChecksAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Checks{Concurrent: 3}
		b := &blocking{next: make(chan struct{})}
		var wg sync.WaitGroup
		for i := range 30 {
			network := []string{netA, netB}[i%2]
			wg.Go(func() { require.NoError(t, k.Do(from(t.Context(), network), b.check("x"))) })
		}
		for range 30 {
			synctest.Wait()
			b.next <- struct{}{}
		}
		wg.Wait()
		require.Len(t, b.order, 30)
		require.Equal(t, 3, b.max)
	})
}

// A client that goes while it waits is not checked, and its attempt has failed.
func TestChecksGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Checks{Concurrent: 1}
		b := &blocking{next: make(chan struct{})}
		var wg sync.WaitGroup
		wg.Go(func() { require.NoError(t, k.Do(t.Context(), b.check("first"))) })
		synctest.Wait()

		never := func() error { t.Error("checked"); return nil }
		gone := errors.New("gone")
		ctx, cancel := context.WithCancelCause(t.Context())
		wg.Go(func() {
			err := k.Do(ctx, never)
			require.ErrorIs(t, err, gone)
			require.True(t, IsFailure(err))
		})
		ended := false
		wg.Go(func() {
			ctx := withConn(t.Context(), Conn{Ended: func() bool { return ended }})
			require.ErrorIs(t, k.Do(ctx, never), ErrCancelled)
		})
		synctest.Wait()
		cancel(gone)
		synctest.Wait()
		require.EqualValues(t, 1, k.Stats().Waiting)
		ended = true // like a client that has hung up, or one that waits for an answer only
		b.next <- struct{}{}
		wg.Wait()
		require.ErrorIs(t, k.Do(ctx, never), gone)
		require.Equal(t, ChecksStats{Checks: 1, Waits: 2, Left: 3}, k.Stats())

		// Who needs not wait is answered though it has ended its output.
		called := false
		ctx = withConn(t.Context(), Conn{Ended: func() bool { return true }})
		require.NoError(t, k.Do(ctx, func() error { called = true; return nil }))
		require.True(t, called)
	})
}

func TestChecksFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Checks{Concurrent: 1, MaxWaiting: 3, MaxWaitingPerNetwork: 2}
		b := &blocking{next: make(chan struct{})}
		var wg sync.WaitGroup
		for _, network := range []string{netA, netA, netA, netB} {
			wg.Go(func() { require.NoError(t, k.Do(from(t.Context(), network), b.check("x"))) })
			synctest.Wait()
		}
		for _, network := range []string{netA, netB} {
			err := k.Do(from(t.Context(), network), b.check("y"))
			require.ErrorIs(t, err, ErrBusy)
			require.ErrorIs(t, err, ErrUnavailable)
			require.False(t, IsFailure(err))
		}
		require.EqualValues(t, 2, k.Stats().Refused)
		for range 4 {
			b.next <- struct{}{}
		}
		wg.Wait()
	})
}

// The delay of a network that has failed often comes before the work.
func TestChecksDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &Checks{}
		for _, tc := range []struct {
			failures int
			want     time.Duration
		}{
			{0, 0}, {19, 0}, {20, time.Second}, {39, time.Second}, {40, 2 * time.Second}, {79, 2 * time.Second},
			{80, 4 * time.Second}, {160, 8 * time.Second}, {1 << 40, 8 * time.Second},
		} {
			began := time.Now()
			var waited time.Duration
			ctx := withConn(t.Context(), Conn{NetworkFailures: tc.failures})
			require.NoError(t, k.Do(ctx, func() error { waited = time.Since(began); return nil }))
			require.Equal(t, tc.want, waited, tc.failures)
		}
		ctx, cancel := context.WithCancel(withConn(t.Context(), Conn{NetworkFailures: 20}))
		go func() {
			synctest.Wait()
			require.EqualValues(t, 1, k.Stats().Delayed)
			cancel()
		}()
		require.ErrorIs(t, k.Do(ctx, func() error { t.Error("checked"); return nil }), ErrCancelled)
		require.EqualValues(t, 0, k.Stats().Delayed)
		k = &Checks{FreeFailures: -1}
		began := time.Now()
		require.NoError(t, k.Do(withConn(t.Context(), Conn{NetworkFailures: 1000}), func() error { return nil }))
		require.Zero(t, time.Since(began))
	})
}

// A check that panics gives its place back.
func TestChecksPanic(t *testing.T) {
	k := &Checks{Concurrent: 1}
	require.Panics(t, func() { k.Do(t.Context(), func() error { panic("x") }) })
	require.EqualValues(t, 0, k.Stats().AtWork)
}

// A server that does not tell the network has one all the same.
func TestConnNetwork(t *testing.T) {
	for want, c := range map[string]Conn{
		"invalid Prefix":    {},
		"192.0.2.1/32":      {RemoteAddr: &net.TCPAddr{IP: net.ParseIP("::ffff:192.0.2.1"), Port: 1}},
		"2001:db8:1:2::/64": {RemoteAddr: &net.TCPAddr{IP: net.ParseIP("2001:db8:1:2:3::4"), Port: 1}},
		"198.51.100.0/24":   {RemoteAddr: &net.TCPAddr{}, Network: netip.MustParsePrefix("198.51.100.0/24")},
	} {
		require.Equal(t, want, c.network().String())
	}
	require.False(t, Conn{RemoteAddr: &net.UnixAddr{}}.network().IsValid())
}
