package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// GmailSearch is a search key with a query as in Gmail's search box.
func GmailSearch(query string) search.Key { return imap.SearchGmail{Query: query} }

// takeGmail adds an item of X-GM-EXT-1.
func (m *Message) takeGmail(it *grammar.Item) {
	if m.Gmail == nil {
		m.Gmail = &imap.GmailData{}
	}
	switch it.Att {
	case imap.FetchGmailMessageID:
		m.Gmail.MessageID = it.ID
	case imap.FetchGmailThreadID:
		m.Gmail.ThreadID = it.ID
	case imap.FetchGmailLabels:
		m.Gmail.Labels = it.Labels
	}
	m.Has |= Gmail
}

// AddLabels adds Gmail's labels to messages, which thereby are in the mailboxes of
// these names too.
func (m *Mailbox) AddLabels(ctx context.Context, set Set, labels ...string) error {
	return m.changeLabels(ctx, set, mailbox.FlagsAdd, labels)
}

// RemoveLabels takes Gmail's labels off messages.
func (m *Mailbox) RemoveLabels(ctx context.Context, set Set, labels ...string) error {
	return m.changeLabels(ctx, set, mailbox.FlagsRemove, labels)
}

func (m *Mailbox) changeLabels(ctx context.Context, set Set, op mailbox.FlagOp, labels []string) error {
	if err := m.c.need(imap.CapGmail, "labels"); err != nil {
		return err
	}
	uids, err := m.resolve(ctx, set)
	if err != nil {
		return err
	}
	for _, part := range splitSet(uids, m.c.maxSet(), m.c.batch()) {
		k := m.newCall(&imap.Store{UID: true, Set: imap.UIDNumSet(part), Item: imap.StoreGmailLabels, Op: op, Silent: true, Labels: labels})
		k.name = "UID STORE"
		if err := m.c.run(ctx, k); err != nil {
			return err
		}
	}
	return nil
}
