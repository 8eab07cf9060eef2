package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// moveExt is MOVE (RFC 6851).
func moveExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapMove},
		commands: []command{{"MOVE", selectedState, on((*Conn).move)}},
	}
}

func (c *Conn) move(cmd *imap.Move) (reply, error) {
	// RFC 6851 §4.4: what EXPUNGE and \Deleted need, besides what COPY does.
	if err := c.writable(mailbox.RightExpunge | mailbox.RightDeleteMessages); err != nil {
		return reply{}, err
	}
	set, err := c.transferable(cmd.Set, cmd.UID)
	if err != nil {
		return reply{}, err
	}
	res, err := c.sel.mb.Move(c.ctx, set, cmd.Mailbox)
	if err != nil {
		return reply{}, c.transferFailed(err)
	}
	if len(res.Moved) == 0 && c.missing(set, cmd.UID) {
		return reply{}, errExpunged()
	}
	// COPYUID goes untagged, before the EXPUNGE responses that poll sends
	// (RFC 6851 §4.3).
	if code, arg := copyUID(&res); code != "" {
		c.status(grammar.StatusLine{Cond: imap.OK, Code: code, Arg: arg, Text: "messages moved"})
		c.transferred(&res, res.SourceUIDs())
	}
	return reply{}, c.workOn(2 * changeCost * res.SourceUIDs().Len())
}
