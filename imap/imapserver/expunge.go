package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// expungeExt is EXPUNGE (RFC 9051 §6.4.3).
func expungeExt() extension {
	return extension{commands: []command{{"EXPUNGE", selectedState, on((*Session).expungeDeleted)}}}
}

// uidPlusExt is UIDPLUS (RFC 4315): UID EXPUNGE, and the response codes
// APPENDUID and COPYUID, which are always sent.
func uidPlusExt() extension { return extension{caps: []imap.Cap{imap.CapUIDPlus}} }

func (s *Session) expungeDeleted(c *imap.Expunge) (reply, error) {
	if err := s.writable(mailbox.RightExpunge); err != nil {
		return reply{}, err
	}
	set := s.sel.view.clip(mailbox.AllUIDs())
	if c.UID {
		var err error
		if set, err = s.resolve(c.Set, true); err != nil {
			return reply{}, err
		}
	}
	return reply{}, s.expunge(set) // poll tells the client
}

// expunge removes the messages of the set that are marked \Deleted.
func (s *Session) expunge(set mailbox.UIDSet) error {
	res, err := s.sel.mb.Expunge(s.ctx, set, mailbox.NewFlagSet(mailbox.FlagDeleted))
	s.made(res.Steps, mailbox.Changes{Vanished: res.SourceUIDs()})
	if err != nil {
		return s.selectedGone(err)
	}
	return nil
}
