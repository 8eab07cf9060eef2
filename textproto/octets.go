package textproto

import "time"

// octetStep is what octets are counted in for the rates.
const octetStep = 64 << 10

// pass counts n octets that were read or written, and waits for as long as the rates
// demand: Rates.NetworkOctets and Bounds.OctetsPerAccount.
func (sc *serverConn) pass(n int) {
	if sc.octets.Add(int64(n)) < octetStep {
		return
	}
	count := int(sc.octets.Swap(0))
	s := sc.s
	var wait time.Duration
	if n := sc.meter.network; n != nil {
		n.mu.Lock()
		wait = n.octets.spend(s.rates.NetworkOctets, count, s.now())
		n.mu.Unlock()
	}
	if a, b := sc.account, s.bounds; a != nil {
		b.mu.Lock()
		wait = max(wait, a.octets.spend(b.octetsPerAccount, count, time.Since(b.begun)))
		b.mu.Unlock()
	}
	if wait <= 0 {
		return
	}
	s.stats.octetWaits.Add(1)
	t := time.NewTimer(wait)
	defer t.Stop()
	select {
	case <-t.C:
	case <-sc.ctx.Done():
	}
}
