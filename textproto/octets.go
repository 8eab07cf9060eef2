package textproto

import "time"

// octetStep is what octets are counted in for the rates.
const octetStep = 64 << 10

// pass counts n octets that were read or written, and waits for as long as the rates
// demand: Rates.NetworkOctets and Bounds.OctetsPerAccount.
func (sc *serverConn) pass(n int) {
	if sc.octets.Add(int32(n)) < octetStep {
		return
	}
	count := int(sc.octets.Swap(0))
	s, from := sc.s, sc.meter.network
	if from == nil {
		return // a client that no network rate is for
	}
	from.mu.Lock()
	wait := from.octets.spend(s.rates.NetworkOctets, count, s.now())
	from.mu.Unlock()
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
