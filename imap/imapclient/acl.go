package imapclient

import (
	"context"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// ACL returns who has which rights on a mailbox (RFC 4314 §3.3). It needs the right
// to administer it: else the error is mailbox.ErrPermission, or mailbox.ErrNotExist if
// the user may not even see the mailbox.
func (c *Client) ACL(ctx context.Context, name string) ([]imap.ACLEntry, error) {
	k, data, err := aclCall[imap.ACLData](c, &imap.GetACL{Mailbox: name}, name, func(r *imap.ACLData) bool { return sameName(r.Mailbox, name) })
	if err != nil {
		return nil, err
	}
	if err := c.answered(ctx, k, func() bool { return *data != nil }); err != nil {
		return nil, err
	}
	return (*data).Entries, nil
}

// SetACL changes the rights that an identifier has on a mailbox (RFC 4314 §3.1): it
// gives it these and no others, adds them, or takes them away. An identifier is a
// user, a group, "anyone" or "anonymous"; with "-" before it, the rights are those that
// it does not get.
//
// A server without a capability RIGHTS= knows the rights of RFC 2086 only, in which "c"
// stands for "k" and mostly "x", and "d" for "e" and "t".
func (c *Client) SetACL(ctx context.Context, name, who string, op imap.RightsOp, r imap.Rights) error {
	if err := c.need(imap.CapACL, "access control"); err != nil {
		return err
	}
	return c.run(ctx, namedCall(&imap.SetACL{Mailbox: name, Identifier: who, Op: op, Rights: r}, name))
}

// DeleteACL removes an identifier and its rights from a mailbox (RFC 4314 §3.2).
func (c *Client) DeleteACL(ctx context.Context, name, who string) error {
	if err := c.need(imap.CapACL, "access control"); err != nil {
		return err
	}
	return c.run(ctx, namedCall(&imap.DeleteACL{Mailbox: name, Identifier: who}, name))
}

// ListRights returns which rights an identifier can be given on a mailbox (RFC 4314
// §3.4).
func (c *Client) ListRights(ctx context.Context, name, who string) (*imap.ListRightsData, error) {
	k, data, err := aclCall[imap.ListRightsData](c, &imap.ListRights{Mailbox: name, Identifier: who}, name,
		func(r *imap.ListRightsData) bool { return sameName(r.Mailbox, name) })
	if err != nil {
		return nil, err
	}
	if err := c.answered(ctx, k, func() bool { return *data != nil }); err != nil {
		return nil, err
	}
	return *data, nil
}

// MyRights returns what the user may do with a mailbox (RFC 4314 §3.5).
func (c *Client) MyRights(ctx context.Context, name string) (imap.Rights, error) {
	if err := c.need(imap.CapACL, "access control"); err != nil {
		return "", err
	}
	k, data := c.myRightsCall(name)
	if err := c.answered(ctx, k, func() bool { return *data != nil }); err != nil {
		return "", err
	}
	return (*data).Rights, nil
}

// myRightsCall returns a call whose answer is stored in the second result.
func (c *Client) myRightsCall(name string) (*call, **imap.MyRightsData) {
	k := namedCall(&imap.MyRights{Mailbox: name}, name)
	return k, takeOne(k, name, func(r *imap.MyRightsData) bool { return sameName(r.Mailbox, name) })
}

// aclCall is myRightsCall for other commands.
func aclCall[T any](c *Client, cmd imap.Command, name string, mine func(*T) bool) (*call, **T, error) {
	if err := c.need(imap.CapACL, "access control"); err != nil {
		return nil, nil, err
	}
	k := namedCall(cmd, name)
	return k, takeOne(k, name, mine), nil
}

// takeOne makes a call take one response of type *T, for which mine reports whether it
// is about what the command names: one such command is in flight at a time.
func takeOne[T any](k *call, name string, mine func(*T) bool) **T {
	data := new(*T)
	k.kind = strings.TrimPrefix(k.name, "GET") + " " + name
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*T)
		if !ok || *data != nil || !mine(r) {
			return false
		}
		*data = r
		return true
	}
	return data
}

// answered runs a call. If the server says OK without the answer, the error is
// ErrItemMissing.
func (c *Client) answered(ctx context.Context, k *call, ok func() bool) error {
	if err := c.run(ctx, k); err != nil {
		return err
	}
	if !ok() {
		return &CommandError{Command: k.name, Mailbox: k.box, Err: ErrItemMissing}
	}
	return nil
}
