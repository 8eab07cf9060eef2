package imapserver

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// mailboxesExt is the commands that create, delete, rename, subscribe to and list
// mailboxes (RFC 9051 §6.3.4 to §6.3.11).
func mailboxesExt() extension {
	return extension{commands: []command{
		{"CREATE", loggedIn, on((*Conn).create)},
		{"DELETE", loggedIn, on((*Conn).delete)},
		{"RENAME", loggedIn, on((*Conn).rename)},
		{"SUBSCRIBE", loggedIn, on((*Conn).subscribe)},
		{"UNSUBSCRIBE", loggedIn, on((*Conn).unsubscribe)},
		{"LIST", loggedIn, on((*Conn).list)},
		{"LSUB", loggedIn, on((*Conn).lsub)},
	}}
}

// newName checks the name of a mailbox that is to be made.
func (c *Conn) newName(name string) (string, error) {
	name = mailbox.CanonicalName(name)
	return name, mailbox.ValidName(name, c.account.Limits())
}

// create creates the mailbox and missing superiors (RFC 9051 §6.3.4). A separator
// at the end declares that inferiors will follow: it is ignored, since any mailbox
// may have inferiors.
func (c *Conn) create(cmd *imap.Create) (reply, error) {
	name, err := c.newName(strings.TrimSuffix(cmd.Mailbox, string(separator)))
	if err != nil {
		return reply{}, err
	}
	var opts mailbox.CreateOptions
	for _, attr := range cmd.SpecialUse {
		use, ok := mailbox.ParseSpecialUse(string(attr))
		if !ok {
			return reply{}, no(imap.CodeUseAttr, "unknown special use")
		}
		opts.SpecialUse |= use
	}
	if _, err := c.account.Mailbox(c.ctx, name); err == nil {
		return reply{}, mailbox.ErrExist
	}
	if _, err = c.account.Create(c.ctx, name, &opts); err != nil {
		return reply{}, err
	}
	c.createSuperiors(name)
	return reply{}, nil
}

// createSuperiors creates the superiors of a new name. If it can't, the mailbox
// exists without them, which is allowed.
func (c *Conn) createSuperiors(name string) {
	for up := superior(name); up != ""; up = superior(up) {
		_, err := c.account.Create(c.ctx, up, nil)
		switch {
		case err == nil:
		case errors.Is(err, mailbox.ErrExist), up == mailbox.Inbox:
			return // and so its superiors, or they are not wanted
		default:
			c.log().Debug("imap: superior mailbox not made", "name", up, "error", err)
			return
		}
	}
}

func (c *Conn) delete(cmd *imap.Delete) (reply, error) {
	mb, err := c.account.Mailbox(c.ctx, cmd.Mailbox)
	if err != nil {
		return reply{}, err
	}
	if err := c.account.Delete(c.ctx, cmd.Mailbox); err != nil {
		return reply{}, err
	}
	id := mb.Info().ID
	if c.sel != nil && c.sel.info.ID == id {
		// The client deleted it itself: the mailbox is only closed.
		c.leaveMailbox()
		c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeClosed, Text: "the selected mailbox is deleted"})
	}
	c.hub.changed(id)
	return reply{}, nil
}

func (c *Conn) rename(cmd *imap.Rename) (reply, error) {
	to, err := c.newName(strings.TrimSuffix(cmd.To, string(separator)))
	if err != nil {
		return reply{}, err
	}
	if mailbox.CanonicalName(cmd.From) == mailbox.Inbox {
		return reply{}, c.renameInbox(to)
	}
	if _, err := c.account.Mailbox(c.ctx, to); err == nil {
		return reply{}, mailbox.ErrExist
	}
	if err := c.account.Rename(c.ctx, strings.TrimSuffix(cmd.From, string(separator)), to); err != nil {
		return reply{}, err
	}
	c.createSuperiors(to)
	return reply{}, nil
}

// renameInbox moves all messages of INBOX to a new mailbox, leaving INBOX, and
// its inferiors, where they are (RFC 3501 §6.3.5).
func (c *Conn) renameInbox(to string) error {
	inbox, err := c.account.Mailbox(c.ctx, mailbox.Inbox)
	if err != nil {
		return err
	}
	if _, err := c.account.Create(c.ctx, to, nil); err != nil {
		return err
	}
	c.createSuperiors(to)
	res, err := inbox.Move(c.ctx, mailbox.AllUIDs(), to)
	if err != nil {
		return err
	}
	c.hub.changed(inbox.Info().ID)
	return c.workOn(2 * changeCost * res.SourceUIDs().Len())
}

func (c *Conn) subscribe(cmd *imap.Subscribe) (reply, error) {
	name, err := c.newName(strings.TrimSuffix(cmd.Mailbox, string(separator)))
	if err != nil {
		return reply{}, err
	}
	return reply{}, c.account.Subscribe(c.ctx, name, true)
}

func (c *Conn) unsubscribe(cmd *imap.Unsubscribe) (reply, error) {
	return reply{}, c.account.Subscribe(c.ctx, mailbox.CanonicalName(cmd.Mailbox), false)
}
