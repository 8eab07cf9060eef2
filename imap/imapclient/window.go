package imapclient

import (
	"context"
	"errors"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// firstPart is how many octets of a section come with the message; the rest is
// fetched as it is read.
const firstPart = 256 << 10

// A plan cuts a set of messages into windows.
type plan struct {
	m        *Mailbox
	req      *request
	whole    bool               // one window with all messages
	rest     []mailbox.UIDRange // messages that are still to be asked for
	estimate int64              // octets of an answer about one message
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// newPlan resolves a set. If the mailbox is small, all messages are one window and
// their UIDs need not be known.
func (m *Mailbox) newPlan(ctx context.Context, set Set, req *request) (*plan, error) {
	p := &plan{m: m, req: req, estimate: req.guess()}
	c := m.c
	if set.kind == setAll {
		c.mu.Lock()
		n := m.exists
		selecting := c.selecting == m
		c.mu.Unlock()
		switch {
		case selecting: // it was selected with NoWait, and is likely to be small
			p.whole = len(req.sections) == 0
		case n == 0:
			return p, m.ready(ctx)
		default:
			p.whole = n <= c.batch() && int64(n)*p.estimate <= c.o.Limits.Window/2
		}
		if p.whole {
			return p, nil
		}
	}
	if set.kind != setUIDs {
		if err := m.ready(ctx); err != nil {
			return p, err
		}
	}
	uids, err := m.resolve(ctx, set)
	p.rest = slices.Clone(uids.Ranges())
	return p, err
}

// guess estimates the octets of the answer about one message.
func (r *request) guess() int64 {
	n := int64(64)
	for w, octets := range map[Want]int64{Flags: 64, Date: 48, Size: 32, ModSeq: 32, SaveDate: 48, ObjectID: 96, Envelope: 700, Structure: 700, Preview: 300, Gmail: 200} {
		if r.want&w != 0 {
			n += octets
		}
	}
	for _, s := range r.sections {
		switch {
		case s.count > 0:
			n += min(s.count, firstPart)
		case len(s.fields) > 0:
			n += int64(len(s.fields)) * 256
		case s.spec == imap.SectionAll || s.spec == imap.SectionText:
			n += 32 << 10
		default:
			n += 4 << 10
		}
	}
	return n + int64(len(r.raw))*256
}

// next returns the call for the next window, nil at the end.
func (p *plan) next() *call {
	f := newFetching(p.m)
	if p.whole {
		p.whole = false
		f.all = true
		return p.call(f, imap.NumSetOf(imap.NumRange{First: 1, Last: imap.Star}))
	}
	if len(p.rest) == 0 {
		return nil
	}
	c := p.m.c
	n := min(int64(c.batch()), max(c.o.Limits.Window/2/p.estimate, 1))
	f.set = cutSet(&p.rest, c.maxSet(), int(n))
	return p.call(f, imap.UIDNumSet(f.set))
}

// call returns the call that asks for a window.
func (p *plan) call(f *fetching, set imap.NumSet) *call {
	c := p.m.c
	cmd := &imap.Fetch{UID: true, Set: set, ChangedSince: p.req.since}
	cmd.Items, f.asked = p.req.items(c)
	f.req, f.binary, f.annotations = p.req, c.has(imap.CapBinary), len(p.req.annotations) > 0 && c.has(imap.CapAnnotate)
	k := p.m.newCall(cmd)
	k.name, k.reads, k.fetch = "UID FETCH", !p.req.marks(), f
	return k
}

// marks reports whether a section sets \Seen.
func (r *request) marks() bool {
	for _, s := range r.sections {
		if s.mark {
			return true
		}
	}
	return false
}

// learn adapts the estimate to what a window brought.
func (p *plan) learn(f *fetching) {
	if f.count > 0 {
		p.estimate = max(f.octets/int64(f.count), 1)
	}
}

// maxSet returns how many octets a set in a command may have.
func (c *Client) maxSet() int {
	line := c.o.Limits.Line
	if line <= 0 {
		line = 1000
		if c.has(imap.CapCondStore, imap.CapIMAP4rev2) {
			line = 8000
		}
	}
	return max(line-300, 100)
}
