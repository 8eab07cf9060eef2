package imapclient

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// Status returns counters of a mailbox without selecting it (RFC 9051 §6.3.11).
// Without items, these are MESSAGES, UNSEEN, UIDNEXT and UIDVALIDITY, and
// HIGHESTMODSEQ where the server has it.
func (c *Client) Status(ctx context.Context, name string, items ...imap.StatusItem) (*imap.StatusData, error) {
	if len(items) == 0 {
		items = []imap.StatusItem{imap.StatusMessages, imap.StatusUnseen, imap.StatusUIDNext, imap.StatusUIDValidity}
		if c.has(imap.CapCondStore) {
			items = append(items, imap.StatusHighestModSeq)
		}
	}
	k, data := c.statusCall(name, items)
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	if *data == nil {
		return nil, &CommandError{Command: k.name, Mailbox: name, Err: ErrItemMissing}
	}
	return *data, nil
}

// statusCall returns a call whose answer is stored in the second result.
func (c *Client) statusCall(name string, items []imap.StatusItem) (*call, **imap.StatusData) {
	k := namedCall(&imap.Status{Mailbox: name, Items: items}, name)
	// One for each mailbox at a time, since the answer has its name only.
	k.kind = "STATUS " + name
	data := new(*imap.StatusData)
	k.take = func(resp grammar.Response) bool {
		s, ok := resp.(*imap.StatusData)
		if !ok || *data != nil || !sameName(s.Mailbox, name) {
			return false
		}
		*data = s
		return true
	}
	return k, data
}

// sameName reports whether both are the name of one mailbox.
func sameName(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}
