package main

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// verify reads all messages of both sides and compares them, whatever the journal
// says: each content must be on the target as often as at the source. What only
// the target has is counted, but no error.
func (c *copier) verify(ctx context.Context) error {
	w, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer w.close()
	theirs, err := w.from.list(ctx)
	if err != nil {
		return err
	}
	ours, err := w.to.list(ctx)
	if err != nil {
		return err
	}
	slices.SortFunc(theirs, func(a, b info) int { return strings.Compare(order(a.name), order(b.name)) })
	for _, t := range theirs {
		if !c.selected(t.name) {
			continue
		}
		if err := c.verifyMailbox(ctx, w, t.name, c.verifiedName(t, theirs, ours)); err != nil {
			return fmt.Errorf("%s: %w", t.name, err)
		}
	}
	return nil
}

// verifiedName is where a mailbox has been copied to.
func (c *copier) verifiedName(t info, theirs, ours []info) string {
	if r := c.journal.known(t.name); r != nil {
		return r.target
	}
	return c.targetName(t, theirs, ours)
}

func (c *copier) verifyMailbox(ctx context.Context, w *worker, name, target string) error {
	src, err := w.from.open(ctx, name, true)
	if err != nil {
		return err
	}
	dst, err := w.to.open(ctx, target, true)
	if err != nil {
		return err
	}
	// How often each content is at the source, less how often on the target.
	balance := map[digest]int{}
	atSource := map[digest]bool{}
	read := func(b box, weight int) (n int, err error) {
		set, err := b.uids(ctx)
		if err != nil {
			return 0, err
		}
		return set.Len(), c.digests(ctx, b, set, func(uid mailbox.UID, d digest) {
			balance[d] += weight
			if weight > 0 {
				atSource[d] = true
			}
		})
	}
	n, err := read(src, 1)
	if err != nil {
		return err
	}
	if _, err := read(dst, -1); err != nil {
		return err
	}
	missing, doubled, others := 0, 0, 0
	for d, n := range balance {
		switch {
		case n > 0:
			missing += n
		case n < 0 && atSource[d]:
			doubled -= n
		default:
			others -= n
		}
	}
	line := c.say("%s: %d messages verified, %d missing on the target, %d there too often", name, n, missing, doubled)
	if others > 0 {
		line += fmt.Sprintf("; %d others are there", others)
	}
	c.progress.result(0, line)
	c.failures.Add(int64(missing + doubled))
	return nil
}
