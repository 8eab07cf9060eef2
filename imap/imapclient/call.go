package imapclient

import (
	"context"
	"errors"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// A rule says what a command may be in flight together with (RFC 9051 §5.5).
type rule uint8

const (
	ruleFree      rule = iota // names UIDs or a mailbox: with any but the following
	ruleSeq                   // names sequence numbers: with its like only, as all others may bring EXPUNGE
	ruleSelect                // after all before it; behind it what only reads the new mailbox
	ruleEnable                // behind it what is encoded alike in both ways
	ruleExclusive             // with nothing
)

// A call is a command from its place in the queue to its tagged response. The
// fields of the first group are set before start and not changed afterwards.
type call struct {
	cmd  imap.Command
	name string   // for errors
	box  string   // the mailbox that it is about, for errors
	mb   *Mailbox // the selection that it needs; nil: none
	rule rule
	kind string // of an answer that does not tell to which command it belongs: one of each kind at a time; empty: none
	// reads says that nothing is changed, so that the command may follow a
	// SELECT whose answer is not there yet.
	reads  bool
	write  func(*writer) error         // writes the command, unless cmd is all
	take   func(grammar.Response) bool // takes a response that belongs to the command; called with mu held
	fetch  *fetching                   // takes FETCH responses; nil: none
	raw    *rawAnswer                  // takes responses as values, by their names; nil: none
	sees   func(*Message)              // sees all FETCH responses while in flight; called with mu held
	onOK   func() error                // called by the reader at once after OK, with nothing in flight
	ended  func(*call)                 // called by the reader after the tagged response, with mu held
	secret bool                        // lines are left out of the trace

	tag      string
	begun    time.Time
	done     chan struct{}  // closed when the command has ended
	cont     chan string    // continuation requests
	progress chan Progress  // what the server tells of the command, the last word; nil: nobody listens
	report   func(Progress) // called with that, on the goroutine of the caller

	// Guarded by Client.mu until done is closed.
	status    *grammar.StatusLine // the tagged response
	err       error               // why there is none, or what else makes the call fail
	octets    int64               // of its responses
	cost      int64               // of its result in memory
	drained   int64               // octets of its responses since it was abandoned
	abandoned bool                // nobody waits for it any more
	flushed   bool                // with onOK: all of it was sent
	due       bool                // abandoned, first in flight, and others wait: see giveUp
	acked     bool                // the server has asked it to go on
	over      bool                // of an IDLE: DONE has been sent
}

// newCall returns a call of a command.
func newCall(cmd imap.Command) *call {
	return &call{cmd: cmd, name: cmd.Name(), done: make(chan struct{})}
}

// run sends a command and waits for its end. The error is nil after OK.
func (c *Client) run(ctx context.Context, k *call) error {
	if err := c.start(ctx, k); err != nil {
		return err
	}
	return c.wait(ctx, k)
}

// wait waits for the end of a call that was started, or of ctx.
func (c *Client) wait(ctx context.Context, k *call) error {
	if !k.isDone() {
		c.block()
		defer c.unblock()
	}
	for waiting := !k.isDone(); waiting; {
		select {
		case <-k.done:
			waiting = false
		case p := <-k.progress:
			k.report(p)
		case <-ctx.Done():
			if c.abandon(k) {
				return c.ended(k, &InterruptedError{Command: k.name, Sent: true, Err: context.Cause(ctx)})
			}
			waiting = false
		}
	}
	k.tell()
	err := k.err
	if err == nil {
		err = k.status.Err()
	}
	if err != nil && !errors.Is(err, ErrClosed) {
		err = &CommandError{Command: k.name, Mailbox: k.box, Err: err}
	}
	return c.ended(k, err)
}

// ended reports a command to Options.OnCommand.
func (c *Client) ended(k *call, err error) error {
	if c.o.OnCommand != nil {
		c.mu.Lock()
		octets := k.octets
		c.mu.Unlock()
		c.o.OnCommand(CommandStats{Command: k.name, Mailbox: k.box, Duration: time.Since(k.begun), Octets: octets, Err: err})
	}
	return err
}

// abandon makes the reader drop what is left of the answer. It returns false if
// the call has ended.
func (c *Client) abandon(k *call) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	select {
	case <-k.done:
		return false
	default:
	}
	if k.abandoned {
		return true
	}
	k.abandoned = true
	if k.fetch != nil {
		k.fetch.drop()
	}
	c.wakeLocked() // the reader may wait for room
	if d := c.o.Timeouts.Cancelled; d > 0 {
		time.AfterFunc(d/2, func() { c.giveUp(k, d/2) })
	}
	return true
}

// drained counts octets that belong to a command whose answer is not wanted any more.
// mu is held.
func (c *Client) drained(k *call, n int64) {
	if k.drained += n; k.drained > c.o.Limits.Drain && c.excess == nil {
		c.excess = &LimitError{"unwanted answer to " + k.name, c.o.Limits.Drain}
	}
}

// unasked counts octets of messages that nobody has asked for, up to the end of the next
// command. mu is held.
func (c *Client) unasked(n int64) {
	if c.unwanted += n; c.unwanted > c.o.Limits.Drain && c.excess == nil {
		c.excess = &LimitError{"messages that were not asked for", c.o.Limits.Drain}
	}
}

// giveUp closes the connection if the rest of an abandoned answer holds others up, as
// it has done d ago. The time counts while no earlier command is in flight.
func (c *Client) giveUp(k *call, d time.Duration) {
	c.mu.Lock()
	if k.isDone() {
		c.mu.Unlock()
		return
	}
	others := c.turnWaits || c.waiting.Load() > 0
	behind := false
	for _, f := range c.inflight {
		others = others || behind && !f.abandoned
		behind = behind || f == k
	}
	late := others && c.inflight[0] == k && k.due
	k.due = others && c.inflight[0] == k
	c.mu.Unlock()
	if late {
		c.fail(&ProtocolError{What: "the answer to " + k.name + ", which was cancelled, does not end"})
		return
	}
	time.AfterFunc(d, func() { c.giveUp(k, d) })
}

// mustWait reports whether k can't be sent yet. mu is held.
func (c *Client) mustWait(k *call) bool {
	for _, f := range c.inflight {
		if f.over {
			continue
		}
		switch {
		case c.o.NoPipelining, f.rule == ruleExclusive, k.rule == ruleExclusive:
			return true
		case f.rule == ruleSelect:
			if !k.reads || k.mb != f.mb && (k.mb != nil || !f.mb.fresh) {
				return true
			}
		case f.rule == ruleEnable:
			if !asciiCommand(k) {
				return true
			}
		case k.rule == ruleSelect:
			if f.name != "ID" {
				return true
			}
		case (k.rule == ruleSeq) != (f.rule == ruleSeq):
			return true
		case k.kind != "" && k.kind == f.kind:
			return true
		case k.fetch != nil && f.fetch != nil && (confusable(k.fetch, f.fetch) || k.fetch.conditional() || f.fetch.conditional()):
			return true
		}
	}
	return false
}

// conditional reports whether messages may be left out of the answer, so that it could
// be taken for complete only at its end, and would take answers to other FETCHes: some
// servers send those before they end the first one.
func (f *fetching) conditional() bool { return f.req != nil && f.req.since != nil }

// asciiCommand reports whether a command is encoded alike whether or not UTF-8 is
// enabled.
func asciiCommand(k *call) bool {
	for i := range len(k.box) {
		if c := k.box[i]; c >= 0x7f || c == '&' {
			return false
		}
	}
	switch cmd := k.cmd.(type) {
	case *imap.Select, *imap.ID, *imap.Fetch:
		return true
	case *imap.Search:
		return grammar.ASCIIKey(cmd.Key)
	}
	return false
}
