package imapserver

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// mailboxesExt is the commands that make, rename, remove, list and watch over
// mailboxes (RFC 9051 §6.3.4 to §6.3.11).
func mailboxesExt() extension {
	return extension{commands: []command{
		{"CREATE", loggedIn, on((*Session).create)},
		{"DELETE", loggedIn, on((*Session).delete)},
		{"RENAME", loggedIn, on((*Session).rename)},
		{"SUBSCRIBE", loggedIn, on((*Session).subscribe)},
		{"UNSUBSCRIBE", loggedIn, on((*Session).unsubscribe)},
		{"LIST", loggedIn, on((*Session).list)},
		{"LSUB", loggedIn, on((*Session).lsub)},
	}}
}

// newName checks the name of a mailbox that is to be made.
func (s *Session) newName(name string) (string, error) {
	name = mailbox.CanonicalName(name)
	return name, mailbox.ValidName(name, s.account.Limits())
}

// create makes the mailbox and the superiors that it lacks (RFC 9051 §6.3.4).
// A separator at the end says that inferiors will follow: any mailbox may have
// some, so it means nothing here.
func (s *Session) create(c *imap.Create) (reply, error) {
	name, err := s.newName(strings.TrimSuffix(c.Mailbox, string(separator)))
	if err != nil {
		return reply{}, err
	}
	var opts mailbox.CreateOptions
	for _, attr := range c.SpecialUse {
		use, ok := mailbox.ParseSpecialUse(string(attr))
		if !ok {
			return reply{}, no(imap.CodeUseAttr, "unknown special use")
		}
		opts.SpecialUse |= use
	}
	if _, err := s.account.Mailbox(s.ctx, name); err == nil {
		return reply{}, mailbox.ErrExist
	}
	if _, err = s.account.Create(s.ctx, name, &opts); err != nil {
		return reply{}, err
	}
	s.createSuperiors(name)
	return reply{}, nil
}

// createSuperiors makes mailboxes of the superiors that a new name has. Where
// that can't be done the name stands without them, which nothing forbids.
func (s *Session) createSuperiors(name string) {
	for up := superior(name); up != ""; up = superior(up) {
		_, err := s.account.Create(s.ctx, up, nil)
		switch {
		case err == nil:
		case errors.Is(err, mailbox.ErrExist), up == mailbox.Inbox:
			return // and so its superiors, or nobody wants them
		default:
			s.log().Debug("imap: superior mailbox not made", "name", up, "error", err)
			return
		}
	}
}

func (s *Session) delete(c *imap.Delete) (reply, error) {
	mb, err := s.account.Mailbox(s.ctx, c.Mailbox)
	if err != nil {
		return reply{}, err
	}
	if err := s.account.Delete(s.ctx, c.Mailbox); err != nil {
		return reply{}, err
	}
	id := mb.Info().ID
	if s.sel != nil && s.sel.info.ID == id {
		// The client knows what it did: it only stops being in the mailbox.
		s.leaveMailbox()
		s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeClosed, Text: "the selected mailbox is deleted"})
	}
	s.hub.changed(id)
	return reply{}, nil
}

func (s *Session) rename(c *imap.Rename) (reply, error) {
	to, err := s.newName(strings.TrimSuffix(c.To, string(separator)))
	if err != nil {
		return reply{}, err
	}
	if mailbox.CanonicalName(c.From) == mailbox.Inbox {
		return reply{}, s.renameInbox(to)
	}
	if _, err := s.account.Mailbox(s.ctx, to); err == nil {
		return reply{}, mailbox.ErrExist
	}
	if err := s.account.Rename(s.ctx, strings.TrimSuffix(c.From, string(separator)), to); err != nil {
		return reply{}, err
	}
	s.createSuperiors(to)
	return reply{}, nil
}

// renameInbox moves all messages of INBOX to a new mailbox, leaving INBOX, and
// its inferiors, where they are (RFC 3501 §6.3.5).
func (s *Session) renameInbox(to string) error {
	inbox, err := s.account.Mailbox(s.ctx, mailbox.Inbox)
	if err != nil {
		return err
	}
	if _, err := s.account.Create(s.ctx, to, nil); err != nil {
		return err
	}
	s.createSuperiors(to)
	if _, err := inbox.Move(s.ctx, mailbox.AllUIDs(), to); err != nil {
		return err
	}
	s.hub.changed(inbox.Info().ID)
	return nil
}

func (s *Session) subscribe(c *imap.Subscribe) (reply, error) {
	name, err := s.newName(strings.TrimSuffix(c.Mailbox, string(separator)))
	if err != nil {
		return reply{}, err
	}
	return reply{}, s.account.Subscribe(s.ctx, name, true)
}

func (s *Session) unsubscribe(c *imap.Unsubscribe) (reply, error) {
	return reply{}, s.account.Subscribe(s.ctx, mailbox.CanonicalName(c.Mailbox), false)
}
