package imapserver

import (
	"errors"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// selected is the mailbox that a session has selected, and what its client has
// been told of it.
type selected struct {
	mb       mailbox.Mailbox
	info     mailbox.Info
	box      *boxHub
	view     *view
	readOnly bool

	seen     uint64          // generation of box that view includes
	recent   mailbox.UIDSet  // messages that are \Recent in this session
	keywords mailbox.FlagSet // that FLAGS has named

	// own are the flag changes of the command under way that have been
	// answered for: the client is not told of them as news.
	own []mailbox.ModSeq
}

// leaveMailbox ends the selected state.
func (s *Session) leaveMailbox() {
	if s.sel != nil {
		s.sel.box.leave()
		s.sel = nil
		s.state = authenticated
	}
}

// resolve returns the UIDs that a command means. Ranges of sequence numbers
// become ranges of UIDs, however many UIDs between are not in use.
func (s *Session) resolve(set imap.NumSet, uid bool) (mailbox.UIDSet, error) {
	v := s.sel.view
	if uid {
		return v.clip(set.UIDs(v.lastUID())), nil
	}
	seqs, ok := set.Seqs(imap.SeqNum(v.len()))
	if !ok {
		// RFC 9051 §9, seq-number.
		return mailbox.UIDSet{}, bad("no message has that sequence number")
	}
	var uids mailbox.UIDSet
	for _, r := range seqs.Ranges() {
		uids.AddRange(v.uid(uint32(r.First)), v.uid(uint32(r.Last)))
	}
	return uids, nil
}

// errExpunged refuses a command by sequence number that named messages which
// are gone, while the client could not be told yet (RFC 2180 §4, RFC 5530 §3).
func errExpunged() error {
	return no(imap.CodeExpungeIssued, "some of the messages no longer exist")
}

// writable refuses commands that change the mailbox after EXAMINE.
func (s *Session) writable() error {
	if s.sel.readOnly {
		return no(imap.CodeReadOnly, "mailbox is selected read-only")
	}
	return nil
}

// poll tells the client what has happened in the selected mailbox: it stands
// before the tagged response of each command. RFC 3501 §7.4.1: no EXPUNGE
// during FETCH, STORE and SEARCH, which use sequence numbers that the client
// may have chosen before it could know (their UID forms may get it).
func (s *Session) poll() error {
	sel := s.sel
	if sel == nil {
		return nil
	}
	var n news
	if gen := sel.box.gen.Load(); gen != sel.seen || s.force {
		var ch mailbox.Changes
		var err error
		if s.force {
			// Not even a result that another session got just now will do:
			// it may have asked before the change that this client knows of.
			ch, err = sel.mb.Changes(s.ctx, sel.view.modSeq)
		} else {
			ch, err = sel.box.changes(s.ctx, sel.mb, sel.view.modSeq, gen)
		}
		if err != nil {
			return s.selectedGone(err)
		}
		sel.seen = gen
		s.force = false
		n = sel.view.apply(ch)
		defer func() { sel.own = sel.own[:0] }()
	}
	if !s.holdExpunge {
		if err := s.tellExpunges(); err != nil {
			return link(err)
		}
	}
	return link(s.tell(n))
}

// selectedGone ends the session when another one has deleted the mailbox: the
// client could make no sense of anything else (RFC 2180 §3.3).
func (s *Session) selectedGone(err error) error {
	if errors.Is(err, mailbox.ErrNotExist) {
		return &imap.Error{Status: imap.BYE, Text: "the selected mailbox has been deleted"}
	}
	return err
}

func (s *Session) tellExpunges() error {
	tell := (func(*Session, mailbox.UIDSet) error)(nil)
	for _, x := range s.on {
		if x.tellGone != nil {
			tell = x.tellGone
		}
	}
	var err error
	gone := s.sel.view.takeExpunges(func(seq uint32, _ mailbox.UID) {
		if tell == nil {
			grammar.WriteCount(s.begin(), "EXPUNGE", seq)
			err = errors.Join(err, s.end())
		}
	})
	if gone.IsEmpty() {
		return err
	}
	if !s.sel.recent.IsEmpty() {
		s.sel.recent = s.sel.recent.Subtract(gone)
	}
	if tell != nil {
		return tell(s, gone)
	}
	return err
}

// tell announces arrivals and changes of flags.
func (s *Session) tell(n news) error {
	sel := s.sel
	if n.exists {
		s.claimRecent(n.first)
		if err := s.tellExists(); err != nil {
			return err
		}
	}
	for _, e := range n.changed {
		if slices.Contains(sel.own, e.ModSeq) {
			continue
		}
		seq := sel.view.seq(e.UID)
		if seq == 0 || sel.view.gone.Contains(e.UID) {
			continue
		}
		if err := s.tellFlags(seq, e, false); err != nil {
			return err
		}
	}
	return nil
}

func (s *Session) tellExists() error {
	e := s.begin()
	grammar.WriteCount(e, "EXISTS", s.sel.view.len())
	grammar.WriteCount(e, "RECENT", s.sel.view.countSet(s.sel.recent))
	return s.end()
}

// tellFlags writes a FETCH response with a message's flags.
func (s *Session) tellFlags(seq uint32, entry mailbox.Entry, withUID bool) error {
	if err := s.tellKeywords(entry.Flags); err != nil {
		return err
	}
	e := s.begin()
	grammar.BeginFetch(e, seq)
	if withUID {
		grammar.WriteItemName(e, imap.FetchUID, nil)
		e.Uint(uint64(entry.UID)).SP()
	}
	grammar.WriteItemName(e, imap.FetchFlags, nil)
	e.FlagSet(entry.Flags, s.sel.recent.Contains(entry.UID))
	for _, x := range s.on {
		if x.withFlags != nil {
			x.withFlags(s, e, entry)
		}
	}
	grammar.EndFetch(e)
	return s.end()
}

// systemFlags are the flags that every mailbox takes.
func systemFlags() mailbox.FlagSet {
	return mailbox.NewFlagSet(mailbox.FlagAnswered, mailbox.FlagFlagged, mailbox.FlagDeleted, mailbox.FlagSeen, mailbox.FlagDraft)
}

// tellKeywords sends FLAGS and PERMANENTFLAGS again when a message has a
// keyword that they have not named yet.
func (s *Session) tellKeywords(flags mailbox.FlagSet) error {
	kw := flags.Keywords()
	if len(kw) == 0 || s.sel.keywords.HasAll(mailbox.FlagSetOf(0, kw)) {
		return nil
	}
	s.sel.keywords = s.sel.keywords.With(mailbox.FlagSetOf(0, kw))
	return s.flagsResponses()
}

func (s *Session) flagsResponses() error {
	sel := s.sel
	all := slices.Collect(systemFlags().With(sel.keywords).All())
	if err := s.respond(grammar.Flags(all)); err != nil {
		return err
	}
	permanent := grammar.StatusLine{Cond: imap.OK, Code: imap.CodePermanentFlags, Arg: []mailbox.Flag(nil), Text: "no flags can be changed"}
	if !sel.readOnly {
		permanent.Arg, permanent.Text = append(all, imap.FlagAny), "flags that can be changed"
	}
	return s.respond(&permanent)
}

// claimRecent makes messages from first on recent to this session, those that
// no other session was told of before (RFC 3501 §2.3.2).
func (s *Session) claimRecent(first mailbox.UID) {
	sel := s.sel
	m, ok := sel.mb.(mailbox.RecentMarker)
	if !ok {
		return
	}
	var from mailbox.UID
	var err error
	if sel.readOnly {
		from, err = m.Recent(s.ctx)
	} else {
		from, err = sel.box.claimRecent(s.ctx, m, sel.view.uidNext)
	}
	if err != nil {
		s.log().Warn("imap: cannot tell recent messages", "error", err)
		return
	}
	sel.recent.AddRange(max(from, first), sel.view.uidNext-1)
}

// changed makes known to other sessions that this one has changed its mailbox.
func (s *Session) changed() { s.hub.changed(s.sel.info.ID) }
