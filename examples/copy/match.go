package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"fmt"
	"hash"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A digest is that of a message's octets, without CR: some servers turn a bare LF
// into CRLF.
type digest [sha256.Size]byte

type digester struct{ h hash.Hash }

func newDigester() digester { return digester{sha256.New()} }

func (d digester) Write(p []byte) (int, error) {
	n := len(p)
	for len(p) > 0 {
		i := bytes.IndexByte(p, '\r')
		if i < 0 {
			i = len(p)
		}
		d.h.Write(p[:i])
		p = p[min(i+1, len(p)):]
	}
	return n, nil
}

func (d digester) sum() (out digest) {
	d.h.Sum(out[:0])
	return out
}

// digests calls f for each message of a set. A message that can't be read is left
// out, and reported: it counts as a failure.
func (c *copier) digests(ctx context.Context, b box, set mailbox.UIDSet, f func(mailbox.UID, digest)) error {
	var seen mailbox.UIDSet
	for msg, err := range b.messages(ctx, set) {
		if msg == nil {
			return err
		}
		seen.Add(msg.UID)
		d := newDigester()
		if err == nil {
			_, err = msg.body.WriteTo(d)
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			c.failures.Add(1)
			c.complain("message %d can't be compared: %v", msg.UID, err)
			continue
		}
		f(msg.UID, d.sum())
	}
	if left := set.Subtract(seen); !left.IsEmpty() {
		now, err := b.uids(ctx)
		if err != nil {
			return err
		}
		if left = left.Intersect(now); !left.IsEmpty() {
			return fmt.Errorf("%d messages could not be read: %.100s", left.Len(), left)
		}
	}
	return nil
}

// match finds messages of both sides that are the same by their contents. If one is
// there several times, that many are paired. With bySize only messages are read
// whose size occurs on both sides: nearly none where the target has been in use for
// other mail.
func (c *copier) match(ctx context.Context, src, dst box, sources, targets mailbox.UIDSet, bySize bool) (pairs, error) {
	if sources.IsEmpty() || targets.IsEmpty() {
		return nil, nil
	}
	if bySize {
		var err error
		if sources, targets, err = c.sameSizes(ctx, src, dst, sources, targets); err != nil {
			return nil, err
		}
	}
	there := map[digest][]mailbox.UID{}
	err := c.digests(ctx, dst, targets, func(uid mailbox.UID, d digest) { there[d] = append(there[d], uid) })
	if err != nil || len(there) == 0 {
		return nil, err
	}
	var out pairs
	err = c.digests(ctx, src, sources, func(uid mailbox.UID, d digest) {
		if same := there[d]; len(same) > 0 {
			out.add(uid, same[0])
			there[d] = same[1:]
		}
	})
	return out, err
}

func (c *copier) sameSizes(ctx context.Context, src, dst box, sources, targets mailbox.UIDSet) (mailbox.UIDSet, mailbox.UIDSet, error) {
	sizes := func(b box, set mailbox.UIDSet) (map[int64]*mailbox.UIDSet, error) {
		out := map[int64]*mailbox.UIDSet{}
		for e, err := range b.entries(ctx, set, true) {
			if e.UID == 0 {
				return nil, fmt.Errorf("reading the sizes of messages: %w", err)
			}
			if out[e.Size] == nil {
				out[e.Size] = new(mailbox.UIDSet)
			}
			out[e.Size].Add(e.UID)
		}
		return out, nil
	}
	a, err := sizes(src, sources)
	if err != nil {
		return sources, targets, err
	}
	b, err := sizes(dst, targets)
	if err != nil {
		return sources, targets, err
	}
	var both [2][]mailbox.UIDRange
	for size, set := range a {
		if other := b[size]; other != nil {
			both[0] = append(both[0], set.Ranges()...)
			both[1] = append(both[1], other.Ranges()...)
		}
	}
	return mailbox.UIDSetOfRanges(both[0]...), mailbox.UIDSetOfRanges(both[1]...), nil
}
