package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// SearchOptions refine Search and Sort. Nil means the zero value.
type SearchOptions struct {
	In Set // only among these messages; the zero Set: among all

	// Return says what is wanted: any of imap.ReturnMin, ReturnMax, ReturnCount,
	// ReturnAll, and, for a key with imap.SearchFuzzy, ReturnRelevancy (RFC 6203).
	// Zero means ReturnAll. What a server without ESEARCH can't return is computed
	// from all that is found. ReturnSave keeps the result as "$" on the server, for
	// an imap.NumSet of Client.Raw (RFC 5182); it needs SEARCHRES. ReturnContext
	// tells the server that it will be asked for the same again.
	Return imap.SearchReturn

	// Partial bounds the result to these positions of it: {1, 100} are the first
	// hundred, {-1, -100} the last (RFC 9394). ReturnAll has then no effect. Where
	// the server has no PARTIAL, all is searched for.
	Partial *imap.PartialRange
}

// Found is the result of a search. Its sets and numbers are those that
// SearchOptions.Return asks for.
type Found struct {
	UIDs   mailbox.UIDSet        // all, or those of SearchOptions.Partial
	Order  []mailbox.UID         // of Sort: the UIDs in their order
	ModSeq mailbox.ModSeq        // the highest of the messages found, with a key for ModSeq (RFC 7162 §3.1.5)
	Scores map[mailbox.UID]uint8 // with ReturnRelevancy: from 1 to 100 (RFC 6203 §4)

	count    *int
	min, max mailbox.UID
}

// Count returns how many messages were found.
func (f *Found) Count() int {
	if f.count != nil {
		return *f.count
	}
	return f.UIDs.Len()
}

// Min returns the lowest UID that was found, or the first message of Sort; zero if
// nothing was found.
func (f *Found) Min() mailbox.UID { return f.min }

// Max returns the highest UID that was found, or the last message of Sort; zero if
// nothing was found.
func (f *Found) Max() mailbox.UID { return f.max }

// Search returns the messages that match the key (RFC 9051 §6.4.4, RFC 4731). If
// the key, or the options, need what the server lacks, the error is an
// UnsupportedError, and nothing is sent.
func (m *Mailbox) Search(ctx context.Context, key search.Key, o *SearchOptions) (*Found, error) {
	q, err := m.newQuery(ctx, nil, key, o)
	if err != nil || q == nil {
		return &Found{}, err
	}
	return q.find(ctx)
}

// search sends a SEARCH, in the extended form where the server has it: its answer
// is short and names the command.
func (m *Mailbox) search(ctx context.Context, cmd *imap.Search, found *searchResult) error {
	c := m.c
	// Some servers return nothing for RETURN (), so ALL is always named.
	if c.has(imap.CapESearch) {
		cmd.Extended = true
		if cmd.Return == 0 && cmd.Partial == nil {
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
	*found = searchResult{ordered: found.ordered, mostOrder: found.mostOrder}
	k := m.searchCall(cmd)
	k.ended = found.ended
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

	ordered   bool // the order counts, as in SORT and with RELEVANCY
	order     []mailbox.UID
	count     *int
	min, max  mailbox.UID
	relevancy []uint8
	leftOut   mailbox.UID // see leftOut
	mostOrder int         // how many numbers order may have
}

var errStar = errors.New("imapclient: search result with \"*\"")

func (s *searchResult) read(resp grammar.Response) error {
	switch r := resp.(type) {
	case *imap.SearchData:
		s.numbers(r.Nums)
		s.modSeq = max(s.modSeq, r.ModSeq)
	case *imap.SortData:
		s.numbers(r.Nums)
		s.modSeq = max(s.modSeq, r.ModSeq)
	case *imap.ESearchData:
		if err := s.set(r.All); err != nil {
			return err
		}
		if r.Partial != nil {
			if err := s.set(r.Partial.Nums); err != nil {
				return err
			}
		}
		if r.Count != nil {
			n := int(*r.Count)
			s.count = &n
		}
		if r.Min != nil {
			s.min = mailbox.UID(*r.Min)
		}
		if r.Max != nil {
			s.max = mailbox.UID(*r.Max)
		}
		s.relevancy = append(s.relevancy, r.Relevancy...)
		s.modSeq = max(s.modSeq, r.ModSeq)
	}
	return nil
}

func (s *searchResult) numbers(nums []uint32) {
	uids := make([]mailbox.UID, len(nums))
	for i, n := range nums {
		uids[i] = mailbox.UID(n)
	}
	if s.ordered {
		s.order = append(s.order, uids...)
	}
	s.uids = s.uids.Union(mailbox.UIDSetOf(uids...))
}

// set takes a set of UIDs. In the result of SORT a range stands for its numbers in
// ascending order (RFC 5267 §3.2).
func (s *searchResult) set(set imap.NumSet) error {
	for _, x := range set.Ranges {
		if x.First == imap.Star || x.Last == imap.Star {
			return errStar
		}
	}
	s.uids = s.uids.Union(set.UIDs(mailbox.MaxUID))
	if !s.ordered {
		return nil
	}
	for _, x := range set.Ranges {
		first, last := min(x.First, x.Last), max(x.First, x.Last)
		if int64(last-first) >= int64(s.mostOrder-len(s.order)) {
			return &LimitError{"result too long", int64(s.mostOrder) * 4}
		}
		for n := uint64(first); n <= uint64(last); n++ {
			s.order = append(s.order, mailbox.UID(n))
		}
	}
	return nil
}

// ended notes what a server with MESSAGELIMIT has left out.
func (s *searchResult) ended(k *call) { s.leftOut = statusLeftOut(k.status) }
