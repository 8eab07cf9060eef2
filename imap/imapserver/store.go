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
	if err := s.writable(); err != nil {
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
	res, err := s.sel.mb.SetFlags(s.ctx, set, change)
	if err != nil {
		return reply{}, s.selectedGone(err)
	}
	s.noteStored(res)
	stored := uint32(0)
	for _, e := range res.Entries {
		if seq := s.sel.view.seq(e.UID); seq != 0 {
			if err := s.tellFlags(seq, e, c.UID); err != nil {
				return reply{}, link(err)
			}
			stored++
		}
	}
	// RFC 2180 §4.2: messages that are gone are an error unless .SILENT.
	if !c.UID && !c.Silent && stored < s.sel.view.countSet(set) {
		return reply{}, errExpunged()
	}
	return reply{}, nil
}

// setKnown changes the flags of those messages of the set that nobody has
// changed since the client was last told of changes: it can reckon the result
// by itself. The others are returned unchanged, for what they have become must
// be told.
func (s *Session) setKnown(set mailbox.UIDSet, change mailbox.FlagChange) (others mailbox.UIDSet, err error) {
	change.UnchangedSince = &s.sel.view.modSeq
	res, err := s.sel.mb.SetFlags(s.ctx, set, change)
	if err != nil {
		return set, s.selectedGone(err)
	}
	s.noteStored(res)
	for _, e := range res.Entries {
		if err := s.tellKeywords(e.Flags); err != nil {
			return set, link(err)
		}
	}
	return res.Conflicts, nil
}

// noteStored remembers a change of flags that the client need not hear of
// again, and has other sessions look for it.
func (s *Session) noteStored(res mailbox.FlagResult) {
	if res.ModSeq != 0 {
		s.sel.own = append(s.sel.own, res.ModSeq)
		s.changed()
	}
}
