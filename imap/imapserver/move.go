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
		commands: []command{{"MOVE", selectedState, on((*Session).move)}},
	}
}

func (s *Session) move(c *imap.Move) (reply, error) {
	// RFC 6851 §4.4: what EXPUNGE and \Deleted need, besides what COPY does.
	if err := s.writable(mailbox.RightExpunge | mailbox.RightDeleteMessages); err != nil {
		return reply{}, err
	}
	set, err := s.transferable(c.Set, c.UID)
	if err != nil {
		return reply{}, err
	}
	res, err := s.sel.mb.Move(s.ctx, set, c.Mailbox)
	if err != nil {
		return reply{}, s.transferFailed(err)
	}
	// COPYUID goes untagged, before the EXPUNGE responses that poll sends
	// (RFC 6851 §4.3).
	if code, arg := copyUID(&res); code != "" {
		s.status(grammar.StatusLine{Cond: imap.OK, Code: code, Arg: arg, Text: "messages moved"})
		s.transferred(&res, res.SourceUIDs())
	}
	return reply{}, nil
}
