package imapclient

import (
	"context"

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
	for _, part := range splitSet(uids, m.c.maxSet(), m.c.saveBatch()) {
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
