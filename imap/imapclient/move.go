package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Move moves the messages of the set to another mailbox (RFC 6851). A long set
// becomes several commands; if one fails, the result says what was moved before.
//
// Where the server has no MOVE, the messages are copied, marked as deleted and
// expunged, part by part: see EmulateMove, and for servers without UIDPLUS
// EmulateExpunge. That is not atomic: if a step after the copying fails, the error
// is a [StepError], and Copied.Moved has the copies too.
func (m *Mailbox) Move(ctx context.Context, set Set, dest string) (*Copied, error) {
	out := &Copied{}
	c := m.c
	emulate := !c.has(imap.CapMove)
	if emulate && c.o.NoEmulation&EmulateMove != 0 {
		return out, &UnsupportedError{Cap: imap.CapMove, What: "moving messages"}
	}
	if emulate && !c.has(imap.CapUIDPlus) && c.o.NoEmulation&EmulateExpunge != 0 {
		return out, &UnsupportedError{Cap: imap.CapUIDPlus, What: "moving messages"}
	}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return out, err
	}
	for _, part := range splitSet(uids, c.maxSet(), c.saveBatch()) {
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

// moveByCopy does what MOVE does (RFC 6851 §3.3).
func (m *Mailbox) moveByCopy(ctx context.Context, part mailbox.UIDSet, dest string, out *Copied) error {
	copied := &Copied{}
	if err := m.copy(ctx, part, dest, copied); err != nil {
		return err
	}
	out.Moved = append(out.Moved, copied.Moved...)
	out.UIDValidity = copied.UIDValidity
	if err := m.AddFlags(ctx, UIDSet(part), mailbox.FlagDeleted); err != nil {
		return &StepError{Command: "MOVE", Step: "STORE", State: "messages were copied and not removed", Err: err}
	}
	if _, err := m.Expunge(ctx, UIDSet(part)); err != nil {
		return &StepError{Command: "MOVE", Step: "EXPUNGE", State: "messages were copied and marked as deleted", Err: err}
	}
	out.Done = out.Done.Union(part)
	return nil
}

// takeCopyUID takes the untagged OK with COPYUID that precedes the EXPUNGEs of a
// MOVE (RFC 6851 §4.3).
func takeCopyUID(out *Copied) func(grammar.Response) bool {
	return func(resp grammar.Response) bool {
		line, ok := resp.(*grammar.StatusLine)
		if ok && line.Code == imap.CodeCopyUID {
			out.add(line.Arg)
			return true
		}
		return false
	}
}
