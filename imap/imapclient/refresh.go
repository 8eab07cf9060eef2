package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
)

// Refresh returns counters of the mailbox as it is now. All that they count is
// known to the connection when Refresh returns: a later call finds every message
// below UIDNEXT, and every change up to HIGHESTMODSEQ. Without items, these are
// MESSAGES, UIDNEXT and UIDVALIDITY, and HIGHESTMODSEQ where the server has it.
//
// It is NOOP, and then STATUS and NOOP in one flight: some servers answer STATUS
// from what the session knows, so it must be brought up to date before, and
// Dovecot postpones that to the end of a flight; others answer from the mailbox
// itself, so the session must catch up behind it. The error is ErrUIDValidity if
// another mailbox has taken the name.
func (m *Mailbox) Refresh(ctx context.Context, items ...imap.StatusItem) (*imap.StatusData, error) {
	c := m.c
	if len(items) == 0 {
		items = []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity}
		if c.has(imap.CapCondStore) {
			items = append(items, imap.StatusHighestModSeq)
		}
	}
	if err := m.CatchUp(ctx); err != nil {
		return nil, err
	}
	status, data := c.statusCall(m.name, items)
	status.mb = m
	calls := []*call{status, m.newCall(&imap.Noop{})}
	if err := c.start(ctx, calls...); err != nil {
		return nil, err
	}
	var failed error
	for _, k := range calls {
		if err := c.wait(ctx, k); err != nil && failed == nil {
			failed = err
		}
	}
	switch {
	case failed != nil:
		return nil, failed
	case *data == nil:
		return nil, &CommandError{Command: "STATUS", Mailbox: m.name, Err: ErrItemMissing}
	case (*data).UIDValidity != 0 && (*data).UIDValidity != m.Info().UIDValidity:
		return nil, &CommandError{Command: "STATUS", Mailbox: m.name, Err: ErrUIDValidity}
	}
	return *data, nil
}

// CatchUp sends NOOP: later calls are answered from the mailbox as it is now, while
// without it servers need not show what others have changed (RFC 9051 §5.2).
//
// What others have expunged, servers may leave out of the answers to FETCH, STORE and
// SEARCH and still say OK, with EXPUNGEISSUED (RFC 5530 §3). The Update that tells it
// cannot come with these (RFC 9051 §7.5.1), but does with CatchUp. The client does not
// send NOOP for it by itself: that would change sequence numbers between two calls.
func (m *Mailbox) CatchUp(ctx context.Context) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	return m.c.run(ctx, m.newCall(&imap.Noop{}))
}
