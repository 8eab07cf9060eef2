package textproto

import (
	"net/netip"
	"time"
)

// Network returns the network of the client of a Server's connection, as
// Server.IPv4Prefix and IPv6Prefix make it. It is invalid if there is none.
func (c *Conn) Network() netip.Prefix {
	if sc := c.served; sc != nil && sc.network != nil {
		return sc.network.prefix
	}
	return netip.Prefix{}
}

// NetworkSpent returns how many of a kind the client's network has spent (Spend) that
// have not come back yet. It is zero for networks that the rate is not for.
func (c *Conn) NetworkSpent(k RateKind) int {
	sc := c.served
	if sc == nil || sc.meter.network == nil {
		return 0
	}
	return sc.meter.network.outstanding(k, sc.s.rates.of(k, true), sc.s.now())
}

func (n *network) outstanding(k RateKind, r Rate, now moment) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if r.N <= 0 {
		return 0
	}
	one := max(r.Per/time.Duration(r.N), 1)
	return int((max(moment(n.spent[k])-now, 0) + one - 1) / one)
}

// Ended reports whether the client has gone or has ended its output, and has sent
// nothing that was not read. It asks the operating system, and is for the connection's
// goroutine. Where that can't be asked it is false.
func (c *Conn) Ended() bool {
	sc := c.served
	if sc == nil || sc.watch.blind || sc.watch.ahead.Load() {
		return false
	}
	state := c.look()
	return state == peerHalf || state == peerGone
}
