package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// storeExt is STORE (RFC 9051 §6.4.6).
func storeExt() extension {
	return extension{commands: []command{{"STORE", selectedState, on((*Conn).store)}}}
}

func (c *Conn) store(cmd *imap.Store) (reply, error) {
	c.holdExpunge = !cmd.UID
	if err := c.writable(0); err != nil {
		return reply{}, err
	}
	for _, f := range cmd.Flags {
		if f != "" && f[0] == '\\' && !systemFlags().Has(f) {
			return reply{}, bad("flag cannot be stored")
		}
	}
	set, err := c.resolve(cmd.Set, cmd.UID)
	if err != nil {
		return reply{}, err
	}
	change := mailbox.FlagChange{Op: cmd.Op, Flags: mailbox.NewFlagSet(cmd.Flags...)}
	if cmd.Silent {
		if set, err = c.setKnown(set, change); err != nil || set.IsEmpty() {
			return reply{}, err
		}
	}
	if err := c.setFlags(set, change); err != nil {
		return reply{}, err
	}
	stored := uint32(0)
	err = c.readFlags(set, func(e *mailbox.Entry) error {
		seq := c.sel.view.seq(e.UID)
		if seq == 0 {
			return nil
		}
		stored++
		return c.tellFlags(seq, *e, cmd.UID)
	})
	// RFC 2180 §4.2: messages that are gone are an error unless .SILENT.
	if err == nil && !cmd.UID && !cmd.Silent && stored < c.sel.view.countSet(set) {
		err = errExpunged()
	}
	return reply{}, err
}

// setFlags changes flags; the client is to be told what they have become.
func (c *Conn) setFlags(set mailbox.UIDSet, change mailbox.FlagChange) error {
	res, err := c.sel.mb.SetFlags(c.ctx, set, change)
	c.made(res.Steps, mailbox.Changes{})
	if err != nil {
		return c.selectedGone(err)
	}
	return nil
}

// setKnown changes the flags of those messages of the set that nobody has
// changed since the client was last told of changes: it can reckon the result
// by itself. The others are returned unchanged, for what they have become must
// be told.
func (c *Conn) setKnown(set mailbox.UIDSet, change mailbox.FlagChange) (others mailbox.UIDSet, err error) {
	since := c.sel.view.state.ModSeq
	change.UnchangedSince = &since
	res, err := c.sel.mb.SetFlags(c.ctx, set, change)
	c.made(res.Steps, mailbox.Changes{})
	if err != nil {
		return set, c.selectedGone(err)
	}
	if !res.Changed.IsEmpty() && change.Op != mailbox.FlagsRemove {
		err = link(c.tellKeywords(change.Flags))
	}
	return res.Conflicts, err
}
