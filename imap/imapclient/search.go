package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// SearchOptions refine Search. Nil means the zero value.
type SearchOptions struct {
	In Set // only among these messages; the zero Set: among all
}

// Found is the result of a search.
type Found struct {
	UIDs   mailbox.UIDSet
	ModSeq mailbox.ModSeq // the highest of the messages found, with a key for ModSeq (RFC 7162 §3.1.5)
}

// Count returns how many messages were found.
func (f *Found) Count() int { return f.UIDs.Len() }

// Search returns the messages that match the key (RFC 9051 §6.4.4).
func (m *Mailbox) Search(ctx context.Context, key search.Key, o *SearchOptions) (*Found, error) {
	if o != nil && (o.In.kind != setUIDs || !o.In.uids.IsEmpty()) {
		uids, err := m.resolve(ctx, o.In)
		if err != nil || uids.IsEmpty() {
			return &Found{}, err
		}
		key = search.And{search.UID{Set: uids}, key}
	}
	var found searchResult
	err := m.search(ctx, &imap.Search{UID: true, Key: key}, &found)
	if err != nil {
		return nil, err
	}
	return &Found{UIDs: found.uids, ModSeq: found.modSeq}, nil
}

// search sends a SEARCH, in the extended form where the server has it: its answer
// is short and names the command.
func (m *Mailbox) search(ctx context.Context, cmd *imap.Search, found *searchResult) error {
	c := m.c
	// Some servers return nothing for RETURN (), so ALL is always named.
	if c.has(imap.CapESearch) {
		cmd.Extended = true
		if cmd.Return == 0 {
			cmd.Return = imap.ReturnAll
		}
	}
	c.mu.Lock()
	cmd.NoCharset = c.noCharset
	c.mu.Unlock()
	err := m.searchOnce(ctx, cmd, found)
	var e *imap.Error
	switch {
	case cmd.NoCharset || c.utf8.Load() || !errors.As(err, &e) || grammar.ASCIIKey(cmd.Key):
		return err
	case e.Code != imap.CodeBadCharset && e.Status != imap.BAD:
		return err
	}
	// Some servers answer BAD to any CHARSET, and so they do to other things.
	cmd.NoCharset = true
	again := m.searchOnce(ctx, cmd, found)
	if e.Code == imap.CodeBadCharset || again == nil {
		c.mu.Lock()
		c.noCharset = true // and never again on this connection
		c.mu.Unlock()
	}
	return again
}

// searchOnce sends the command.
func (m *Mailbox) searchOnce(ctx context.Context, cmd *imap.Search, found *searchResult) error {
	*found = searchResult{}
	k := m.searchCall(cmd)
	collect := k.take
	k.take = func(resp grammar.Response) bool {
		if !collect(resp) {
			return false
		}
		k.err = errors.Join(k.err, found.read(resp))
		return true
	}
	return m.c.run(ctx, k)
}

// searchCall returns a call that takes the answer to a search and drops it.
func (m *Mailbox) searchCall(cmd *imap.Search) *call {
	k := m.newCall(cmd)
	k.reads = true
	k.name = "UID SEARCH"
	if cmd.Extended {
		k.take = func(resp grammar.Response) bool {
			r, ok := resp.(*imap.ESearchData)
			return ok && (r.Tag == k.tag || r.Tag == "" && m.c.onlyOne(k))
		}
		return k
	}
	k.kind = "SEARCH"
	k.take = func(resp grammar.Response) bool {
		_, ok := resp.(*imap.SearchData)
		return ok
	}
	return k
}

// onlyOne reports whether k is the only search in flight. mu is held.
func (c *Client) onlyOne(k *call) bool {
	for _, f := range c.inflight {
		if f != k && f.name == k.name {
			return false
		}
	}
	return true
}

// A searchResult collects the answers to a search.
type searchResult struct {
	uids   mailbox.UIDSet
	modSeq mailbox.ModSeq
}

func (s *searchResult) read(resp grammar.Response) error {
	switch r := resp.(type) {
	case *imap.SearchData:
		uids := make([]mailbox.UID, len(r.Nums))
		for i, n := range r.Nums {
			uids[i] = mailbox.UID(n)
		}
		s.uids = s.uids.Union(mailbox.UIDSetOf(uids...))
		s.modSeq = max(s.modSeq, r.ModSeq)
	case *imap.ESearchData:
		for _, x := range r.All.Ranges {
			if x.First == imap.Star || x.Last == imap.Star {
				return errors.New("imapclient: search result with \"*\"")
			}
		}
		s.uids = s.uids.Union(r.All.UIDs(mailbox.MaxUID))
		s.modSeq = max(s.modSeq, r.ModSeq)
	}
	return nil
}
