package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// storeExt is STORE (RFC 9051 §6.4.6).
func storeExt() extension {
	return extension{commands: []command{{"STORE", selectedState, on((*Session).store)}}}
}

func (s *Session) store(c *imap.Store) (reply, error) {
	s.holdExpunge = !c.UID
	if err := s.writable(0); err != nil {
		return reply{}, err
	}
	for _, f := range c.Flags {
		if f != "" && f[0] == '\\' && !systemFlags().Has(f) {
			return reply{}, bad("flag cannot be stored")
		}
	}
	set, err := s.resolve(c.Set, c.UID)
	if err != nil {
		return reply{}, err
	}
	change := mailbox.FlagChange{Op: c.Op, Flags: mailbox.NewFlagSet(c.Flags...)}
	if c.Silent {
		if set, err = s.setKnown(set, change); err != nil || set.IsEmpty() {
			return reply{}, err
		}
	}
	if err := s.setFlags(set, change); err != nil {
		return reply{}, err
	}
	stored := uint32(0)
	err = s.readFlags(set, func(e *mailbox.Entry) error {
		seq := s.sel.view.seq(e.UID)
		if seq == 0 {
			return nil
		}
		stored++
		return s.tellFlags(seq, *e, c.UID)
	})
	// RFC 2180 §4.2: messages that are gone are an error unless .SILENT.
	if err == nil && !c.UID && !c.Silent && stored < s.sel.view.countSet(set) {
		err = errExpunged()
	}
	return reply{}, err
}

// setFlags changes flags; the client is to be told what they have become.
func (s *Session) setFlags(set mailbox.UIDSet, change mailbox.FlagChange) error {
	res, err := s.sel.mb.SetFlags(s.ctx, set, change)
	s.made(res.Steps, mailbox.Changes{})
	if err != nil {
		return s.selectedGone(err)
	}
	return nil
}

// setKnown changes the flags of those messages of the set that nobody has
// changed since the client was last told of changes: it can reckon the result
// by itself. The others are returned unchanged, for what they have become must
// be told.
func (s *Session) setKnown(set mailbox.UIDSet, change mailbox.FlagChange) (others mailbox.UIDSet, err error) {
	since := s.sel.view.state.ModSeq
	change.UnchangedSince = &since
	res, err := s.sel.mb.SetFlags(s.ctx, set, change)
	s.made(res.Steps, mailbox.Changes{})
	if err != nil {
		return set, s.selectedGone(err)
	}
	if !res.Changed.IsEmpty() && change.Op != mailbox.FlagsRemove {
		err = link(s.tellKeywords(change.Flags))
	}
	return res.Conflicts, err
}
