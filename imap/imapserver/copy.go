package imapserver

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// copyExt is COPY (RFC 9051 §6.4.7).
func copyExt() extension {
	return extension{commands: []command{{"COPY", selectedState, on((*Session).copy)}}}
}

func (s *Session) copy(c *imap.Copy) (reply, error) {
	set, err := s.transferable(c.Set, c.UID)
	if err != nil {
		return reply{}, err
	}
	res, err := s.sel.mb.Copy(s.ctx, set, c.Mailbox)
	if err != nil {
		return reply{}, s.transferFailed(err)
	}
	s.transferred(&res, mailbox.UIDSet{})
	code, arg := copyUID(&res)
	return reply{code: code, arg: arg}, nil
}

// transferred takes in what APPEND, COPY or MOVE has done to the selected
// mailbox, and has the sessions in the mailbox look that the messages came
// into. gone are those that left the selected mailbox.
func (s *Session) transferred(res *mailbox.Result, gone mailbox.UIDSet) {
	if s.sel != nil && s.sel.info.ID == res.DestID {
		uids := res.DestUIDs()
		s.made(res.Steps, mailbox.Changes{New: uids, Vanished: gone, State: mailbox.State{UIDNext: uids.Max() + 1}})
		return
	}
	if !gone.IsEmpty() {
		s.made(res.Steps, mailbox.Changes{Vanished: gone})
	}
	s.hub.changed(res.DestID)
}

// transferable resolves the set of COPY and MOVE. All messages are copied or
// none, so a set with messages that are gone is refused (RFC 2180 §4.4.1).
func (s *Session) transferable(nums imap.NumSet, uid bool) (mailbox.UIDSet, error) {
	set, err := s.resolve(nums, uid)
	if err != nil {
		return set, err
	}
	if !uid && !s.sel.view.gone.Intersect(set).IsEmpty() {
		return set, errExpunged()
	}
	return set, nil
}

// transferFailed gives the refusal of COPY, MOVE and APPEND for an error of the
// store: a mailbox that is missing is worth a CREATE (RFC 9051 §6.4.7).
func (s *Session) transferFailed(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return no(imap.CodeTryCreate, "no such mailbox")
	}
	return err
}

// copyUID returns the response code of RFC 4315 §3, nothing if no message was
// copied.
func copyUID(res *mailbox.Result) (code imap.Code, arg any) {
	if len(res.Moved) == 0 {
		return "", nil
	}
	return imap.CodeCopyUID, imap.CopyUID{UIDValidity: res.DestUIDValidity, Moved: res.Moved}
}
