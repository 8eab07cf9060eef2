package imapserver

import (
	"context"
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// searchExt is SEARCH (RFC 9051 §6.4.4, in the form of RFC 3501 §6.4.4).
func searchExt() extension {
	return extension{commands: []command{{"SEARCH", selectedState, on((*Session).search)}}}
}

func (s *Session) search(c *imap.Search) (reply, error) {
	s.holdExpunge = !c.UID
	found, err := s.find(c.Key)
	if err != nil {
		return reply{}, err
	}
	e := s.begin()
	grammar.BeginSearch(e)
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
	grammar.EndSearch(e, 0)
	return reply{}, link(s.end())
}

// find returns the messages that match. Messages that are gone are not found
// (RFC 2180 §4.3), nor are those that can't be read.
func (s *Session) find(key search.Key) (mailbox.UIDSet, error) {
	var found mailbox.UIDSet
	key, err := search.Rewrite(key, s.searchKey)
	if err != nil {
		return found, err
	}
	prog, err := search.Compile(key, &search.Options{MaxTime: s.srv.SearchTimeout})
	if err != nil {
		return found, searchRefusal(err)
	}
	sel := s.sel
	within := sel.view.clip(mailbox.AllUIDs())
	if set, ok := prog.UIDs(within); ok {
		return sel.view.known(set), nil
	}
	err = s.whileConnected(func(ctx context.Context) error {
		for uid, err := range prog.Matches(ctx, sel.mb, within) {
			if err != nil {
				if !s.damaged(err) {
					return searchRefusal(s.selectedGone(err))
				}
			} else if sel.view.seq(uid) != 0 {
				found.Add(uid)
			}
		}
		return nil
	})
	return found, err
}

// searchKey replaces a key that only this session can answer.
func (s *Session) searchKey(key search.Key) (search.Key, error) {
	switch k := key.(type) {
	case imap.SearchSeq:
		set, err := s.resolve(k.Set, false)
		return search.UID{Set: set}, err
	case imap.SearchUID:
		set, err := s.resolve(k.Set, true)
		return search.UID{Set: set}, err
	case imap.SearchRecent:
		recent := search.UID{Set: s.sel.recent}
		if k.Absent {
			return search.Not{Key: recent}, nil
		}
		return recent, nil
	}
	return key, nil
}

// searchRefusal returns what the client is told of a search that can't be done.
func searchRefusal(err error) error {
	switch {
	case errors.Is(err, search.ErrLimit):
		return no(imap.CodeLimit, strings.TrimPrefix(err.Error(), "search: "))
	case errors.Is(err, search.ErrUnknownKey):
		return bad("unknown search key")
	}
	return err
}
