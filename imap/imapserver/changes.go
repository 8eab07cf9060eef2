package imapserver

import (
	"context"
	"errors"
	"slices"
	"sync"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A sharedCall is a call of the store, in progress or done, that several sessions
// want the result of: a thousand sessions that are woken by one message cost one
// query.
type sharedCall struct {
	done chan struct{}
	err  error // after done
	left bool  // after done: the session that made the call has ended
}

// make makes the call, and end before others get its result.
func (s *sharedCall) make(ctx context.Context, call func() error, end func()) error {
	s.err = mailbox.ErrUnavailable // stands if the store panics
	defer func() {
		s.left = ctx.Err() != nil
		end()
		close(s.done)
	}()
	s.err = call()
	return s.err
}

// wait waits for a call that another session makes.
func (s *sharedCall) wait(ctx context.Context) error {
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// sharedChanges are the calls of a mailbox that its sessions share.
type sharedChanges struct {
	mu      sync.Mutex
	calls   uint64         // that have been begun; guarded by mu
	results []*changesCall // guarded by mu; newest last
	held    int            // octets of the results; guarded by mu
}

// How many results are kept for sessions that ask later, and how many octets they
// may have together for a mailbox; and how many messages have their flags read at a
// time.
const (
	keptResults   = 4
	maxKeptOctets = 512 << 10
	pageMessages  = 1024
)

// A changesCall is a call of Mailbox.Changes.
type changesCall struct {
	sharedCall
	since  mailbox.State
	number uint64 // of the calls
	gen    uint64 // of the mailbox, before the call was made
	held   int    // octets; guarded by sharedChanges.mu
	empty  bool   // done, without changes; guarded by sharedChanges.mu
	delta  delta  // after done
}

// isFresh reports whether the call was begun after the first calls, or at a
// generation of at least gen.
func (c *changesCall) isFresh(gen, calls uint64) bool { return c.gen >= gen || c.number > calls }

// A delta is the changes of a mailbox after a state. It is shared and must not be
// modified.
type delta struct {
	mailbox.Changes
	shared *sharedChanges
	call   *changesCall
	pages  map[int]*flagPage // of Changed, by their number; guarded by sharedChanges.mu
}

// A flagPage is the flags of a part of the changed messages.
type flagPage struct {
	sharedCall
	runs    []flagRun             // after done, as all that follows
	damaged *mailbox.MessageError // unless nil there are no runs, and each session reads for itself
}

// A flagRun is consecutive UIDs of messages that have the same flags and were
// changed at once.
type flagRun struct {
	first, last mailbox.UID
	modSeq      mailbox.ModSeq
	flags       mailbox.FlagSet
}

// Octets of what a delta is made of.
const (
	rangeOctets = 8
	runOctets   = 48
	pageOctets  = 128

	keywordOctets = 16
)

func (d *delta) octets() int {
	return rangeOctets * (len(d.New.Ranges()) + len(d.Changed.Ranges()) + len(d.Vanished.Ranges()))
}

func (p *flagPage) octets() int {
	n := pageOctets + runOctets*len(p.runs)
	for i := range p.runs {
		for _, k := range p.runs[i].flags.Keywords() {
			n += keywordOctets + len(k)
		}
	}
	return n
}

func (d *delta) isEmpty() bool {
	return d.New.IsEmpty() && d.Changed.IsEmpty() && d.Vanished.IsEmpty()
}

// begun returns the number of the calls that have been begun.
func (s *sharedChanges) begun() uint64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.calls
}

// since returns changes that have happened after a state: those that a call for
// another session finds or has found, or else all. If that call is not fresh, more
// may have happened after the state of the result.
func (b *boxHub) since(ctx context.Context, mb mailbox.Mailbox, state mailbox.State, gen, calls uint64) (d *delta, fresh bool, err error) {
	s := &b.shared
	for {
		s.mu.Lock()
		c := s.find(state)
		if c != nil && c.empty && !c.isFresh(gen, calls) {
			s.drop(c)
			c = nil
		}
		if c == nil {
			c = &changesCall{sharedCall: sharedCall{done: make(chan struct{})}, since: state, gen: b.gen.Load()}
			s.add(c)
			s.mu.Unlock()
			c.delta.shared, c.delta.call = s, c
			err := c.make(ctx, func() (err error) {
				c.delta.Changes, err = mb.Changes(ctx, state)
				return err
			}, func() { s.done(c) })
			return &c.delta, true, err
		}
		s.mu.Unlock()
		if err := c.wait(ctx); err != nil {
			return nil, false, err
		}
		switch {
		case c.err == nil:
			return &c.delta, c.isFresh(gen, calls), nil
		case !c.left:
			// The error of another session may not concern this one.
			d := &delta{shared: s}
			d.Changes, err = mb.Changes(ctx, state)
			return d, true, err
		}
	}
}

// find returns the newest call for the changes after a state, or nil.
func (s *sharedChanges) find(since mailbox.State) *changesCall {
	for _, c := range slices.Backward(s.results) {
		if c.since == since {
			return c
		}
	}
	return nil
}

// add adds a call that is about to be made, in the place of one that has found nothing
// or else of the oldest.
func (s *sharedChanges) add(c *changesCall) {
	s.calls++
	c.number = s.calls
	if len(s.results) == keptResults {
		s.drop(s.results[max(0, slices.IndexFunc(s.results, func(r *changesCall) bool { return r.empty }))])
	}
	s.results = append(s.results, c)
}

// done keeps the result of a call, if it is worth it.
func (s *sharedChanges) done(c *changesCall) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.err != nil || !s.hold(c, c.delta.octets()) {
		s.drop(c)
		return
	}
	c.empty = c.delta.isEmpty()
}

// hold reports whether n more octets can be held for a call, in the place of older
// ones if need be.
func (s *sharedChanges) hold(c *changesCall, n int) bool {
	if !slices.Contains(s.results, c) {
		return false
	}
	for s.held+n > maxKeptOctets {
		if s.results[0] == c {
			return false
		}
		s.drop(s.results[0])
	}
	s.held += n
	c.held += n
	return true
}

// drop ends the sharing of a result. A session that is still telling its client of it
// reads further flags for itself.
func (s *sharedChanges) drop(c *changesCall) {
	if i := slices.Index(s.results, c); i >= 0 {
		s.results = slices.Delete(s.results, i, i+1)
		s.held -= c.held
		c.delta.pages = nil
	}
}

// flags yields the flags of the changed messages, a page at a time and in ascending
// order of UID, with the number of messages that had to be read for it. A page that
// one session reads is kept for others, as far as maxKeptOctets allows; no session
// holds more than one. A page with a damaged message has no
// flags.
func (d *delta) flags(ctx context.Context, mb mailbox.Mailbox, yield func(set mailbox.UIDSet, p *flagPage, read int) error) error {
	rest, from := d.Changed.Ranges(), mailbox.UID(0)
	for number := 0; len(rest) > 0; number++ {
		var set mailbox.UIDSet
		for n := 0; n < pageMessages && len(rest) > 0; {
			first := max(rest[0].First, from)
			last := first + min(rest[0].Last-first, mailbox.UID(pageMessages-n-1))
			set.AddRange(first, last)
			n += int(last-first) + 1
			if from = last + 1; last == rest[0].Last {
				rest = rest[1:]
			}
		}
		p, read, err := d.page(ctx, mb, number, set)
		if err == nil {
			err = yield(set, p, read)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// page returns a page, and how many messages had to be read for it.
func (d *delta) page(ctx context.Context, mb mailbox.Mailbox, number int, set mailbox.UIDSet) (p *flagPage, read int, err error) {
	s := d.shared
	for {
		s.mu.Lock()
		p := d.pages[number]
		if p == nil {
			p = &flagPage{sharedCall: sharedCall{done: make(chan struct{})}}
			if d.pages == nil {
				d.pages = make(map[int]*flagPage)
			}
			d.pages[number] = p
			s.mu.Unlock()
			err := p.make(ctx, func() (err error) {
				read, err = p.read(ctx, mb, set)
				return err
			}, func() { d.keep(number, p) })
			return p, read, err
		}
		s.mu.Unlock()
		if err := p.wait(ctx); err != nil {
			return nil, 0, err
		}
		switch {
		case p.err == nil:
			return p, 0, nil
		case !p.left:
			p := new(flagPage)
			read, err := p.read(ctx, mb, set)
			return p, read, err
		}
	}
}

// keep keeps a page, if it is worth it.
func (d *delta) keep(number int, p *flagPage) {
	d.shared.mu.Lock()
	defer d.shared.mu.Unlock()
	if p.err != nil || d.call == nil || !d.shared.hold(d.call, p.octets()) {
		delete(d.pages, number)
	}
}

// read reads the flags of the messages of a set, and returns their number.
func (p *flagPage) read(ctx context.Context, mb mailbox.Mailbox, set mailbox.UIDSet) (n int, err error) {
	for m, err := range mb.Messages(ctx, set, mailbox.WantFlags) {
		if err != nil {
			if damaged, ok := errors.AsType[*mailbox.MessageError](err); ok {
				p.runs, p.damaged = nil, damaged
				return n, nil
			}
			return n, err
		}
		n++
		if i := len(p.runs) - 1; i >= 0 && p.runs[i].last+1 == m.UID && p.runs[i].modSeq == m.ModSeq && p.runs[i].flags.Equal(m.Flags) {
			p.runs[i].last = m.UID
			continue
		}
		p.runs = append(p.runs, flagRun{m.UID, m.UID, m.ModSeq, m.Flags})
	}
	return n, nil
}
