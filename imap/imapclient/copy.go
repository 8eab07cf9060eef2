package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Copied is the result of Copy and Move.
type Copied struct {
	// Moved pairs the old and new UIDs, as far as the server tells (RFC 4315).
	Moved       []mailbox.Moved
	UIDValidity uint32 // of the destination; zero: not told

	// Done are the messages for which the server has confirmed the whole
	// operation, whether or not it told their new UIDs.
	Done mailbox.UIDSet
}

// add takes the pairs of UIDs from COPYUID.
func (r *Copied) add(arg any) {
	if c, ok := arg.(imap.CopyUID); ok {
		r.UIDValidity = c.UIDValidity
		r.Moved = append(r.Moved, c.Moved...)
	}
}

// Copy copies the messages of the set to another mailbox (RFC 9051 §6.4.7). A long
// set becomes several commands; if one fails, the result says what was copied
// before. The error is mailbox.ErrNotExist if there is no such mailbox.
func (m *Mailbox) Copy(ctx context.Context, set Set, dest string) (*Copied, error) {
	out := &Copied{}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return out, err
	}
	return out, m.copy(ctx, uids, dest, out)
}

func (m *Mailbox) copy(ctx context.Context, uids mailbox.UIDSet, dest string, out *Copied) error {
	for _, part := range splitSet(uids, m.c.maxSet(), m.c.batch()) {
		k := m.newCall(&imap.Copy{UID: true, Set: imap.UIDNumSet(part), Mailbox: dest})
		k.name = "UID COPY"
		if err := m.c.run(ctx, k); err != nil {
			return err
		}
		out.add(k.status.Arg)
		out.Done = out.Done.Union(part)
	}
	return nil
}

// Move moves the messages of the set to another mailbox (RFC 6851). Where the
// server has no MOVE, they are copied, marked as deleted and expunged, part by
// part; a failure then can leave copies, and the error says at which step. See
// EmulateMove.
func (m *Mailbox) Move(ctx context.Context, set Set, dest string) (*Copied, error) {
	out := &Copied{}
	c := m.c
	emulate := !c.has(imap.CapMove)
	if emulate && c.o.NoEmulation&EmulateMove != 0 {
		return out, &UnsupportedError{Cap: imap.CapMove, What: "moving messages"}
	}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return out, err
	}
	for _, part := range splitSet(uids, c.maxSet(), c.batch()) {
		if emulate {
			if err := m.moveByCopy(ctx, part, dest, out); err != nil {
				return out, err
			}
			continue
		}
		k := m.newCall(&imap.Move{UID: true, Set: imap.UIDNumSet(part), Mailbox: dest})
		k.name = "UID MOVE"
		k.take = takeCopyUID(out)
		if err := c.run(ctx, k); err != nil {
			return out, err
		}
		out.add(k.status.Arg)
		out.Done = out.Done.Union(part)
	}
	return out, nil
}

func (m *Mailbox) moveByCopy(ctx context.Context, part mailbox.UIDSet, dest string, out *Copied) error {
	copied := &Copied{}
	if err := m.copy(ctx, part, dest, copied); err != nil {
		return err
	}
	out.Moved = append(out.Moved, copied.Moved...)
	out.UIDValidity = copied.UIDValidity
	if err := m.AddFlags(ctx, UIDSet(part), mailbox.FlagDeleted); err != nil {
		return errors.Join(errCopiedOnly, err)
	}
	if _, err := m.Expunge(ctx, UIDSet(part)); err != nil {
		return errors.Join(errCopiedOnly, err)
	}
	out.Done = out.Done.Union(part)
	return nil
}

var errCopiedOnly = errors.New("imapclient: messages were copied and not removed")
