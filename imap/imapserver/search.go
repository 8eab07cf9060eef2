package imapserver

import (
	"cmp"
	"context"
	"errors"
	"fmt"
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
	found, more, err := c.searchInTime(cmd)
	if err != nil {
		return reply{}, err
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
			err := c.workOn(len(e.B) >> 5)
			if err == nil {
				err = c.end()
			}
			if err != nil {
				return reply{}, link(err)
			}
			e = c.begin()
		}
	}
	grammar.EndSearch(e, more.ModSeq)
	return reply{}, link(c.end())
}

// searchInTime returns the messages that match, and what extensions add to the
// response, unless it takes longer than Server.SearchTimeout.
func (c *Conn) searchInTime(cmd *imap.Search) (found mailbox.UIDSet, more imap.SearchData, err error) {
	ctx, limit := c.ctx, cmp.Or(c.srv.SearchTimeout, search.DefaultMaxTime)
	if limit > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, limit)
		defer cancel()
	}
	found, err = c.find(ctx, cmd.Key)
	for _, x := range c.srv.extensions() {
		if x.onSearch != nil && err == nil {
			err = x.onSearch(c, ctx, cmd, found, &more)
		}
	}
	if err != nil && ctx.Err() != nil && c.ctx.Err() == nil {
		err = no(imap.CodeLimit, fmt.Sprintf("limit exceeded: it took longer than %v", limit))
	}
	return found, more, err
}

// find returns the messages that match. Messages that are gone are not found
// (RFC 2180 §4.3), nor are those that can't be read.
func (c *Conn) find(ctx context.Context, key search.Key) (mailbox.UIDSet, error) {
	var found mailbox.UIDSet
	key, err := search.Rewrite(key, c.searchKey)
	if err != nil {
		return found, err
	}
	prog, err := search.Compile(key, &search.Options{MaxTime: -1, Work: c.tp.Work})
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
	for uid, err := range prog.Matches(ctx, sel.mb, within) {
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
