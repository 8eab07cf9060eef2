package imapclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// The queue of commands is the turn, a channel of one place: who receives from it
// may write, and those who wait for it are served in the order in which they
// came. Who has the turn waits until the command may be sent, writes it, and
// leaves the flushing to the next one if somebody waits, so that commands of
// concurrent calls leave together.

// takeTurn waits for the turn.
func (c *Client) takeTurn(ctx context.Context, name string) error {
	select {
	case <-c.turn:
		return nil
	default:
	}
	c.waiting.Add(1)
	c.block()
	defer c.unblock()
	err := c.awaitTurn(ctx, name)
	c.waiting.Add(-1)
	if err != nil {
		c.flushForOthers()
	}
	return err
}

// awaitTurn waits for the turn, but not for one that will never come: see
// ErrStalled.
func (c *Client) awaitTurn(ctx context.Context, name string) error {
	for {
		stalled, stop := c.stallTimer()
		select {
		case <-c.turn:
			stop()
			return nil
		case <-ctx.Done():
			stop()
			return &InterruptedError{Command: name, Err: context.Cause(ctx)}
		case <-c.closed:
			stop()
			return unsentError{c.Err()}
		case <-stalled:
			if since := c.uploading.Load(); since != 0 && time.Since(time.Unix(0, since)) >= c.o.Timeouts.Write {
				return &CommandError{Command: name, Err: ErrStalled}
			}
		}
	}
}

// stallTimer returns a channel that is ready when it is time to see whether who has
// the turn waits in vain for the body of a message that it sends.
func (c *Client) stallTimer() (<-chan time.Time, func() bool) {
	if c.o.Timeouts.Write <= 0 {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(c.o.Timeouts.Write)
	return t.C, t.Stop
}

// giveTurn flushes, unless another writer will, and gives the turn back.
func (c *Client) giveTurn() {
	if c.waiting.Load() == 0 {
		c.flush()
	}
	c.turn <- struct{}{}
	c.flushForOthers()
}

// flushForOthers flushes what was left to a writer that has gone away.
func (c *Client) flushForOthers() {
	for c.waiting.Load() == 0 && c.unflushed.Load() {
		select {
		case <-c.turn:
			c.flush()
			c.turn <- struct{}{}
		default:
			return
		}
	}
}

// flush sends what is buffered; the turn is held.
func (c *Client) flush() error {
	if !c.unflushed.Swap(false) {
		return nil
	}
	c.lastSent.Store(time.Now().UnixNano())
	if err := c.conn.Flush(); err != nil {
		return c.writeFailed(err)
	}
	return nil
}

// writeFailed closes the connection after a failed write, and returns why it is
// closed. A server that closes it may have said why: the reader finds that, or the
// end.
func (c *Client) writeFailed(err error) error {
	var timeout *textproto.TimeoutError
	if !errors.As(err, &timeout) {
		t := time.NewTimer(byeGrace)
		defer t.Stop()
		select {
		case <-c.closed:
		case <-t.C:
		}
	}
	c.fail(err)
	return c.Err()
}

// byeGrace is how long the reader may take to find BYE after a failed write.
const byeGrace = 100 * time.Millisecond

// start gives the calls, which are sent one after the other, their places in the
// queue, and writes them.
func (c *Client) start(ctx context.Context, calls ...*call) error {
	if err := ctx.Err(); err != nil {
		return &InterruptedError{Command: calls[0].name, Err: context.Cause(ctx)}
	}
	if err := c.takeTurn(ctx, calls[0].name); err != nil {
		return err
	}
	defer c.giveTurn()
	for i, k := range calls {
		if err := c.startNext(ctx, k); err != nil {
			for _, earlier := range calls[:i] {
				c.abandon(earlier)
			}
			return err
		}
	}
	return nil
}

// startNext waits until the call may be sent, and writes it; the turn is held.
func (c *Client) startNext(ctx context.Context, k *call) error {
	k.listen(ctx)
	if err := c.compressFirst(ctx, k); err != nil {
		return err
	}
	if err := c.admit(ctx, k); err != nil {
		return err
	}
	defer c.guard(ctx, k.name)()
	w := &c.w
	w.begin(ctx, k)
	err := w.run()
	w.end()
	switch {
	case err == errEnded:
		c.mu.Lock()
		if k.err == nil && k.status != nil && k.status.Cond == imap.OK {
			k.err = &ProtocolError{What: k.name + " was confirmed before all of it was sent"}
		}
		c.mu.Unlock()
		return nil // wait tells how
	case err == nil && k.onOK != nil:
		return c.holdTurn(ctx, k)
	}
	return err
}

// holdTurn keeps the turn until a command has ended after which the reader changes
// the connection, both sides of it.
func (c *Client) holdTurn(ctx context.Context, k *call) error {
	if err := c.flush(); err != nil {
		return err
	}
	c.mu.Lock()
	k.flushed = true
	c.broadcastLocked()
	c.mu.Unlock()
	select {
	case <-k.done:
		return nil
	case <-ctx.Done():
		err := &InterruptedError{Command: k.name, Sent: true, Err: context.Cause(ctx)}
		c.fail(err)
		return err
	}
}

// guard closes the connection if ctx ends while the server takes no input, so that
// a call never outlives its context by more than a moment.
func (c *Client) guard(ctx context.Context, name string) (release func()) {
	if ctx.Done() == nil {
		return func() {}
	}
	written := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		select {
		case <-written:
		case <-time.After(writeGrace):
			c.fail(&InterruptedError{Command: name, Sent: true, Err: context.Cause(ctx)})
		}
	})
	return func() {
		stop()
		close(written)
	}
}

// writeGrace is how long a command that is being written may take after its
// context has ended.
const writeGrace = 100 * time.Millisecond

// admit waits until the call may be sent and puts it in flight.
func (c *Client) admit(ctx context.Context, k *call) error {
	for {
		if err := c.stopIdle(ctx); err != nil {
			if errors.Is(err, ErrClosed) {
				err = unsentError{err}
			}
			return err
		}
		c.mu.Lock()
		if c.reason != nil {
			c.mu.Unlock()
			return unsentError{c.Err()}
		}
		if k.mb != nil && k.rule != ruleSelect && k.mb != c.selected && k.mb != c.selecting {
			c.mu.Unlock()
			if err := k.mb.refused(); err != nil { // with NoWait, while the command was on its way here
				return err
			}
			return &CommandError{Command: k.name, Mailbox: k.box, Err: ErrNotSelected}
		}
		if !c.mustWait(k) {
			break
		}
		if err := c.waitForOthers(ctx, k); err != nil {
			return err
		}
	}
	defer c.mu.Unlock()
	k.tag = c.nextTag()
	k.begun = time.Now()
	c.lastSent.Store(k.begun.UnixNano())
	if k.mayChange() {
		c.done.changes++
	}
	if k.rule == ruleSelect {
		c.selecting, c.selected = k.mb, nil
		c.events.only(nil) // what has happened elsewhere is of no use any more
	}
	c.inflight = append(c.inflight, k)
	if k.cont != nil {
		c.wantCont = k
	}
	if k.secret {
		c.conn.SetSecret(true)
	}
	if c.resting {
		c.conn.Wake() // so that the reader waits no longer than Timeouts.Command
	}
	return nil
}

// nextTag returns a tag that no command had before; mu is held by the caller.
func (c *Client) nextTag() string {
	c.tags++
	return "P" + strconv.FormatUint(c.tags, 36)
}

// waitForOthers waits until something in flight has changed; the turn is held. mu is
// held by the caller, and released.
func (c *Client) waitForOthers(ctx context.Context, k *call) error {
	changed := c.changed
	c.turnWaits = true
	c.mu.Unlock()
	c.block()
	defer func() {
		c.unblock()
		c.mu.Lock()
		c.turnWaits = false
		c.mu.Unlock()
	}()
	if err := c.flush(); err != nil {
		return err
	}
	select {
	case <-changed:
	case <-c.closed:
	case <-ctx.Done():
		return &InterruptedError{Command: k.name, Err: context.Cause(ctx)}
	}
	return nil
}

// A writer writes one command. It belongs to who has the turn.
type writer struct {
	c   *Client
	ctx context.Context
	k   *call
	e   wire.Encoder

	sent bool // a part of the command is in the connection's buffer or beyond
}

func (w *writer) begin(ctx context.Context, k *call) {
	w.ctx, w.k, w.sent = ctx, k, false
	w.e.Reset(w.c.conn.AvailableBuffer())
	w.e.UTF8, w.e.Mode = w.c.utf8.Load(), w.c.literalMode()
	w.e.Names = nil
	if names := w.c.rawNames.Load(); names != nil {
		w.e.Names = *names
	}
}

func (w *writer) end() { w.ctx, w.k, w.e.B = nil, nil, nil }

// run writes the command. An error means that the call has ended: in flight is
// no more than what the server has not answered.
func (w *writer) run() error {
	w.e.Raw(w.k.tag).SP()
	var err error
	if w.k.write != nil {
		err = w.k.write(w)
	} else {
		grammar.WriteCommand(&w.e, w.k.cmd)
		err = w.send()
	}
	if err == nil {
		w.e.CRLF()
		err = w.send()
	}
	return err
}

// send writes what is encoded, and waits for the server where a literal needs
// that. If the server ends the command instead, the error is errEnded.
func (w *writer) send() error {
	if err := w.e.Err; err != nil {
		return w.refuse(err)
	}
	b, from := w.e.B, 0
	if len(w.e.Waits) > 0 {
		// The buffer is the connection's: once flushed, it can be used for
		// something else, such as what the server sends.
		b = bytes.Clone(b)
	}
	for _, at := range w.e.Waits {
		cont := w.expect()
		if err := w.put(b[from:at]); err != nil {
			return err
		}
		from = at
		if err := w.await(cont); err != nil {
			return err
		}
	}
	if err := w.put(b[from:]); err != nil {
		return err
	}
	w.e.Reset(w.c.conn.AvailableBuffer())
	return nil
}

// refuse takes a call that can't be encoded out of the queue again. If a part of
// it was sent, the connection is closed.
func (w *writer) refuse(err error) error {
	c := w.c
	c.mu.Lock()
	for i, f := range c.inflight {
		if f == w.k {
			c.inflight = append(c.inflight[:i], c.inflight[i+1:]...)
			break
		}
	}
	if w.k.rule == ruleSelect {
		c.selecting = nil
	}
	if w.k.secret {
		c.conn.SetSecret(false)
	}
	c.broadcastLocked()
	c.mu.Unlock()
	if w.sent {
		c.fail(err)
	}
	return &CommandError{Command: w.k.name, Mailbox: w.k.box, Err: err}
}

func (w *writer) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	w.sent = true
	w.c.unflushed.Store(true)
	if _, err := w.c.conn.Write(b); err != nil {
		return w.c.writeFailed(err)
	}
	return nil
}

// errEnded says that the server has ended a command whose literals were not all
// sent (RFC 9051 §4.3).
var errEnded = fmt.Errorf("imapclient: command was answered before it was sent")

// expect makes the command the one that a continuation request is for. It is called
// before the last octet of the literal's header is written, which may be sent at once.
func (w *writer) expect() <-chan string {
	cont := make(chan string, 1)
	w.c.mu.Lock()
	w.c.wantCont, w.k.cont = w.k, cont
	w.c.mu.Unlock()
	return cont
}

// await flushes and waits for a continuation request.
func (w *writer) await(cont <-chan string) error {
	c := w.c
	if err := c.flush(); err != nil {
		return err
	}
	c.block()
	defer c.unblock()
	select {
	case <-cont:
		return nil
	case <-w.k.done:
		return errEnded
	case <-w.ctx.Done():
		// The server may send "+" at any time, and then waits for the literal.
		c.fail(&InterruptedError{Command: w.k.name, Sent: true, Err: context.Cause(w.ctx)})
		return &InterruptedError{Command: w.k.name, Sent: true, Err: context.Cause(w.ctx)}
	}
}
