package imapserver

import (
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// copyExt is COPY (RFC 9051 §6.4.7).
func copyExt() extension {
	return extension{commands: []command{{"COPY", selectedState, on((*Conn).copy)}}}
}

func (c *Conn) copy(cmd *imap.Copy) (reply, error) {
	set, err := c.transferable(cmd.Set, cmd.UID)
	if err != nil {
		return reply{}, err
	}
	res, err := c.sel.mb.Copy(c.ctx, set, cmd.Mailbox)
	if err != nil {
		return reply{}, c.transferFailed(err)
	}
	if len(res.Moved) == 0 && c.missing(set, cmd.UID) {
		return reply{}, errExpunged()
	}
	c.transferred(&res, mailbox.UIDSet{})
	code, arg := copyUID(&res)
	return reply{code: code, arg: arg}, c.workOn(changeCost * res.SourceUIDs().Len())
}

// transferred applies the changes of APPEND, COPY or MOVE to the selected mailbox,
// and notifies the sessions in the destination. gone are the messages removed from
// the selected mailbox.
func (c *Conn) transferred(res *mailbox.Result, gone mailbox.UIDSet) {
	if c.sel != nil && c.sel.info.ID == res.DestID {
		uids := res.DestUIDs()
		c.made(res.Steps, mailbox.Changes{New: uids, Vanished: gone, State: mailbox.State{UIDNext: uids.Max() + 1}})
		return
	}
	if !gone.IsEmpty() {
		c.made(res.Steps, mailbox.Changes{Vanished: gone})
	}
	c.hub.changed(res.DestID)
}

// transferable resolves the set of COPY and MOVE. All messages are copied or
// none (RFC 9051 §6.4.7), so sequence numbers of expunged messages are refused
// (RFC 2180 §4.4.1). What is expunged after that is not copied: COPYUID names the
// others.
func (c *Conn) transferable(nums imap.NumSet, uid bool) (mailbox.UIDSet, error) {
	set, err := c.resolve(nums, uid)
	if err != nil || uid {
		return set, err
	}
	if _, err := c.catchUp(); err != nil {
		return set, err
	}
	if !c.sel.view.gone.Intersect(set).IsEmpty() {
		return set, errExpunged()
	}
	return set, nil
}

// missing reports whether a set of which no message was found was to have some,
// by their sequence numbers. If so, poll asks the store what has become of them.
func (c *Conn) missing(set mailbox.UIDSet, uid bool) bool {
	if c.sel.view.countSet(set) == 0 {
		return false
	}
	c.force = true
	return !uid
}

// transferFailed returns the refusal of COPY, MOVE and APPEND for an error of the
// store: TRYCREATE if the mailbox does not exist (RFC 9051 §6.4.7).
func (c *Conn) transferFailed(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return no(imap.CodeTryCreate, "no such mailbox")
	}
	return err
}

// copyUID returns the response code of RFC 4315 §3, or none if no message was
// copied.
func copyUID(res *mailbox.Result) (code imap.Code, arg any) {
	if len(res.Moved) == 0 {
		return "", nil
	}
	return imap.CodeCopyUID, imap.CopyUID{UIDValidity: res.DestUIDValidity, Moved: res.Moved}
}
