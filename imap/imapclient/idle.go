package imapclient

import (
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/textproto"
)

// quiet is how long nothing must have been in flight before IDLE is issued again.
const quiet = 100 * time.Millisecond

// Watch follows the mailbox: it yields what changes, until ctx ends, the loop is
// left, or the connection fails. The first Update may be of what has happened since
// the mailbox was selected.
//
// While the loop waits, the connection is in IDLE (RFC 2177), which is issued anew
// every Timeouts.IdlePeriod; any other call ends it for as long as it needs. Where
// the server has no IDLE, it is asked every Timeouts.Poll. There is one Watch at a
// time on a connection: another one's error is ErrWatching.
func (m *Mailbox) Watch(ctx context.Context) iter.Seq2[*Update, error] {
	return func(yield func(*Update, error) bool) {
		for ev, err := range m.c.watch(ctx, m, &WatchOptions{}) {
			if u, ok := ev.(*Update); ok || err != nil {
				if ok && u.Mailbox != m {
					continue
				}
				if !yield(u, err) {
					return
				}
			}
		}
	}
}

// Poll asks the server what is new and returns that, nil if nothing is.
func (m *Mailbox) Poll(ctx context.Context) (*Update, error) {
	if err := m.ready(ctx); err != nil {
		return nil, err
	}
	k := m.newCall(&imap.Noop{})
	if err := m.c.run(ctx, k); err != nil {
		return nil, err
	}
	return m.settle(ctx)
}

// settle makes an Update of what has happened. The UIDs of messages that have
// arrived are asked for.
func (m *Mailbox) settle(ctx context.Context) (*Update, error) {
	for {
		if err := m.load(ctx); err != nil {
			return nil, err
		}
		m.c.mu.Lock()
		if m.view != nil && m.view.n == m.exists {
			u := m.takeUpdate()
			m.c.mu.Unlock()
			return u, nil
		}
		m.c.mu.Unlock()
	}
}

// watch yields events. m, unless nil, must be selected all the while.
func (c *Client) watch(ctx context.Context, m *Mailbox, o *WatchOptions) iter.Seq2[Event, error] {
	return func(yield func(Event, error) bool) {
		c.mu.Lock()
		if c.events.watching {
			c.mu.Unlock()
			yield(nil, ErrWatching)
			return
		}
		c.events.watching = true
		c.mu.Unlock()
		w := &watcher{c: c, m: m, o: o}
		defer func() {
			c.leave(ctx)
			w.end(context.WithoutCancel(ctx))
			c.mu.Lock()
			c.events.watching = false
			c.mu.Unlock()
		}()
		if err := w.begin(ctx); err != nil {
			yield(nil, err)
			return
		}
		for {
			ev, err := w.nextEvent(ctx)
			if err != nil {
				yield(nil, err)
				return
			}
			if ev != nil && !yield(ev, nil) {
				return
			}
		}
	}
}

// nextEvent returns the next event. It waits for one in IDLE, or polls.
func (w *watcher) nextEvent(ctx context.Context) (Event, error) {
	c, m := w.c, w.m
	for {
		c.mu.Lock()
		ev := c.events.take()
		reason := c.errLocked()
		selected := c.selected
		if ev != nil {
			c.done.answers++
		}
		c.mu.Unlock()
		switch x := ev.(type) {
		case nil:
		case overflow:
			if err := w.overflowed(ctx); err != nil {
				return nil, err
			}
			continue
		case *Mailbox:
			u, err := x.settle(ctx)
			if err == nil {
				err = w.fetchArrived(ctx, u)
			}
			if errors.Is(err, ErrNotSelected) && x != m {
				continue
			}
			if u == nil && err == nil {
				continue
			}
			return u, err
		default:
			return ev, nil
		}
		switch {
		case reason != nil:
			return nil, reason
		case m != nil && selected != m:
			return nil, &CommandError{Command: "IDLE", Mailbox: m.name, Err: ErrNotSelected}
		case ctx.Err() != nil:
			return nil, &InterruptedError{Command: "IDLE", Err: context.Cause(ctx)}
		}
		if selected != nil { // so that what is expunged can be named
			if err := selected.load(ctx); err != nil && (selected == m || !errors.Is(err, ErrNotSelected)) {
				return nil, err
			}
		}
		if err := w.poll(ctx); err != nil {
			return nil, err
		}
		if err := w.idle(ctx); err != nil {
			return nil, err
		}
	}
}

// after returns a channel that is ready after d, or never if d is not positive.
func after(d time.Duration) (<-chan time.Time, func() bool) {
	if d <= 0 {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(d)
	return t.C, t.Stop
}

// idle waits until there may be an event, or it is time to look.
func (w *watcher) idle(ctx context.Context) error {
	c := w.c
	c.mu.Lock()
	waiting := len(c.events.queue) > 0
	c.mu.Unlock()
	if waiting {
		return nil
	}
	if !c.has(imap.CapIdle) || c.events.refused {
		if c.o.NoEmulation&EmulateIdle != 0 {
			return &UnsupportedError{Cap: imap.CapIdle, What: "watching a mailbox"}
		}
		return c.poll(ctx)
	}
	e := &c.events
	if e.idle == nil || e.idle.isDone() || c.isOver(e.idle) {
		if again, err := c.startIdle(ctx); err != nil || !again {
			return err
		}
	}
	k := e.idle
	again, stop := after(time.Until(e.until))
	defer stop()
	if e.until.IsZero() {
		again = nil
	} else if again == nil { // it is over
		return c.endIdle(ctx, k)
	}
	started, stop := after(c.o.Timeouts.Done)
	defer stop()
	var look <-chan time.Time
	if w.polls {
		look, stop = after(max(time.Until(w.next), 1))
		defer stop()
	}
	for {
		select {
		case <-k.done: // another call has ended it, or the server
			return c.idled(ctx, k)
		case <-e.signal:
			c.mu.Lock()
			news := len(e.queue) > 0 || c.reason != nil
			c.mu.Unlock()
			if news {
				return nil // IDLE goes on
			}
		case <-started:
			c.mu.Lock()
			dead := !k.acked && !k.over
			c.mu.Unlock()
			if dead {
				c.fail(&textproto.TimeoutError{Op: "IDLE"})
				return c.Err()
			}
		case <-look:
			return nil
		case <-again:
			return c.endIdle(ctx, k)
		case <-ctx.Done():
			return &InterruptedError{Command: "IDLE", Err: context.Cause(ctx)}
		}
	}
}

// startIdle issues IDLE once the connection has been quiet for a moment. It returns
// false if there is an event.
func (c *Client) startIdle(ctx context.Context) (bool, error) {
	if wait, err := c.waitQuiet(ctx); err != nil || !wait {
		return false, err
	}
	k := newCall(&imap.Idle{})
	k.rule = ruleExclusive
	k.cont = make(chan string, 1)
	if err := c.start(ctx, k); err != nil {
		return false, err
	}
	c.events.idle, c.events.until = k, time.Time{}
	if period := c.o.Timeouts.IdlePeriod; period > 0 {
		period -= time.Duration(rand.Int64N(int64(period)/10 + 1))
		c.events.until = time.Now().Add(period)
	}
	return true, nil
}

func (c *Client) isOver(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return k.over
}

// leave ends the IDLE of a Watch. It waits for the answers, unless ctx has ended.
func (c *Client) leave(ctx context.Context) {
	k := c.events.idle
	c.events.idle, c.events.refused = nil, false
	if k == nil || k.isDone() {
		return
	}
	if ctx.Err() == nil {
		c.endIdle(ctx, k)
		return
	}
	c.abandon(k)
	c.mu.Lock()
	acked := k.acked // else the reader ends it when it has begun
	c.mu.Unlock()
	if acked {
		c.doneIfFree()
	}
}

// doneIfFree ends an IDLE that has begun. If another call has the turn, that call
// does so.
func (c *Client) doneIfFree() {
	select {
	case <-c.turn:
		c.stopIdle(context.Background())
		c.giveTurn()
	default:
	}
}

// idled returns the error of an IDLE that has ended. That a server refuses IDLE
// is no reason to give up: it is asked now and then instead.
func (c *Client) idled(ctx context.Context, k *call) error {
	err := c.wait(ctx, k)
	if isRefusal(err) {
		c.events.refused = true
		return c.poll(ctx)
	}
	return err
}

// endIdle sends DONE and waits for the answer.
func (c *Client) endIdle(ctx context.Context, k *call) error {
	if err := c.takeTurn(ctx, "DONE"); err != nil {
		return err
	}
	err := c.stopIdle(ctx)
	c.giveTurn()
	if err != nil {
		return err
	}
	if err := c.wait(ctx, k); err != nil && !isRefusal(err) {
		return err
	}
	return nil
}

// stopIdle writes DONE if the connection is in IDLE; the turn is held. IDLE has
// begun only once the server has said so.
func (c *Client) stopIdle(ctx context.Context) error {
	for {
		c.mu.Lock()
		var idle *call
		for _, f := range c.inflight {
			if _, ok := f.cmd.(*imap.Idle); ok && !f.over {
				idle = f
			}
		}
		if idle == nil {
			err := c.errLocked()
			c.mu.Unlock()
			return err
		}
		if idle.acked {
			idle.over = true
			if d := c.o.Timeouts.Done; d > 0 {
				late := time.AfterFunc(d, func() { c.fail(&textproto.TimeoutError{Op: "DONE"}) })
				idle.ended = func(*call) { late.Stop() }
			}
			c.lastSent.Store(time.Now().UnixNano())
			c.unflushed.Store(true)
			c.conn.WriteString("DONE\r\n")
			if c.resting {
				c.conn.Wake()
			}
			c.mu.Unlock()
			return nil
		}
		changed := c.changed
		c.mu.Unlock()
		if err := c.flush(); err != nil {
			return err
		}
		late, stop := after(c.o.Timeouts.Done)
		select {
		case <-changed:
		case <-c.closed:
		case <-late:
			c.fail(&textproto.TimeoutError{Op: "IDLE"})
		case <-ctx.Done():
			stop()
			return &InterruptedError{Command: "DONE", Err: context.Cause(ctx)}
		}
		stop()
	}
}

// waitQuiet waits until nothing has been in flight for a moment. It returns false
// if there is an event.
func (c *Client) waitQuiet(ctx context.Context) (bool, error) {
	for first := true; ; first = false {
		c.mu.Lock()
		n := len(c.inflight)
		changed := c.changed
		news := len(c.events.queue) > 0
		err := c.errLocked()
		c.mu.Unlock()
		if err != nil || news {
			return false, err
		}
		if n == 0 && first && time.Since(time.Unix(0, c.lastSent.Load())) > quiet {
			return true, nil
		}
		wait := time.NewTimer(quiet)
		select {
		case <-changed:
		case <-c.events.signal:
		case <-wait.C:
			if n == 0 {
				wait.Stop()
				return true, nil
			}
		case <-ctx.Done():
			wait.Stop()
			return false, &InterruptedError{Command: "IDLE", Err: context.Cause(ctx)}
		}
		wait.Stop()
	}
}

// poll sends NOOP after a while, unless an event comes before.
func (c *Client) poll(ctx context.Context) error {
	t, stop := after(c.o.Timeouts.Poll)
	defer stop()
	select {
	case <-t:
		return c.Noop(ctx)
	case <-c.events.signal:
		return nil
	case <-c.closed:
		return c.Err()
	case <-ctx.Done():
		return &InterruptedError{Command: "NOOP", Err: context.Cause(ctx)}
	}
}
