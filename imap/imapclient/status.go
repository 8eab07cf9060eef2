package imapclient

import (
	"context"
	"slices"
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
		if !ok || *data != nil || !sameName(s.Mailbox, name) || !answersStatus(s, items) {
			return false
		}
		*data = s
		return true
	}
	return k, data
}

// answersStatus reports whether a response has one of the items, or none at all. Others
// may be about the same mailbox: those of LIST, and those that NOTIFY brings.
func answersStatus(s *imap.StatusData, items []imap.StatusItem) bool {
	has := func(item imap.StatusItem) bool { return hasStatus(s, item) }
	return slices.ContainsFunc(items, has) || len(s.Unknown) == 0 && !slices.ContainsFunc(statusItems[:], has)
}

// statusItems are the items that StatusData has fields for.
var statusItems = [...]imap.StatusItem{
	imap.StatusMessages, imap.StatusRecent, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen, imap.StatusDeleted,
	imap.StatusSize, imap.StatusHighestModSeq, imap.StatusAppendLimit, imap.StatusMailboxID, imap.StatusDeletedStorage,
}

// hasStatus reports whether a response has an item.
func hasStatus(s *imap.StatusData, item imap.StatusItem) bool {
	switch imap.StatusItem(strings.ToUpper(string(item))) {
	case imap.StatusMessages:
		return s.Messages != nil
	case imap.StatusRecent:
		return s.Recent != nil
	case imap.StatusUIDNext:
		return s.UIDNext != 0
	case imap.StatusUIDValidity:
		return s.UIDValidity != 0
	case imap.StatusUnseen:
		return s.Unseen != nil
	case imap.StatusDeleted:
		return s.Deleted != nil
	case imap.StatusSize:
		return s.Size != nil
	case imap.StatusHighestModSeq:
		return s.HighestModSeq != nil
	case imap.StatusAppendLimit:
		return s.AppendLimit != nil
	case imap.StatusMailboxID:
		return s.MailboxID != ""
	case imap.StatusDeletedStorage:
		return s.DeletedStorage != nil
	}
	for _, u := range s.Unknown {
		if strings.EqualFold(u.Name, string(item)) {
			return true
		}
	}
	return false
}

// sameName reports whether both are the name of one mailbox.
func sameName(a, b string) bool {
	return a == b || strings.EqualFold(a, "INBOX") && strings.EqualFold(b, "INBOX")
}
