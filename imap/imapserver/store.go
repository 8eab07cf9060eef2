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
	for _, x := range c.srv.extensions() {
		if x.onStore != nil {
			x.onStore(c, cmd, &change)
		}
	}
	told, err := c.change(cmd, set, change)
	if err != nil {
		c.sel.box.changed() // poll tells what has changed before the error
		return reply{}, err
	}
	c.made(told.steps, mailbox.Changes{})
	if told.gone {
		c.force = true // whether or not an event has told
	}
	if !told.conflicts.IsEmpty() {
		return c.modified(cmd, told.conflicts), nil
	}
	if told.damaged {
		return reply{}, errDamaged()
	}
	return reply{}, nil
}

// stored is the result of STORE.
type stored struct {
	steps     mailbox.Steps
	conflicts mailbox.UIDSet // not changed (RFC 7162 §3.1.3)
	damaged   bool           // some could not be told, because they are damaged
	gone      bool           // some that were to be told no longer exist
}

// change changes the flags of the messages of the set and tells the client what
// they have become.
func (c *Conn) change(cmd *imap.Store, set mailbox.UIDSet, change mailbox.FlagChange) (out stored, err error) {
	conditional := change.UnchangedSince != nil
	var silent mailbox.UIDSet // changed, and the client knows what they have become
	if cmd.Silent && !conditional {
		res, err := c.setKnown(set, change)
		if err != nil {
			return out, err
		}
		silent, set, out.steps = res.Changed, res.Conflicts, res.Steps
	}
	if !set.IsEmpty() {
		res, err := c.setFlags(set, change)
		if err != nil {
			return out, err
		}
		for _, step := range res.Steps {
			out.steps.Add(step)
		}
		if out.conflicts = res.Conflicts; cmd.Silent && conditional {
			silent, set = set.Subtract(out.conflicts), out.conflicts
		}
	}
	n, damaged, err := c.tellStored(silent, set, cmd.UID)
	out.damaged, out.gone = damaged, n < c.sel.view.countSet(set)
	return out, err
}

// tellStored reports the result of STORE: for silent messages only the data that
// enabled extensions add. It returns the number of other messages, and whether
// some are left out because they are damaged.
func (c *Conn) tellStored(silent, others mailbox.UIDSet, withUID bool) (n uint32, damaged bool, err error) {
	if !silent.IsEmpty() && c.addsToFlags() {
		damaged, err = c.readFlags(c.ctx, silent, func(e *mailbox.Entry) error {
			if seq := c.sel.view.seq(e.UID); seq != 0 {
				return c.tellSilent(seq, *e, withUID)
			}
			return nil
		})
	}
	if err != nil || others.IsEmpty() {
		return 0, damaged, err
	}
	left, err := c.readFlags(c.ctx, others, func(e *mailbox.Entry) error {
		seq := c.sel.view.seq(e.UID)
		if seq == 0 {
			return nil
		}
		n++
		return c.tellFlags(seq, *e, withUID)
	})
	return n, damaged || left, err
}

// modified is the reply to a conditional STORE that did not change all messages
// (RFC 7162 §3.1.3). Those that no longer exist are not among the conflicts.
func (c *Conn) modified(cmd *imap.Store, conflicts mailbox.UIDSet) reply {
	set := imap.UIDNumSet(conflicts)
	if !cmd.UID {
		set = c.sel.view.seqs(conflicts)
	}
	return reply{code: imap.CodeModified, arg: set, text: "conditional STORE failed for some messages"}
}

// setFlags changes the flags of the messages of the set.
func (c *Conn) setFlags(set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	res, err := c.sel.mb.SetFlags(c.ctx, set, change)
	if e := c.workOn(int(c.sel.view.countSet(set)) + changeCost*res.Changed.Len()); err == nil {
		err = e
	}
	return res, c.selectedGone(err)
}

// setKnown changes the flags of the messages of the set that no other session has
// changed since the client was last told of changes: the client can compute the
// result itself. The others are the conflicts of the result, since the client must
// be told what they become.
func (c *Conn) setKnown(set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	since := c.sel.view.state.ModSeq
	change.UnchangedSince = &since
	res, err := c.setFlags(set, change)
	if err != nil {
		return res, err
	}
	if !res.Changed.IsEmpty() && change.Op != mailbox.FlagsRemove {
		err = link(c.tellKeywords(change.Flags))
	}
	return res, err
}
