package imapserver

import (
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// selectExt is SELECT, EXAMINE and CLOSE (RFC 9051 §6.3.2, §6.3.3, §6.4.1)
// and CHECK (RFC 3501 §6.4.1).
func selectExt() extension {
	return extension{
		commands: []command{
			{"SELECT", loggedIn, on((*Session).selectMailbox)},
			{"EXAMINE", loggedIn, on((*Session).selectMailbox)},
			{"CLOSE", selectedState, on((*Session).closeMailbox)},
			{"CHECK", selectedState, on((*Session).check)},
		},
		onSelect: (*Session).tellSelected,
	}
}

// unselectExt is UNSELECT (RFC 3691).
func unselectExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapUnselect},
		commands: []command{{"UNSELECT", selectedState, on((*Session).unselect)}},
	}
}

func (s *Session) selectMailbox(c *imap.Select) (reply, error) {
	if s.sel != nil {
		// The mailbox that was selected is left, also when the new one can't
		// be selected (RFC 9051 §6.3.2). What follows is about the new one.
		s.leaveMailbox()
		s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeClosed, Text: "previous mailbox closed"})
	}
	mb, err := s.account.Mailbox(s.ctx, c.Mailbox)
	if err != nil {
		return reply{}, err
	}
	info := mb.Info()
	if !info.Access.Rights.Has(mailbox.RightRead) {
		return reply{}, mailbox.ErrPermission
	}
	sel := &selected{mb: mb, info: info, box: s.hub.box(info.ID), readOnly: c.ReadOnly || info.Access.ReadOnly()}
	s.sel = sel
	done := false
	defer func() {
		if !done {
			s.leaveMailbox()
		}
	}()
	sel.seen = sel.box.gen.Load() // before the snapshot: better one look too many
	snap, err := mb.Snapshot(s.ctx)
	if err != nil {
		return reply{}, err
	}
	sel.view = newView(snap)
	st, err := mb.Status(s.ctx)
	if err != nil {
		return reply{}, err
	}
	sel.keywords = mailbox.NewFlagSet(snap.Keywords...)
	s.claimRecent(1)

	for _, x := range s.srv.extensions() {
		if x.onSelect == nil || slices.ContainsFunc(x.caps, func(c imap.Cap) bool { return !s.offers(c) }) {
			continue
		}
		if err := x.onSelect(s, c, st); err != nil {
			return reply{}, err
		}
	}
	done = true
	s.state = selectedState
	if sel.readOnly {
		return reply{code: imap.CodeReadOnly}, nil
	}
	return reply{code: imap.CodeReadWrite}, nil
}

// tellSelected is what every SELECT tells (RFC 9051 §6.3.2, RFC 3501 §6.3.1).
func (s *Session) tellSelected(_ *imap.Select, st mailbox.Status) error {
	if err := s.flagsResponses(); err != nil {
		return link(err)
	}
	if err := s.tellExists(); err != nil {
		return link(err)
	}
	if seq := s.sel.view.seq(st.FirstUnseen); seq != 0 {
		s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUnseen, Arg: imap.SeqNum(seq), Text: `first message without \Seen`})
	}
	s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUIDValidity, Arg: s.sel.info.UIDValidity, Text: "UIDs are valid"})
	s.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUIDNext, Arg: s.sel.view.state.UIDNext, Text: "predicted next UID"})
	return nil
}

// closeMailbox removes what is marked \Deleted, without telling of it, and
// leaves the mailbox (RFC 9051 §6.4.1). A user who may not expunge does only the
// latter (RFC 4314 §4).
func (s *Session) closeMailbox(*imap.Close) (reply, error) {
	if s.writable(mailbox.RightExpunge) == nil {
		all := s.sel.view.clip(mailbox.AllUIDs())
		if err := s.expunge(all); err != nil {
			return reply{}, err
		}
	}
	s.leaveMailbox()
	return reply{}, nil
}

func (s *Session) unselect(*imap.Unselect) (reply, error) {
	s.leaveMailbox()
	return reply{}, nil
}

// check is NOOP: a store is always up to date.
func (s *Session) check(*imap.Check) (reply, error) {
	s.force = true
	return reply{}, nil
}
