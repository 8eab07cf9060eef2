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

// Delete deletes a mailbox. The error is mailbox.ErrNotExist if there is none.
func (c *Client) Delete(ctx context.Context, name string) error {
	return c.run(ctx, namedCall(&imap.Delete{Mailbox: name}, name))
}

// Rename gives a mailbox another name.
func (c *Client) Rename(ctx context.Context, from, to string) error {
	return c.run(ctx, namedCall(&imap.Rename{From: from, To: to}, from))
}

// Subscribe adds a name to the subscriptions.
func (c *Client) Subscribe(ctx context.Context, name string) error {
	return c.run(ctx, namedCall(&imap.Subscribe{Mailbox: name}, name))
}

// Unsubscribe removes a name from the subscriptions.
func (c *Client) Unsubscribe(ctx context.Context, name string) error {
	return c.run(ctx, namedCall(&imap.Unsubscribe{Mailbox: name}, name))
}
