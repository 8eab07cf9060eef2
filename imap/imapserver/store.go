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
	conditional := change.UnchangedSince != nil
	var silent mailbox.UIDSet // changed, and the client knows what they have become
	if cmd.Silent && !conditional {
		if silent, set, err = c.setKnown(set, change); err != nil {
			return reply{}, err
		}
	}
	var conflicts mailbox.UIDSet
	if !set.IsEmpty() {
		res, err := c.setFlags(set, change)
		if err != nil {
			return reply{}, err
		}
		if conflicts = res.Conflicts; cmd.Silent && conditional {
			silent, set = set.Subtract(conflicts), conflicts
		}
	}
	stored, damaged, err := c.tellStored(silent, set, cmd.UID)
	if err != nil {
		return reply{}, err
	}
	// RFC 2180 §4.2: messages that are gone are an error unless .SILENT.
	gone := !cmd.UID && !cmd.Silent && stored < c.sel.view.countSet(set)
	if !conflicts.IsEmpty() {
		return c.modified(cmd, conflicts, gone)
	}
	if damaged {
		return reply{}, errDamaged()
	}
	if gone {
		return reply{}, errExpunged()
	}
	return reply{}, nil
}

// tellStored reports the result of STORE: for silent messages only the data that
// enabled extensions add. It returns the number of other messages, and whether
// some are left out because they are damaged.
func (c *Conn) tellStored(silent, others mailbox.UIDSet, withUID bool) (stored uint32, damaged bool, err error) {
	if !silent.IsEmpty() && c.addsToFlags() {
		damaged, err = c.readFlags(silent, func(e *mailbox.Entry) error {
			if seq := c.sel.view.seq(e.UID); seq != 0 {
				return c.tellSilent(seq, *e, withUID)
			}
			return nil
		})
	}
	if err != nil || others.IsEmpty() {
		return 0, damaged, err
	}
	left, err := c.readFlags(others, func(e *mailbox.Entry) error {
		seq := c.sel.view.seq(e.UID)
		if seq == 0 {
			return nil
		}
		stored++
		return c.tellFlags(seq, *e, withUID)
	})
	return stored, damaged || left, err
}

// modified is the reply to a conditional STORE that did not change all messages:
// gone says that others no longer exist (RFC 7162 §3.1.3).
func (c *Conn) modified(cmd *imap.Store, conflicts mailbox.UIDSet, gone bool) (reply, error) {
	set := imap.UIDNumSet(conflicts)
	if !cmd.UID {
		set = c.sel.view.seqs(conflicts)
	}
	if gone {
		return reply{}, &imap.Error{Status: imap.NO, Code: imap.CodeModified, CodeArgs: set.String(), Text: "some of the messages no longer exist"}
	}
	return reply{code: imap.CodeModified, arg: set, text: "conditional STORE failed for some messages"}, nil
}

// setFlags changes flags; the client is to be told what they have become.
func (c *Conn) setFlags(set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	res, err := c.sel.mb.SetFlags(c.ctx, set, change)
	c.made(res.Steps, mailbox.Changes{})
	if err != nil {
		err = c.selectedGone(err)
	}
	return res, err
}

// setKnown changes the flags of the messages of the set that no other session has
// changed since the client was last told of changes: the client can compute the
// result itself. It returns the others, unchanged, since the client must be told
// their result.
func (c *Conn) setKnown(set mailbox.UIDSet, change mailbox.FlagChange) (changed, others mailbox.UIDSet, err error) {
	since := c.sel.view.state.ModSeq
	change.UnchangedSince = &since
	res, err := c.setFlags(set, change)
	if err == nil && !res.Changed.IsEmpty() && change.Op != mailbox.FlagsRemove {
		err = link(c.tellKeywords(change.Flags))
	}
	return res.Changed, res.Conflicts, err
}
