package imapserver

import (
	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// searchExt is SEARCH (RFC 9051 §6.4.4, in the form of RFC 3501 §6.4.4).
func searchExt() extension {
	return extension{commands: []command{{"SEARCH", selectedState, "", on((*Session).search)}}}
}

func (s *Session) search(c *imap.Search) (reply, error) {
	s.holdExpunge = !c.UID
	if c.Extended {
		return reply{}, bad("SEARCH RETURN is not available")
	}
	found, err := s.find(c.Key)
	if err != nil {
		return reply{}, err
	}
	e := s.begin()
	e.Raw("* SEARCH")
	for uid := range found.All() {
		n := uint64(uid)
		if !c.UID {
			n = uint64(s.sel.view.seq(uid))
		}
		if n == 0 {
			continue
		}
		e.SP().Uint(n)
		if len(e.B) > 2<<10 {
			if err := s.end(); err != nil {
				return reply{}, link(err)
			}
			e = s.begin()
		}
	}
	e.CRLF()
	return reply{}, link(s.end())
}

// find returns the messages that match. It looks at all of them without
// reading them first, then at the summaries of those for which that does not
// decide, and at last into the contents of what is left: content is only read
// where nothing cheaper can tell. Messages that are gone are not found
// (RFC 2180 §4.3).
func (s *Session) find(key search.Key) (mailbox.UIDSet, error) {
	p := &program{session: s}
	root, err := p.compile(key)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	set, err := s.candidates(key)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	var found mailbox.UIDSet
	c := &candidate{program: p, level: needsEntry}
	if p.levels == 0 { // numbers only
		for uid := range s.sel.view.known(set).All() {
			c.msg = &mailbox.Message{Entry: mailbox.Entry{UID: uid}}
			if v, err := root.eval(c); err != nil {
				return found, err
			} else if v == match {
				found.Add(uid)
			}
		}
		return found, nil
	}
	for _, l := range []level{needsEntry, needsSummary, needsContent} {
		if p.levels&l == 0 || set.IsEmpty() {
			continue
		}
		c.level = l
		var matched, open mailbox.UIDSet
		for m, err := range s.sel.mb.Messages(s.ctx, set, l.want()) {
			if err != nil {
				return found, s.selectedGone(err)
			}
			if s.sel.view.seq(m.UID) == 0 {
				continue
			}
			c.msg = m
			v, err := root.eval(c)
			switch {
			case err != nil:
				return found, err
			case v == match:
				matched.Add(m.UID)
			case v == unknown:
				open.Add(m.UID)
			}
		}
		found = found.Union(matched)
		set = open
	}
	return found, nil
}

// candidates returns a set that every match is in: sets of numbers need no
// look at other messages, and what UNSEEN asks for is known by counters.
func (s *Session) candidates(key search.Key) (mailbox.UIDSet, error) {
	set := s.sel.view.clip(mailbox.AllUIDs())
	keys, ok := key.(search.And)
	if !ok {
		keys = search.And{key}
	}
	for _, k := range keys {
		var within mailbox.UIDSet
		var err error
		switch k := k.(type) {
		case imap.SearchSeq:
			within, err = s.resolve(k.Set, false)
		case imap.SearchUID:
			within, err = s.resolve(k.Set, true)
		case search.Flag:
			if !k.Absent || !k.Flag.Equal(mailbox.FlagSeen) {
				continue
			}
			var st mailbox.Status
			if st, err = s.sel.mb.Status(s.ctx); err == nil && st.Unseen > 0 {
				within.AddRange(st.FirstUnseen, mailbox.MaxUID)
			}
		default:
			continue
		}
		if err != nil {
			return set, err
		}
		set = set.Intersect(within)
	}
	return set, nil
}
