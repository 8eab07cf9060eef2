package imapclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

func namedCall(cmd imap.Command, name string) *call {
	k := newCall(cmd)
	k.box = name
	return k
}

// Create creates a mailbox, with roles if the server can give them at once (RFC
// 6154 §3). The error is mailbox.ErrExist if there is one.
func (c *Client) Create(ctx context.Context, name string, use ...mailbox.SpecialUse) error {
	cmd := &imap.Create{Mailbox: name}
	if len(use) > 0 {
		if err := c.need(imap.CapCreateSpecialUse, "creating a mailbox with a role"); err != nil {
			return err
		}
		for _, set := range use {
			for u := range set.All() {
				cmd.SpecialUse = append(cmd.SpecialUse, imap.MailboxAttr(u.String()))
			}
		}
	}
	return c.run(ctx, namedCall(cmd, name))
}

// Delete deletes a mailbox (RFC 9051 §6.3.5). The error is mailbox.ErrNotExist if there
// is none. Mailboxes below it remain; some servers then refuse, others keep the name as
// one that can't be selected. INBOX can't be deleted.
func (c *Client) Delete(ctx context.Context, name string) error {
	return c.run(ctx, c.goneCall(&imap.Delete{Mailbox: name}, name))
}

// Rename gives a mailbox, and those below it, another name (RFC 9051 §6.3.6). To rename
// INBOX moves all its messages to a new mailbox and leaves INBOX empty; some servers
// refuse that. The error is mailbox.ErrNotExist or mailbox.ErrExist.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	return c.run(ctx, c.goneCall(&imap.Rename{From: from, To: to}, from))
}

// goneCall returns a call after which the name means no mailbox.
func (c *Client) goneCall(cmd imap.Command, name string) *call {
	k := namedCall(cmd, name)
	k.ended = func(k *call) {
		if k.status.Cond == imap.OK {
			c.forgetName(name)
		}
	}
	return k
}

// Subscribe adds a name to the subscriptions.
func (c *Client) Subscribe(ctx context.Context, name string) error {
	return c.run(ctx, namedCall(&imap.Subscribe{Mailbox: name}, name))
}

// Unsubscribe removes a name from the subscriptions.
func (c *Client) Unsubscribe(ctx context.Context, name string) error {
	return c.run(ctx, namedCall(&imap.Unsubscribe{Mailbox: name}, name))
}
