package textproto

import "time"

// Wait waits between commands until there is input. Meanwhile the read buffer
// is returned to the pool, so that an idle connection costs little more than
// its goroutine. Wait does not flush unless SetAutoFlush was called: flush
// before calling it.
//
// It returns
//   - nil when input is buffered;
//   - ErrWoken after a call of Wake, before anything else;
//   - ErrServerClosed when the connection's server is shutting down and no input is
//     buffered;
//   - a *TimeoutError after IdleTimeout (or ReadTimeout, when that is not set);
//   - an error wrapping context.Cause of a bound context that has ended;
//   - io.EOF or another I/O error.
//
// Only the last of these leave the connection unusable.
func (c *Conn) Wait() error {
	if c.served != nil {
		c.served.endCommand()
	}
	if c.body != nil {
		if c.body.unread() {
			return ErrUnreadBody
		}
		c.body = nil
	}
	if c.w == c.r {
		if err := c.flushFirst(); err != nil {
			return err
		}
	}
	t := c.t
	t.mu.Lock()
	if t.takeWoken() {
		t.mu.Unlock()
		return ErrWoken
	}
	if c.w > c.r {
		t.mu.Unlock()
		t.newPace()
		return nil
	}
	if t.closing {
		t.mu.Unlock()
		return ErrServerClosed
	}
	if c.readErr != nil {
		t.mu.Unlock()
		return c.readErr
	}
	until := time.Time{}
	idle := time.Duration(c.idle.Load())
	if idle <= 0 {
		idle = t.readTimeout
	}
	if idle > 0 {
		until = time.Now().Add(idle)
	}
	t.waitUntil = until
	resting := c.zw == nil || c.zw.Resting()
	if !resting {
		if soon := time.Now().Add(restDelay); until.IsZero() || soon.Before(until) {
			t.waitUntil = soon
		}
	}
	t.waiting = true
	t.mu.Unlock()

	c.release()
	if c.served != nil {
		c.served.watch.end()
	}
	t.ack.answered() // between commands nobody waits for an acknowledgement
	if c.state != nil {
		c.state(StateIdle)
		defer c.state(StateActive)
	}
	n, err := c.src.Read(c.buf)
	woken, closing, over := t.endWait(n, err, !resting, until)
	if !over {
		c.zw.Rest()
		c.zr.Shrink()
		n, err = c.src.Read(c.buf)
		woken, closing, _ = t.endWait(n, err, false, until)
	}
	t.newPace()
	if sc := c.served; sc != nil {
		sc.watch.begin(sc.s)
	}
	c.r, c.w, c.full = 0, n, n == len(c.buf)
	switch {
	case n > 0 || err == nil: // an error will come again
		return nil
	case woken:
		return ErrWoken
	case closing:
		return ErrServerClosed
	}
	return c.readFailed("wait", err)
}

// endWait leaves the waiting state after a read, unless only the first part of
// the wait is over and it is to continue.
func (t *transport) endWait(n int, err error, first bool, until time.Time) (woken, closing, over bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if n == 0 && isTimeout(err) && t.cause() == nil {
		woken, closing = t.takeWoken(), t.closing
		if first && !woken && !closing {
			t.waitUntil = until
			return false, false, false
		}
	}
	t.waiting = false
	return woken, closing, true
}

// Wake makes the current Wait, or else the next one, return ErrWoken. It may be
// called from any goroutine and never blocks. Calls before that Wait count as
// one.
func (c *Conn) Wake() { c.t.wake(false) }
