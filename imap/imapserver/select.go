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
			{"SELECT", loggedIn, on((*Conn).selectMailbox)},
			{"EXAMINE", loggedIn, on((*Conn).selectMailbox)},
			{"CLOSE", selectedState, on((*Conn).closeMailbox)},
			{"CHECK", selectedState, on((*Conn).check)},
		},
		onSelect: (*Conn).tellSelected,
	}
}

// unselectExt is UNSELECT (RFC 3691).
func unselectExt() extension {
	return extension{
		caps:     []imap.Cap{imap.CapUnselect},
		commands: []command{{"UNSELECT", selectedState, on((*Conn).unselect)}},
	}
}

func (c *Conn) selectMailbox(cmd *imap.Select) (reply, error) {
	if c.sel != nil {
		// The selected mailbox is closed even if the new one can't be selected
		// (RFC 9051 §6.3.2). Later responses are about the new one.
		c.leaveMailbox()
		c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeClosed, Text: "previous mailbox closed"})
	}
	mb, err := c.account.Mailbox(c.ctx, cmd.Mailbox)
	if err != nil {
		return reply{}, err
	}
	info := mb.Info()
	if !info.Access.Rights.Has(mailbox.RightRead) {
		return reply{}, mailbox.ErrPermission
	}
	sel := &selected{mb: mb, info: info, box: c.hub.box(info.ID), readOnly: cmd.ReadOnly || info.Access.ReadOnly()}
	c.sel = sel
	done := false
	defer func() {
		if !done {
			c.leaveMailbox()
		}
	}()
	sel.seen = sel.box.gen.Load() // before the snapshot, so that no change is missed
	snap, err := mb.Snapshot(c.ctx)
	if err != nil {
		return reply{}, err
	}
	sel.view = newView(snap)
	if err := c.keepView(); err != nil {
		return reply{}, err
	}
	if err := c.work(len(sel.view.runs)); err != nil {
		return reply{}, err
	}
	st, err := mb.Status(c.ctx)
	if err != nil {
		return reply{}, err
	}
	sel.keywords = mailbox.NewFlagSet(snap.Keywords...)
	c.claimRecent(1)

	for _, x := range c.srv.extensions() {
		if x.onSelect == nil || slices.ContainsFunc(x.caps, func(name imap.Cap) bool { return !c.offers(name) }) {
			continue
		}
		if err := x.onSelect(c, cmd, st); err != nil {
			return reply{}, err
		}
	}
	done = true
	c.state = selectedState
	if sel.readOnly {
		return reply{code: imap.CodeReadOnly}, nil
	}
	return reply{code: imap.CodeReadWrite}, nil
}

// tellSelected sends the responses to SELECT (RFC 9051 §6.3.2, RFC 3501 §6.3.1).
func (c *Conn) tellSelected(_ *imap.Select, st mailbox.Status) error {
	if err := c.flagsResponses(); err != nil {
		return link(err)
	}
	if err := c.tellExists(); err != nil {
		return link(err)
	}
	if seq := c.sel.view.seq(st.FirstUnseen); seq != 0 {
		c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUnseen, Arg: imap.SeqNum(seq), Text: `first message without \Seen`})
	}
	c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUIDValidity, Arg: c.sel.info.UIDValidity, Text: "UIDs are valid"})
	c.status(grammar.StatusLine{Cond: imap.OK, Code: imap.CodeUIDNext, Arg: c.sel.view.state.UIDNext, Text: "predicted next UID"})
	return nil
}

// closeMailbox silently removes the messages marked \Deleted, and leaves the
// mailbox (RFC 9051 §6.4.1). A user who may not expunge does only the
// latter (RFC 4314 §4).
func (c *Conn) closeMailbox(*imap.Close) (reply, error) {
	if c.writable(mailbox.RightExpunge) == nil {
		all := c.sel.view.clip(mailbox.AllUIDs())
		if err := c.expunge(all); err != nil {
			return reply{}, err
		}
	}
	c.leaveMailbox()
	return reply{}, nil
}

func (c *Conn) unselect(*imap.Unselect) (reply, error) {
	c.leaveMailbox()
	return reply{}, nil
}

// check is NOOP: a store is always up to date.
func (c *Conn) check(*imap.Check) (reply, error) {
	c.force = true
	return reply{}, nil
}
