package imapclient

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// A pooled is a place for a connection, whose Client may be replaced while the
// place is kept. The Pool's mu guards it, except that who prepares it alone
// changes c, born, m and of.
type pooled struct {
	c     *Client // nil: none yet, or no more
	born  time.Time
	since time.Time // unused
	timer *time.Timer

	m  *Mailbox // what is selected, nil if that is not known …
	of purpose  // … and what for

	use   purpose // what it is in use for
	users int
	ready chan struct{} // closed when it is prepared for use
	err   error         // why it could not be
	again bool          // the error is that of another caller's context
}

// A purpose is what a connection is wanted for: a mailbox, or, with the zero
// value, to have it alone.
type purpose struct {
	mailbox  string
	readOnly bool
}

func newPurpose(name string, o *SelectOptions) purpose {
	if strings.EqualFold(name, "INBOX") {
		name = "INBOX" // RFC 9051 §5.1: in any case
	}
	return purpose{name, o != nil && o.ReadOnly}
}

// A waiter is a caller that waits for a connection.
type waiter struct {
	want    purpose
	granted chan grant
}

// A grant is a place for a connection. Who leads prepares it, others wait for that;
// p is nil if the pool was closed.
type grant struct {
	p     *pooled
	leads bool
}

// get returns a connection that is prepared for its use. probe says to try one that
// was used before whether it works, in any case.
func (p *Pool) get(ctx context.Context, want purpose, name string, o *SelectOptions, probe bool) (*pooled, error) {
	for {
		g, err := p.take(ctx, want)
		if err != nil {
			return nil, err
		}
		if g.leads {
			err := p.prepare(ctx, g.p, name, o, probe)
			p.mu.Lock()
			g.p.err, g.p.again = err, err != nil && ctx.Err() != nil
			close(g.p.ready)
			p.mu.Unlock()
			if err != nil {
				p.put(g.p)
				return nil, err
			}
			return g.p, nil
		}
		select {
		case <-g.p.ready:
		case <-ctx.Done():
			p.put(g.p)
			return nil, waitError(ctx)
		}
		if g.p.err == nil {
			return g.p, nil
		}
		err, again := g.p.err, g.p.again
		p.put(g.p)
		if !again {
			return nil, err
		}
	}
}

func waitError(ctx context.Context) error {
	return fmt.Errorf("imapclient: waiting for a connection: %w", context.Cause(ctx))
}

// take waits for a place.
func (p *Pool) take(ctx context.Context, want purpose) (grant, error) {
	if ctx.Err() != nil {
		return grant{}, waitError(ctx)
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		return grant{}, ErrPoolClosed
	}
	if len(p.waiting) == 0 {
		if g := p.choose(want); g.p != nil {
			p.mu.Unlock()
			return g, nil
		}
	}
	w := &waiter{want, make(chan grant, 1)}
	p.waiting = append(p.waiting, w)
	p.mu.Unlock()
	var g grant
	select {
	case g = <-w.granted:
	case <-ctx.Done():
		p.mu.Lock()
		if i := slices.Index(p.waiting, w); i >= 0 {
			p.waiting = slices.Delete(p.waiting, i, i+1)
			p.serve() // others may have waited behind this one
			p.mu.Unlock()
			return grant{}, waitError(ctx)
		}
		p.mu.Unlock()
		g = <-w.granted
	}
	if g.p == nil {
		return grant{}, ErrPoolClosed
	}
	return g, nil
}

// serve grants places to those who wait, in order. p.mu is held.
func (p *Pool) serve() {
	for len(p.waiting) > 0 {
		g := p.choose(p.waiting[0].want)
		if g.p == nil {
			return
		}
		p.waiting[0].granted <- g
		p.waiting = slices.Delete(p.waiting, 0, 1)
	}
}

// choose returns a place that can be used now, or none. p.mu is held.
func (p *Pool) choose(want purpose) grant {
	p.sweep()
	var best *pooled
	for _, pc := range p.conns {
		if pc.users == 0 && (best == nil || pc.betterFor(want, best)) {
			best = pc
		}
	}
	if best != nil {
		best.timer.Stop()
	} else if len(p.conns) < orDefault(p.MaxOpen, poolMaxOpen) {
		best = &pooled{}
		p.conns = append(p.conns, best)
	}
	if best != nil {
		best.use, best.users = want, 1
		best.ready, best.err, best.again = make(chan struct{}), nil, false
		return grant{best, true}
	}
	for _, pc := range p.conns {
		if pc.use == want && want != (purpose{}) && (best == nil || pc.users < best.users) && p.shares(pc) {
			best = pc
		}
	}
	if best != nil {
		best.users++
	}
	return grant{best, false}
}

// betterFor reports whether an unused connection suits the purpose better than
// other does.
func (pc *pooled) betterFor(want purpose, other *pooled) bool {
	a, b := pc.rank(want), other.rank(want)
	switch {
	case a != b:
		return a > b
	case a == 2 && want != (purpose{}):
		return pc.since.After(other.since) // so that others become old
	}
	return pc.since.Before(other.since) // the selection that was used last is kept
}

func (pc *pooled) rank(want purpose) int {
	switch {
	case pc.m != nil && pc.of == want, pc.m == nil && want == (purpose{}):
		return 2
	case pc.m == nil:
		return 1
	}
	return 0
}

// shares reports whether one more caller may use a connection that is in use, or
// being prepared. p.mu is held.
func (p *Pool) shares(pc *pooled) bool {
	select {
	case <-pc.ready:
	default:
		return true
	}
	return pc.err == nil && p.usable(pc) && pc.m != nil && pc.m.shareable()
}

// shareable reports whether the mailbox is selected, or about to be, and nobody
// watches on the connection.
func (m *Mailbox) shareable() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return (m.c.selected == m || m.c.selecting == m) && !m.c.events.watching
}

// isSelected reports whether the handle can still be used.
func (m *Mailbox) isSelected() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.c.selected == m
}

// usable reports whether a connection may be used again, as far as that is known.
func (p *Pool) usable(pc *pooled) bool {
	lifetime := orDefault(p.MaxLifetime, poolMaxLifetime)
	return pc.c != nil && pc.c.Err() == nil && !pc.c.saidBye() && (lifetime < 0 || time.Since(pc.born) < lifetime)
}

func orDefault[T int | time.Duration](v, def T) T {
	if v == 0 {
		return def
	}
	return v
}

// prepare makes a connection ready for its use: one that works, with the mailbox
// selected. The caller leads.
func (p *Pool) prepare(ctx context.Context, pc *pooled, name string, o *SelectOptions, probe bool) error {
	ctx, cancel := p.until(ctx)
	defer cancel()
	for {
		used := pc.c != nil
		if used && !p.works(ctx, pc, probe) {
			if ctx.Err() != nil {
				return waitError(ctx)
			}
			p.replace(pc, nil)
			used = false
		}
		if !used {
			c, err := p.Dial(ctx)
			if err == nil && !p.replace(pc, c) {
				c.Close()
				err = ErrPoolClosed
			}
			if errors.Is(context.Cause(ctx), ErrPoolClosed) {
				return ErrPoolClosed
			}
			if err != nil {
				return err
			}
		}
		if pc.use == (purpose{}) || pc.m != nil && pc.of == pc.use && pc.m.isSelected() {
			return nil
		}
		m, err := pc.c.Select(ctx, name, o)
		switch {
		case err == nil:
			p.mu.Lock()
			pc.m, pc.of = m, pc.use
			p.mu.Unlock()
			return nil
		case used && pc.c.Err() != nil && ctx.Err() == nil:
			p.replace(pc, nil)
		case errors.Is(context.Cause(ctx), ErrPoolClosed):
			return ErrPoolClosed
		default:
			p.mu.Lock()
			pc.m = nil
			p.mu.Unlock()
			return err
		}
	}
}

// works reports whether a connection that was used before may be used again. If
// that has to be asked, the answer is waited for.
func (p *Pool) works(ctx context.Context, pc *pooled, probe bool) bool {
	if !p.usable(pc) {
		return false
	}
	if !probe && time.Since(pc.since) < orDefault(p.ProbeAfter, poolProbeAfter) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return pc.c.Noop(ctx) == nil && p.usable(pc)
}

// replace gives a place another connection, or none, and ends the one that it
// had. It returns false if the pool is closed: then the place gets none.
func (p *Pool) replace(pc *pooled, c *Client) bool {
	p.mu.Lock()
	old, closed := pc.c, p.closed
	pc.c, pc.m = nil, nil
	if !closed {
		pc.c, pc.born = c, time.Now()
	}
	kill := old != nil && !p.end(old)
	p.mu.Unlock()
	if kill {
		old.Close()
	}
	return !closed
}

// put gives back a place that the caller has used.
func (p *Pool) put(pc *pooled) {
	p.mu.Lock()
	pc.users--
	if pc.users > 0 {
		p.mu.Unlock()
		return
	}
	var kill *Client
	if pc.m != nil && !pc.m.isSelected() {
		pc.m = nil
	}
	if p.usable(pc) && !p.closed {
		pc.since = time.Now()
		idle := orDefault(p.MaxIdleTime, poolMaxIdleTime)
		if idle < 0 {
			idle = 1<<63 - 1
		}
		pc.timer = time.AfterFunc(idle, func() { p.expire(pc) })
	} else {
		kill = p.remove(pc)
	}
	p.serve()
	p.mu.Unlock()
	if kill != nil {
		kill.Close()
	}
}

// remove takes a place out of the pool and ends its connection. If it returns one,
// the caller must close it, without holding p.mu, which is held here.
func (p *Pool) remove(pc *pooled) (kill *Client) {
	if i := slices.Index(p.conns, pc); i >= 0 {
		p.conns = slices.Delete(p.conns, i, i+1)
	}
	if pc.timer != nil {
		pc.timer.Stop()
	}
	c := pc.c
	pc.c, pc.m = nil, nil
	p.signal()
	if c != nil && !p.end(c) {
		return c
	}
	return nil
}

// end ends a connection by LOGOUT, without waiting for that. It returns false if
// the pool was closed, so that it must be closed at once. p.mu is held.
func (p *Pool) end(c *Client) bool {
	if p.killed {
		return false
	}
	if p.ending == nil {
		p.ending = map[*Client]struct{}{}
	}
	p.ending[c] = struct{}{}
	p.work.Go(func() {
		logout(c, probeTimeout)
		p.mu.Lock()
		delete(p.ending, c)
		p.mu.Unlock()
	})
	return true
}

// logout ends a connection politely, within a time.
func logout(c *Client, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	if c.Err() == nil && !c.saidBye() {
		c.Logout(ctx)
	}
	c.Close()
}

// sweep removes unused connections that are lost. p.mu is held.
func (p *Pool) sweep() {
	for _, pc := range slices.Clone(p.conns) {
		if pc.users == 0 && !p.usable(pc) {
			p.remove(pc) // after Close there are no unused ones
		}
	}
}

// expire ends a connection that was unused for too long.
func (p *Pool) expire(pc *pooled) {
	p.mu.Lock()
	var kill *Client
	if pc.users == 0 && time.Since(pc.since) >= orDefault(p.MaxIdleTime, poolMaxIdleTime) && slices.Contains(p.conns, pc) {
		kill = p.remove(pc)
	}
	p.mu.Unlock()
	if kill != nil {
		kill.Close()
	}
}

// signal wakes Shutdown. p.mu is held.
func (p *Pool) signal() {
	if p.changed != nil {
		close(p.changed)
		p.changed = nil
	}
}
