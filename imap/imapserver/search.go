package imapserver

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// searchExt is SEARCH (RFC 9051 §6.4.4, in the form of RFC 3501 §6.4.4).
func searchExt() extension {
	return extension{commands: []command{{"SEARCH", selectedState, on((*Conn).search)}}}
}

func (c *Conn) search(cmd *imap.Search) (reply, error) {
	c.holdExpunge = !cmd.UID
	found, err := c.find(cmd.Key)
	if err != nil {
		return reply{}, err
	}
	var more imap.SearchData
	for _, x := range c.srv.extensions() {
		if x.onSearch == nil {
			continue
		}
		if err := x.onSearch(c, cmd, found, &more); err != nil {
			return reply{}, err
		}
	}
	e := c.begin()
	grammar.BeginSearch(e)
	for uid := range found.All() {
		n := uint64(uid)
		if !cmd.UID {
			n = uint64(c.sel.view.seq(uid))
		}
		if n == 0 {
			continue
		}
		e.SP().Uint(n)
		if len(e.B) > 2<<10 {
			if err := c.end(); err != nil {
				return reply{}, link(err)
			}
			e = c.begin()
		}
	}
	grammar.EndSearch(e, more.ModSeq)
	return reply{}, link(c.end())
}

// find returns the messages that match. Messages that are gone are not found
// (RFC 2180 §4.3), nor are those that can't be read.
func (c *Conn) find(key search.Key) (mailbox.UIDSet, error) {
	var found mailbox.UIDSet
	key, err := search.Rewrite(key, c.searchKey)
	if err != nil {
		return found, err
	}
	prog, err := search.Compile(key, &search.Options{MaxTime: c.srv.SearchTimeout})
	if err != nil {
		return found, searchRefusal(err)
	}
	sel := c.sel
	within := sel.view.clip(mailbox.AllUIDs())
	if _, err := c.catchUp(); err != nil {
		return found, err
	}
	if set, ok := prog.UIDs(within); ok {
		return sel.view.known(set), nil
	}
	for uid, err := range prog.Matches(c.ctx, sel.mb, within) {
		if err != nil {
			if !c.damaged(err) {
				return found, searchRefusal(c.selectedGone(err))
			}
		} else if sel.view.seq(uid) != 0 {
			found.Add(uid)
		}
	}
	return found, nil
}

// searchKey replaces a key that only this session can answer.
func (c *Conn) searchKey(key search.Key) (search.Key, error) {
	switch k := key.(type) {
	case imap.SearchSeq:
		set, err := c.resolve(k.Set, false)
		return search.UID{Set: set}, err
	case imap.SearchUID:
		set, err := c.resolve(k.Set, true)
		return search.UID{Set: set}, err
	case imap.SearchRecent:
		recent := search.UID{Set: c.sel.recent}
		if k.Absent {
			return search.Not{Key: recent}, nil
		}
		return recent, nil
	case imap.SearchModSeq:
		return search.ModSeq{N: k.N}, nil
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
