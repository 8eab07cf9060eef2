package imapclient

import (
	"context"
	"io"
	"iter"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Fetch yields messages of the set, with the items. It does nothing until it is
// ranged over, and may be ranged over more than once. An error that comes with a
// message concerns that message alone, and the loop may go on; any other ends the
// loop.
//
// It asks for the messages by windows, of which two are in flight: at any time the
// answers to no more than about Limits.Window octets are waiting. The loop may call
// whatever it likes, on this mailbox too. It may be left at any time.
//
// Messages come in ascending order by windows; within a window, in the order of the
// server, which is mostly ascending too. Each comes once.
func (m *Mailbox) Fetch(ctx context.Context, set Set, items ...Item) iter.Seq2[*Message, error] {
	return func(yield func(*Message, error) bool) {
		if items, ok := m.emulatesPreview(items); ok {
			m.fetchPreviews(ctx, set, items, yield)
			return
		}
		l := &loop{m: m, ctx: ctx, req: newRequest(items)}
		defer l.stop()
		if err := l.begin(set); err != nil {
			yield(nil, err)
			return
		}
		for {
			msg, err := l.next()
			if msg == nil && err == nil {
				return
			}
			if msg == nil {
				yield(nil, err)
				return
			}
			ok := yield(msg, err)
			msg.expire()
			if !ok {
				return
			}
		}
	}
}

// Message returns one message with the items. The error is mailbox.ErrNotExist if
// there is none. Its bodies can be read until Message.Close.
func (m *Mailbox) Message(ctx context.Context, uid mailbox.UID, items ...Item) (*Message, error) {
	items, preview := m.emulatesPreview(items)
	l := &loop{m: m, ctx: ctx, req: newRequest(items)}
	defer l.stop()
	if err := l.begin(UIDs(uid)); err != nil {
		return nil, err
	}
	msg, err := l.next()
	switch {
	case err != nil:
		if msg != nil {
			msg.expire()
		}
		return nil, err
	case msg == nil:
		return nil, &CommandError{Command: "UID FETCH", Mailbox: m.name, Err: mailbox.ErrNotExist}
	}
	if preview {
		if err := m.makePreviews(ctx, []*Message{msg}); err != nil {
			msg.expire()
			return nil, err
		}
	}
	return msg, nil
}

// Open returns a section of a message, which is fetched in ranges as it is read,
// until Body.Close. ctx is that of all its reads.
func (m *Mailbox) Open(ctx context.Context, uid mailbox.UID, s Section) (*Body, error) {
	items := []Item{s}
	if listener(ctx) != nil {
		items = append(items, Size) // the total of the progress
	}
	msg, err := m.Message(ctx, uid, items...)
	if err != nil {
		return nil, err
	}
	b := msg.Body(s)
	if err := b.check(); err != nil {
		msg.Close()
		return nil, err
	}
	b.owner = msg
	return b, nil
}

// Download writes a section of a message to w and returns how many octets were
// written. If it is broken off, Section.Range resumes it.
func (m *Mailbox) Download(ctx context.Context, uid mailbox.UID, s Section, w io.Writer) (int64, error) {
	b, err := m.Open(ctx, uid, s)
	if err != nil {
		return 0, err
	}
	defer b.Close()
	return b.WriteTo(w)
}

// A loop is a Fetch that is under way.
type loop struct {
	m      *Mailbox
	ctx    context.Context
	req    *request
	plan   *plan
	active []*call // at most two, in the order in which they were sent
	taken  []*Message
	at     int
	after  error // what the loop ends with
}

// begin resolves the set.
func (l *loop) begin(set Set) error {
	p, err := l.m.newPlan(l.ctx, set, l.req)
	l.plan = p
	return err
}

// next returns the next message; neither a message nor an error at the end.
func (l *loop) next() (*Message, error) {
	for {
		if l.at < len(l.taken) {
			msg := l.taken[l.at]
			l.taken[l.at] = nil
			l.at++
			msg.context = l.ctx
			if msg.failed != nil {
				if err := l.repaired(msg); err != nil {
					return msg, err
				}
			}
			return msg, nil
		}
		l.taken, l.at = l.taken[:0], 0
		if l.after != nil {
			return nil, l.after
		}
		if err := l.fill(); err != nil {
			if len(l.active) == 0 {
				return nil, err
			}
			l.after = err
		}
		if len(l.active) == 0 {
			return nil, l.after
		}
		if err := l.receive(); err != nil {
			return nil, err
		}
	}
}

// fill sends windows until two are in flight.
func (l *loop) fill() error {
	for len(l.active) < 2 && l.after == nil {
		k := l.plan.next()
		if k == nil {
			return nil
		}
		if err := l.m.c.start(l.ctx, k); err != nil {
			return err
		}
		l.active = append(l.active, k)
	}
	return nil
}

// receive waits for messages of the first window.
func (l *loop) receive() error {
	k := l.active[0]
	f, c := k.fetch, l.m.c
	for {
		c.mu.Lock()
		l.taken, f.queue, f.waiting = f.queue, l.taken[:0], 0
		over, err := f.over, f.err
		c.mu.Unlock()
		if over {
			l.active = l.active[1:]
			if failed := l.m.refused(); failed != nil {
				err = failed
			}
			l.plan.learn(f)
			l.plan.goOn(k)
			c.ended(k, err)
			switch {
			case err != nil && !isExpungeIssued(err):
				l.after = err
			}
			return nil
		}
		if len(l.taken) > 0 {
			return nil
		}
		c.block()
		select {
		case <-f.signal:
			c.unblock()
		case p := <-k.progress:
			c.unblock()
			k.report(p)
		case <-l.ctx.Done():
			c.unblock()
			return &InterruptedError{Command: k.name, Sent: true, Err: context.Cause(l.ctx)}
		}
	}
}

// stop gives up what is still to come.
func (l *loop) stop() {
	for _, k := range l.active {
		l.m.c.abandon(k)
	}
	for _, msg := range l.taken[min(l.at, len(l.taken)):] {
		if msg != nil {
			msg.expire()
		}
	}
}

// repaired makes up for an item that can't be read, or returns the error.
func (l *loop) repaired(msg *Message) error {
	if msg.failed.Item != "ENVELOPE" || msg.UID == 0 || l.req.want&Envelope == 0 {
		return msg.failed
	}
	env, err := l.m.readEnvelope(l.ctx, msg.UID)
	if err != nil {
		return msg.failed
	}
	msg.Envelope = env
	msg.Has |= Envelope
	return nil
}

func isExpungeIssued(err error) bool {
	var e *imap.Error
	return asError(err, &e) && e.Code == imap.CodeExpungeIssued
}
