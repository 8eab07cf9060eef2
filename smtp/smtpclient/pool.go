package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// A Pool keeps connections to one server for many messages, as an http.Client
// does for requests. It may be used by several goroutines. The fields must not
// be changed once it is in use; all but Dial may be left out.
//
//	p := &smtpclient.Pool{Dial: func(ctx context.Context) (*smtpclient.Client, error) {
//		return smtpclient.DialStartTLS(ctx, "smtp.example.org:587", options)
//	}}
//	defer p.Close()
//	res, err := p.Send(ctx, envelope, body)
type Pool struct {
	// Dial makes a connection, ready to send.
	Dial func(ctx context.Context) (*Client, error)

	// MaxOpen is how many connections there are at once, besides those that
	// are being ended (default 4; providers allow 10 to 15 for an account). A
	// Send that needs one more waits.
	MaxOpen int

	// MaxIdleTime is after how much time unused a connection is closed
	// (default 30 seconds; servers close theirs after 5 minutes, and many do
	// much earlier), MaxLifetime after how much in all it is not used again
	// (default 10 minutes).
	MaxIdleTime, MaxLifetime time.Duration

	// MaxMessages is how many messages go over a connection (default 100). A
	// lower limit that the server announces (RFC 9422) is kept.
	MaxMessages int

	// ProbeAfter is after how much time unused a connection is asked whether
	// it still works before it is used again (default 2 seconds).
	ProbeAfter time.Duration

	mu     sync.Mutex
	cond   chan struct{}        // closed when something changes that Send or Shutdown waits for
	open   int                  // connections there are, and being made
	idle   []*pooled            // the one used last at the end
	busy   map[*Client]struct{} // those in use
	closed bool
	work   sync.WaitGroup // connections being ended
}

// A pooled connection.
type pooled struct {
	c        *Client
	born     time.Time
	since    time.Time // unused
	messages int
	spent    bool        // there was no room for a recipient
	timer    *time.Timer // closes it when it was unused for too long
}

// ErrPoolClosed is returned by a Pool's Send after Shutdown or Close.
var ErrPoolClosed = errors.New("smtpclient: pool closed")

// probeTimeout bounds the wait for the answer to a probe, and to QUIT.
const probeTimeout = 10 * time.Second

// PoolStats are numbers of connections.
type PoolStats struct{ Open, Idle int }

// Stats returns how many connections there are now.
func (p *Pool) Stats() PoolStats {
	p.mu.Lock()
	defer p.mu.Unlock()
	return PoolStats{Open: p.open, Idle: len(p.idle)}
}

func orElse[T int | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}

// Send sends a message over one of the connections, or a new one; see
// [Client.Send]. If a connection that was used before turns out to be gone
// before the message was sent, it is tried once more over a new one; never when
// the server may have taken the message for anyone. Recipients for whom a connection
// has no room left (RFC 9422) get it over a new one. To that end the beginning
// of a body that can't be sought in is kept in memory, 16 KiB of it.
func (p *Pool) Send(ctx context.Context, env *Envelope, body io.Reader) (*Result, error) {
	if p.Dial == nil {
		return &Result{Recipients: make([]Recipient, len(env.To))}, errors.New("smtpclient: Pool without Dial")
	}
	source := newReplay(body)
	res := &Result{Recipients: make([]Recipient, len(env.To))}
	left := make([]int, len(env.To)) // recipients to be named, by position
	for i, to := range env.To {
		res.Recipients[i].Address, left[i] = to, i
	}
	for fresh := false; ; fresh = true {
		pc, used, err := p.get(ctx, fresh)
		if err != nil {
			for _, i := range left {
				res.Recipients[i].Err = err
			}
			if len(left) < len(env.To) {
				err = res.Err()
			}
			return res, err
		}
		e, _ := part(env, res, left)
		r, err := pc.c.Send(ctx, e, source.reader())
		pc.messages++
		lost, limited := pc.c.Err() != nil, r.limited()
		pc.spent = len(limited) > 0
		p.put(pc)
		if used && lost && ctx.Err() == nil && r.untouched() && source.rewind() {
			continue
		}
		if len(left) == len(env.To) {
			res = r
		} else {
			res.join(r, left)
		}
		if len(limited) == 0 || !used && len(limited) == len(left) || ctx.Err() != nil || !source.rewind() {
			if len(left) == len(env.To) {
				return res, err
			}
			return res, res.Err()
		}
		left = res.limited()
	}
}

// untouched reports whether it is certain that the server has accepted the message
// for no recipient.
func (r *Result) untouched() bool {
	if r.Reply.Code != 0 {
		return false
	}
	for i := range r.Recipients {
		if s := r.Recipients[i].Status; s == Accepted || s == Unknown {
			return false
		}
	}
	return true
}

// get takes a connection that works, or makes one: always, if fresh. used tells
// that it has been used before.
func (p *Pool) get(ctx context.Context, fresh bool) (pc *pooled, used bool, err error) {
	for {
		pc, err := p.take(ctx, fresh)
		if err != nil {
			return nil, false, err
		}
		if pc == nil {
			break // there is room for a new one
		}
		if p.works(ctx, pc) {
			return pc, true, nil
		}
		p.retire(pc)
	}
	c, err := p.Dial(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if err == nil && p.closed {
		c.Close()
		err = ErrPoolClosed
	}
	if err != nil {
		p.open--
		p.signal()
		return nil, false, err
	}
	p.use(c)
	return &pooled{c: c, born: time.Now()}, false, nil
}

// take waits for a connection that is idle, which it returns, or for room for a
// new one, which it reserves.
func (p *Pool) take(ctx context.Context, fresh bool) (*pooled, error) {
	for {
		p.mu.Lock()
		if p.closed {
			p.mu.Unlock()
			return nil, ErrPoolClosed
		}
		room := p.open < orElse(p.MaxOpen, 4)
		if n := len(p.idle); n > 0 && (!fresh || !room) {
			pc := p.idle[n-1]
			p.idle = p.idle[:n-1]
			pc.timer.Stop()
			p.use(pc.c)
			p.mu.Unlock()
			if fresh { // its place is needed
				p.retire(pc)
				continue
			}
			return pc, nil
		}
		if room {
			p.open++
			p.mu.Unlock()
			return nil, nil
		}
		if p.cond == nil {
			p.cond = make(chan struct{})
		}
		changed := p.cond
		p.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return nil, fmt.Errorf("smtpclient: waiting for a connection: %w", context.Cause(ctx))
		}
	}
}

// use notes that a connection is in use. p.mu is held.
func (p *Pool) use(c *Client) {
	if p.busy == nil {
		p.busy = map[*Client]struct{}{}
	}
	p.busy[c] = struct{}{}
}

// signal wakes those who wait. p.mu is held.
func (p *Pool) signal() {
	if p.cond != nil {
		close(p.cond)
		p.cond = nil
	}
}

// works reports whether a connection may be used again.
func (p *Pool) works(ctx context.Context, pc *pooled) bool {
	now := time.Now()
	if pc.c.Err() != nil || now.Sub(pc.born) >= orElse(p.MaxLifetime, 10*time.Minute) {
		return false
	}
	if now.Sub(pc.since) < orElse(p.ProbeAfter, 2*time.Second) {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	return pc.c.Noop(ctx) == nil
}

// put gives a connection back after a message.
func (p *Pool) put(pc *pooled) {
	now := time.Now()
	if pc.spent || pc.c.spent() || pc.messages >= orElse(p.MaxMessages, 100) || now.Sub(pc.born) >= orElse(p.MaxLifetime, 10*time.Minute) {
		p.retire(pc)
		return
	}
	p.mu.Lock()
	if p.closed {
		p.mu.Unlock()
		p.retire(pc)
		return
	}
	defer p.mu.Unlock()
	delete(p.busy, pc.c)
	pc.since = now
	pc.timer = time.AfterFunc(orElse(p.MaxIdleTime, 30*time.Second), func() { p.expire(pc) })
	p.idle = append(p.idle, pc)
	p.signal()
}

// expire ends a connection that was unused for too long.
func (p *Pool) expire(pc *pooled) {
	p.mu.Lock()
	i := slices.Index(p.idle, pc)
	if i >= 0 {
		p.idle = slices.Delete(p.idle, i, i+1)
		p.use(pc.c)
	}
	p.mu.Unlock()
	if i >= 0 {
		p.retire(pc)
	}
}

// retire ends a connection, politely and without waiting for that. Its place is
// free at once.
func (p *Pool) retire(pc *pooled) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.open--
	p.signal()
	if p.closed && p.busy == nil { // Close was called
		pc.c.Close()
		return
	}
	p.use(pc.c)
	p.work.Go(func() {
		quit(pc.c, probeTimeout)
		p.mu.Lock()
		delete(p.busy, pc.c)
		p.mu.Unlock()
	})
}

// quit ends a connection politely, within a time.
func quit(c *Client, limit time.Duration) {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	c.Quit(ctx)
	c.Close()
}

// Shutdown lets the messages on their way be sent, takes no more, and ends all
// connections. If ctx ends first, it closes them as Close does and returns the
// context's error.
func (p *Pool) Shutdown(ctx context.Context) error {
	p.mu.Lock()
	p.closed = true
	idle := p.idle
	p.idle = nil
	p.signal()
	p.mu.Unlock()
	for _, pc := range idle {
		pc.timer.Stop()
		p.retire(pc)
	}
	for {
		p.mu.Lock()
		open := p.open
		if p.cond == nil {
			p.cond = make(chan struct{})
		}
		changed := p.cond
		p.mu.Unlock()
		if open == 0 {
			break
		}
		select {
		case <-changed:
		case <-ctx.Done():
			p.Close()
			return context.Cause(ctx)
		}
	}
	// What is left is to hear the answers to QUIT.
	stop := context.AfterFunc(ctx, func() { p.Close() })
	defer stop()
	p.work.Wait()
	return nil
}

// Close ends all connections; messages on their way fail. It takes a second at
// most, for servers that don't answer to QUIT.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	idle, busy := p.idle, p.busy
	p.open -= len(idle)
	p.idle, p.busy = nil, nil
	p.signal()
	p.mu.Unlock()
	for _, pc := range idle {
		pc.timer.Stop()
		p.work.Go(func() { quit(pc.c, time.Second) })
	}
	for c := range busy {
		c.Close()
	}
	p.work.Wait()
	return nil
}
