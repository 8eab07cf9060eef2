package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Sizes of windows.
const (
	firstPart = 256 << 10 // octets of a section that come with the message; the rest is fetched as it is read
	fewBodies = 16        // messages whose sections are fetched without knowing their sizes
)

// A plan cuts a set of messages into windows.
type plan struct {
	m     *Mailbox
	req   *request
	whole bool             // one window with all messages
	rest  []mailbox.UIDSet // parts that are still to be asked for, as long as a command may be

	// With sections: the sizes of messages, by which they are packed.
	sized      bool
	sizes      []sizeOf // of the first part, ascending, without those already asked for
	ahead      *call    // the request for the sizes of the next part
	aheadSizes *[]sizeOf

	estimate int64 // octets of an answer about one message
}

type sizeOf struct {
	uid  mailbox.UID
	size int64
}

func asError[T error](err error, target *T) bool { return errors.As(err, target) }

// newPlan resolves a set. If the mailbox is small, all messages are one window and
// their UIDs need not be known.
func (m *Mailbox) newPlan(ctx context.Context, set Set, req *request) (*plan, error) {
	p := &plan{m: m, req: req, estimate: req.guess()}
	c := m.c
	if set.kind == setAll {
		if len(req.sections) == 0 && m.sel.status == nil {
			// Selected with NoWait: the answer may be of any size, and is likely
			// to be small.
			p.whole = len(req.sections) == 0
		}
		c.mu.Lock()
		n := m.exists
		selecting := c.selecting == m
		c.mu.Unlock()
		if !selecting && n == 0 {
			return p, m.ready(ctx)
		}
		if !selecting && n <= c.batch() && (len(req.sections) == 0 && int64(n)*p.estimate <= c.o.Limits.Window/2 || n <= fewBodies) {
			p.whole = true
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
	if err != nil || uids.IsEmpty() {
		return p, err
	}
	p.sized = len(req.sections) > 0 && uids.Len() > fewBodies
	batch := c.batch()
	if !p.sized {
		batch = int(min(int64(batch), max(1, c.o.Limits.Window/2/p.estimate)))
	}
	p.rest = splitSet(uids, c.maxSet(), batch)
	return p, nil
}

// guess estimates the octets of the answer about one message.
func (r *request) guess() int64 {
	n := int64(64)
	for w, octets := range map[Want]int64{Flags: 64, Date: 48, Size: 32, ModSeq: 32, SaveDate: 48, ObjectID: 96, Envelope: 700, Structure: 700, Preview: 300, Gmail: 200} {
		if r.want&w != 0 {
			n += octets
		}
	}
	return n + int64(len(r.raw))*256
}

// next returns the call for the next window, nil at the end.
func (p *plan) next(ctx context.Context) (*call, error) {
	switch {
	case p.whole:
		p.whole = false
		f := newFetching(p.m)
		f.all = true
		return p.call(f, imap.NumSetOf(imap.NumRange{First: 1, Last: imap.Star}), firstPart), nil
	case p.sized:
		return p.nextSized(ctx)
	case len(p.rest) == 0:
		return nil, nil
	}
	f := newFetching(p.m)
	f.set = p.rest[0]
	p.rest = p.rest[1:]
	return p.call(f, imap.UIDNumSet(f.set), firstPart), nil
}

// nextSized packs messages by their sizes. Those of the next part are asked for
// ahead.
func (p *plan) nextSized(ctx context.Context) (*call, error) {
	for len(p.sizes) == 0 {
		if p.ahead == nil {
			if len(p.rest) == 0 {
				return nil, nil
			}
			if err := p.askSizes(ctx); err != nil {
				return nil, err
			}
		}
		k := p.ahead
		p.ahead = nil
		if err := p.m.c.wait(ctx, k); err != nil && !isExpungeIssued(err) {
			return nil, err
		}
		p.sizes = *p.aheadSizes
		if len(p.rest) > 0 {
			if err := p.askSizes(ctx); err != nil {
				return nil, err
			}
		}
	}
	f := newFetching(p.m)
	room := p.m.c.o.Limits.Window / 2
	big := p.sizes[0].size > firstPart
	n := 0
	for n < len(p.sizes) {
		size := min(p.sizes[n].size, firstPart) * int64(len(p.req.sections))
		if n > 0 && (size > room || (p.sizes[n].size > firstPart) != big) {
			break
		}
		room -= size
		f.set.Add(p.sizes[n].uid)
		n++
	}
	p.sizes = p.sizes[n:]
	partial := int64(0)
	if big {
		partial = firstPart
	}
	return p.call(f, imap.UIDNumSet(f.set), partial), nil
}

// askSizes asks for the sizes of the next part.
func (p *plan) askSizes(ctx context.Context) error {
	set := p.rest[0]
	p.rest = p.rest[1:]
	sizes := new([]sizeOf)
	k := p.m.newCall(&imap.Fetch{UID: true, Set: imap.UIDNumSet(set), Items: []imap.FetchItem{{Att: imap.FetchUID}, {Att: imap.FetchSize}}})
	k.name, k.reads = "UID FETCH", true
	k.fetch = newFetching(p.m)
	k.fetch.set = set
	k.fetch.wants = func(msg *Message) bool { return msg.Has&Size != 0 && len(msg.parts) == 0 }
	k.fetch.each = func(msg *Message) {
		if msg.Has&Size != 0 {
			*sizes = append(*sizes, sizeOf{msg.UID, msg.Entry.Size})
		} else {
			*sizes = append(*sizes, sizeOf{msg.UID, firstPart + 1})
		}
	}
	if err := p.m.c.start(ctx, k); err != nil {
		return err
	}
	p.ahead, p.aheadSizes = k, sizes
	return nil
}

// call returns the call that asks for a window.
func (p *plan) call(f *fetching, set imap.NumSet, partial int64) *call {
	f.req, f.light = p.req, p.req.light()
	k := p.m.newCall(&imap.Fetch{UID: true, Set: set, Items: p.req.items(p.m.c, partial), ChangedSince: p.req.since, Vanished: p.req.vanished})
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

func (p *plan) stop() {
	if p.ahead != nil {
		p.m.c.abandon(p.ahead)
	}
}

// batch returns how many messages one command may name.
func (c *Client) batch() int { return c.o.Limits.Batch }

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
