package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A copier copies an account.
type copier struct {
	source, target connector
	journal        *journal
	progress       *progress
	errout         io.Writer

	delete, dryRun bool
	only, except   []string // names of mailboxes
	connections    int
	batch          int           // messages that are appended in one step, at most
	attempts       int           // how often a mailbox is tried when connections break
	wait           time.Duration // after a broken connection; longer after each further one

	mu       sync.Mutex   // guards errout, and mover.refused
	failures atomic.Int64 // messages that could not be copied, and mailboxes
}

// A worker has a connection to each side, and buffers. It copies one mailbox at a
// time.
type worker struct {
	from, to side
	free     chan []byte // buffers of batches
	made     int         // how many there are
}

// A task is a mailbox to be copied.
type task struct {
	name, target string
	messages     int // about so many are to be copied
}

// say returns a line, in which names and what servers say can do no harm.
func (c *copier) say(format string, args ...any) string {
	return terminal.Clean(fmt.Sprintf(format, args...))
}

// complain tells of something that does not end the program.
func (c *copier) complain(format string, args ...any) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.progress.clear()
	fmt.Fprintln(c.errout, "copy: "+c.say(format, args...))
}

// refuse tells of a message that can't be copied.
func (m *mover) refuse(uid mailbox.UID, err error) {
	m.failures.Add(1)
	m.mu.Lock()
	m.refused = m.refused.Union(mailbox.UIDSetOf(uid))
	m.mu.Unlock()
	m.complain("%s: message %d is not copied: %v", m.name, uid, err)
}

// run copies the account.
func (c *copier) run(ctx context.Context) error {
	first, err := c.connect(ctx)
	if err != nil {
		return err
	}
	tasks, err := c.prepare(ctx, first)
	if err != nil {
		first.close()
		return err
	}
	queue := make(chan task)
	var wg sync.WaitGroup
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	for i := range min(c.connections, max(len(tasks), 1)) {
		w := first
		if i > 0 {
			w = nil // connects when there is something to do
		}
		wg.Go(func() {
			for t := range queue {
				var err error
				if w, err = c.copyMailbox(ctx, w, t); err != nil {
					cancel(err)
				}
			}
			if w != nil {
				w.close()
			}
		})
	}
	for _, t := range tasks {
		select {
		case queue <- t:
		case <-ctx.Done():
		}
	}
	close(queue)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return err
	}
	return nil
}

func (c *copier) connect(ctx context.Context) (*worker, error) {
	from, err := c.source(ctx)
	if err != nil {
		return nil, fmt.Errorf("the source: %w", err)
	}
	to, err := c.target(ctx)
	if err != nil {
		from.close()
		return nil, fmt.Errorf("the target: %w", err)
	}
	return &worker{from: from, to: to, free: make(chan []byte, batchBuffers)}, nil
}

func (w *worker) close() {
	w.from.close()
	w.to.close()
}

// copyMailbox copies a mailbox. After a broken connection it goes on with new ones:
// that is the same as after an interrupted run. Only errors that concern all
// mailboxes are returned.
func (c *copier) copyMailbox(ctx context.Context, w *worker, t task) (*worker, error) {
	for attempt := 1; ; attempt++ {
		var err error
		if w == nil {
			w, err = c.connect(ctx)
		}
		if err == nil {
			m := &mover{copier: c, worker: w, name: t.name, target: t.target}
			err = m.run(ctx)
		}
		switch {
		case err == nil:
			return w, nil
		case ctx.Err() != nil:
			return w, context.Cause(ctx)
		case errors.Is(err, mailbox.ErrOverQuota):
			return w, fmt.Errorf("%s: %w", t.name, err)
		case w != nil && !w.from.failed() && !w.to.failed() || attempt >= c.attempts:
			c.failures.Add(1)
			c.complain("%s: %v", t.name, err)
			return w, nil
		}
		c.complain("%s: %v; trying again", t.name, err)
		if w != nil {
			w.close()
			w = nil
		}
		select {
		case <-time.After(time.Duration(attempt*attempt) * c.wait):
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

// prepare makes the mailboxes on the target what they are at the source, and
// returns those whose messages are to be looked at.
func (c *copier) prepare(ctx context.Context, w *worker) ([]task, error) {
	theirs, err := w.from.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the mailboxes of the source: %w", err)
	}
	theirs = slices.DeleteFunc(theirs, func(i info) bool { return !c.selected(i.name) })
	// INBOX first, and names above those below them.
	slices.SortFunc(theirs, func(a, b info) int { return strings.Compare(order(a.name), order(b.name)) })
	list, err := w.to.list(ctx)
	if err != nil {
		return nil, fmt.Errorf("listing the mailboxes of the target: %w", err)
	}
	ours := map[string]info{}
	for _, i := range list {
		ours[i.name] = i
	}
	var tasks []task
	for _, t := range theirs {
		name := c.targetName(t, theirs, list)
		there, exists := ours[name]
		if !exists && !c.dryRun {
			use := t.use
			for _, i := range list {
				use &^= i.use // a role has one mailbox
			}
			if err := w.to.create(ctx, name, use); err != nil && !errors.Is(err, mailbox.ErrExist) {
				c.failures.Add(1)
				c.complain("%s is not copied: %v", t.name, err)
				continue
			}
		}
		if there.subscribed != t.subscribed && !c.dryRun {
			if err := w.to.subscribe(ctx, name, t.subscribed); err != nil {
				c.complain("%s: subscription: %v", t.name, err)
			}
		}
		r := c.journal.known(t.name)
		if r != nil && r.target == name && r.clean != nil && t.status.modSeq != 0 && there.status.modSeq != 0 &&
			*r.clean == [2]status{t.status, there.status} && !(c.delete && r.pairs.sources().Len() > t.status.messages) {
			continue // nothing has changed on either side, and nothing is left to delete
		}
		n := t.status.messages
		if r != nil && r.sourceValidity == t.status.validity {
			n = max(n-r.pairs.sources().Len(), 0)
		}
		tasks = append(tasks, task{t.name, name, n})
		c.progress.expect(t.name, n)
	}
	return tasks, c.removeMailboxes(ctx, w, theirs, ours)
}

func order(name string) string {
	if name == mailbox.Inbox {
		return ""
	}
	return name
}

// selected reports whether a mailbox is to be copied.
func (c *copier) selected(name string) bool {
	return (len(c.only) == 0 || slices.Contains(c.only, name)) && !slices.Contains(c.except, name)
}

// targetName returns the name of a mailbox on the target: the same, or, if there is
// none of that name, that of the mailbox with the same role: so "Sent Items" is
// copied to "Sent".
func (c *copier) targetName(t info, theirs, ours []info) string {
	if t.name == mailbox.Inbox || t.use == 0 || slices.ContainsFunc(ours, func(i info) bool { return i.name == t.name }) {
		return t.name
	}
	for _, i := range ours {
		taken := slices.ContainsFunc(theirs, func(other info) bool { return other.name == i.name })
		if i.use&t.use != 0 && !taken {
			return i.name
		}
	}
	return t.name
}

// removeMailboxes removes from the target, with -delete, what was copied from
// mailboxes that are gone at the source, and the mailboxes if nothing else is in
// them.
func (c *copier) removeMailboxes(ctx context.Context, w *worker, theirs []info, ours map[string]info) error {
	if !c.delete {
		return nil
	}
	for _, r := range c.journal.records() {
		there, exists := ours[r.target]
		if !c.selected(r.source) || slices.ContainsFunc(theirs, func(i info) bool { return i.name == r.source }) || r.target == mailbox.Inbox {
			continue
		}
		if !exists || there.status.validity != r.targetValidity {
			if err := c.journal.forget(r); err != nil {
				return err
			}
			continue
		}
		if c.dryRun {
			c.progress.result(0, c.say("%s: is gone, %d messages to delete", r.source, r.pairs.targets().Len()))
			continue
		}
		dst, err := w.to.open(ctx, r.target, false)
		if err != nil {
			return err
		}
		targets := r.pairs.targets()
		if err := dst.expunge(ctx, targets); err != nil {
			return fmt.Errorf("%s: deleting messages: %w", r.target, err)
		}
		c.progress.deleted(targets.Len())
		left, err := dst.uids(ctx)
		if err != nil {
			return err
		}
		if left.IsEmpty() {
			if err := w.to.remove(ctx, r.target); err != nil {
				c.complain("%s is not deleted: %v", r.target, err)
			}
		}
		c.progress.result(0, c.say("%s: is gone, %d messages deleted", r.source, targets.Len()))
		if err := c.journal.forget(r); err != nil {
			return err
		}
	}
	return nil
}
