package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// expungeExt is EXPUNGE (RFC 9051 §6.4.3).
func expungeExt() extension {
	return extension{commands: []command{{"EXPUNGE", selectedState, on((*Conn).expungeDeleted)}}}
}

// uidPlusExt is UIDPLUS (RFC 4315): UID EXPUNGE, and the response codes
// APPENDUID and COPYUID, which are always sent.
func uidPlusExt() extension { return extension{caps: []imap.Cap{imap.CapUIDPlus}} }

func (c *Conn) expungeDeleted(cmd *imap.Expunge) (reply, error) {
	if err := c.writable(mailbox.RightExpunge); err != nil {
		return reply{}, err
	}
	set := c.sel.view.clip(mailbox.AllUIDs())
	if cmd.UID {
		var err error
		if set, err = c.resolve(cmd.Set, true); err != nil {
			return reply{}, err
		}
	}
	return reply{}, c.expunge(set) // poll tells the client
}

// expunge removes the messages of the set that are marked \Deleted.
func (c *Conn) expunge(set mailbox.UIDSet) error {
	res, err := c.sel.mb.Expunge(c.ctx, set, mailbox.NewFlagSet(mailbox.FlagDeleted))
	c.made(res.Steps, mailbox.Changes{Vanished: res.SourceUIDs()})
	if e := c.workOn(changeCost * res.SourceUIDs().Len()); err == nil {
		err = e
	}
	return c.selectedGone(err)
}
