package textproto

import (
	"net/netip"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
)

// A network is a client network that has connections, or has spent what has not
// come back yet.
type network struct {
	prefix netip.Prefix

	// Guarded by the Server's mu:
	conns  int // connections that hold it
	served int // of them, those that were admitted

	places *fair.Gate[party] // for commands at work; nil: it has no connections

	mu     sync.Mutex
	spent  [rateKinds]bucket
	octets bucket
}

func (n *network) spend(k RateKind, r Rate, count int, now moment) time.Duration {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.spent[k].spend(r, count, now)
}

// exceeded returns the rate of failures that the network exceeds, if any.
func (n *network) exceeded(r *Rates, now moment) (Excess, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	for _, k := range []RateKind{FailureRate, LoginRate} {
		if wait := n.spent[k].spend(r.of(k, true), 0, now); wait > 0 {
			return Excess{Kind: k, Network: n.prefix, Wait: wait, Refusal: true}, true
		}
	}
	return Excess{}, false
}

// spentNothing reports whether all that was spent has come back.
func (n *network) spentNothing(now moment) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	for k := range n.spent {
		if moment(n.spent[k]) > now {
			return false
		}
	}
	return moment(n.octets) <= now
}

// networks are the networks of a Server, guarded by its mu.
type networks struct {
	byPrefix map[netip.Prefix]*network
	sweepAt  int // how many there are when those are looked for that can be forgotten
}

// maxNetworks is how many networks without a connection are remembered.
const maxNetworks = 100_000

func (ns *networks) join(p netip.Prefix, now moment) *network {
	n := ns.byPrefix[p]
	if n == nil {
		if ns.byPrefix == nil {
			ns.byPrefix = make(map[netip.Prefix]*network)
		}
		if len(ns.byPrefix) >= max(ns.sweepAt, 1000) {
			ns.sweep(now)
		}
		n = &network{prefix: p}
		ns.byPrefix[p] = n
	}
	n.conns++
	return n
}

func (ns *networks) leave(n *network, now moment) {
	if n.conns--; n.conns > 0 {
		return
	}
	n.places = nil
	if n.spentNothing(now) {
		delete(ns.byPrefix, n.prefix)
	}
}

// sweep forgets networks, as seldom as makes its cost that of join.
func (ns *networks) sweep(now moment) {
	for p, n := range ns.byPrefix {
		if n.conns == 0 && (len(ns.byPrefix) > maxNetworks || n.spentNothing(now)) {
			delete(ns.byPrefix, p)
		}
	}
	ns.sweepAt = min(2*len(ns.byPrefix), maxNetworks+len(ns.byPrefix)/8)
}
