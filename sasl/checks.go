package sasl

import (
	"context"
	"fmt"
	"math/bits"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// Defaults of Checks.
const (
	DefaultMaxWaiting           = 10_000
	DefaultMaxWaitingPerNetwork = 500
	DefaultFreeFailures         = 20
)

// maxCheckDelay is the longest delay of a check; see Checks.FreeFailures.
const maxCheckDelay = 8 * time.Second

// Checks bounds the checks of passwords, which are made to cost much, so that those
// who log in leave the processors to those who have. Checks beyond Concurrent wait,
// and have their turns one of each client network in a round. What is known of the
// client comes from the context (ConnFromContext).
//
// Users has one. Other Authenticators that hash passwords use Do; those that ask
// another server need none. The zero value has the defaults, which no honest client
// meets. The fields must not be changed once it is in use.
type Checks struct {
	// Concurrent is how many checks are at work at the same time. Zero: half of
	// GOMAXPROCS, at least one; negative: no limit.
	Concurrent int

	// MaxWaiting is how many checks wait, MaxWaitingPerNetwork how many of one
	// client network. Others are refused with ErrBusy. Zero: DefaultMaxWaiting and
	// DefaultMaxWaitingPerNetwork; negative: no limit.
	MaxWaiting, MaxWaitingPerNetwork int

	// FreeFailures is how many attempts of a network may have failed
	// (Conn.NetworkFailures) before its checks are delayed: by a second, and twice
	// as long each time that the number has doubled, up to 8 seconds. Zero:
	// DefaultFreeFailures; negative: no delay.
	FreeFailures int

	once sync.Once
	gate fair.Gate[netip.Prefix]
	n    struct{ delayed, checks, waits, refused, left atomic.Int64 }
}

// ChecksStats are the counters of Checks, and what is in use now.
type ChecksStats struct {
	AtWork, Waiting, Delayed int64 // now
	Checks, Waits            int64 // made; how many had to wait for a turn
	Refused                  int64 // with ErrBusy
	Left                     int64 // not made, as the client had gone
}

// Stats returns the current counters. It is cheap and may be called at any time.
func (k *Checks) Stats() ChecksStats {
	in, waiting := k.gate.Len()
	return ChecksStats{
		AtWork: int64(in), Waiting: int64(waiting), Delayed: k.n.delayed.Load(),
		Checks: k.n.checks.Load(), Waits: k.n.waits.Load(), Refused: k.n.refused.Load(), Left: k.n.left.Load(),
	}
}

func (k *Checks) setup() {
	k.once.Do(func() {
		k.Concurrent = orDefault(k.Concurrent, max(1, runtime.GOMAXPROCS(0)/2))
		k.MaxWaiting = orDefault(k.MaxWaiting, DefaultMaxWaiting)
		k.MaxWaitingPerNetwork = orDefault(k.MaxWaitingPerNetwork, DefaultMaxWaitingPerNetwork)
		k.FreeFailures = orDefault(k.FreeFailures, DefaultFreeFailures)
		k.gate.Size = k.Concurrent
		k.gate.MaxWaiting, k.gate.MaxWaitingPerKey = k.MaxWaiting, k.MaxWaitingPerNetwork
	})
}

// orDefault returns the limit that n stands for, zero for none.
func orDefault(n, def int) int {
	if n == 0 {
		return def
	}
	return max(n, 0)
}

// Do calls check in its turn and returns its error. If it can't wait the error is
// ErrBusy. If the client goes, or ends its output, while it waits, check is not
// called and the error is ErrCancelled: it counts as a failed attempt.
func (k *Checks) Do(ctx context.Context, check func() error) error {
	k.setup()
	c, _ := ConnFromContext(ctx)
	network := c.network()
	delay := k.delay(c.NetworkFailures)
	if delay > 0 {
		k.sleep(ctx, delay)
	}
	waited := delay > 0
	if !k.gate.TryEnter(network) {
		waited = true
		k.n.waits.Add(1)
		switch err := k.gate.Enter(ctx, network); {
		case err == fair.ErrFull:
			k.n.refused.Add(1)
			return ErrBusy
		case err != nil:
			return k.gone(ctx)
		}
	}
	defer k.gate.Leave(network)
	if ctx.Err() != nil || waited && c.Ended != nil && c.Ended() {
		return k.gone(ctx)
	}
	k.n.checks.Add(1)
	return check()
}

// full reports whether as many wait as may, of the client's network.
func (k *Checks) full(network netip.Prefix) bool {
	k.setup()
	if k.MaxWaitingPerNetwork == 0 || k.gate.WaitingOf(network) < k.MaxWaitingPerNetwork {
		return false
	}
	k.n.refused.Add(1)
	return true
}

// gone is the error of a check that is not made because its client has gone.
func (k *Checks) gone(ctx context.Context) error {
	k.n.left.Add(1)
	if err := context.Cause(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrCancelled, err)
	}
	return fmt.Errorf("%w: the client has ended its output", ErrCancelled)
}

// delay is how long a check waits because of what its network has done.
func (k *Checks) delay(failures int) time.Duration {
	if k.FreeFailures == 0 || failures < k.FreeFailures {
		return 0
	}
	return min(time.Second<<min(bits.Len(uint(failures/k.FreeFailures))-1, 10), maxCheckDelay)
}

func (k *Checks) sleep(ctx context.Context, d time.Duration) {
	k.n.delayed.Add(1)
	defer k.n.delayed.Add(-1)
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// network returns the client's network, invalid if it has none.
func (c Conn) network() netip.Prefix {
	if c.Network.IsValid() || c.RemoteAddr == nil {
		return c.Network
	}
	var ip netip.Addr
	if t, ok := c.RemoteAddr.(*net.TCPAddr); ok {
		ip = t.AddrPort().Addr()
	} else if ap, err := netip.ParseAddrPort(c.RemoteAddr.String()); err == nil {
		ip = ap.Addr()
	}
	ip = ip.Unmap().WithZone("")
	p, _ := ip.Prefix(min(ip.BitLen(), 64))
	return p
}
