package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A query is a Search or a Sort: what is to be found, and how the server can be
// asked.
type query struct {
	m       *Mailbox
	by      []search.SortKey // of Sort
	keys    []search.Key     // one for each command
	ret     imap.SearchReturn
	partial *imap.PartialRange
}

// Errors of SearchOptions.
var (
	errReturn       = errors.New("imapclient: SearchOptions.Return has an option that Search can't return")
	errPartialRange = errors.New("imapclient: SearchOptions.Partial is no range of positions")
)

const returnNumbers = imap.ReturnMin | imap.ReturnMax | imap.ReturnCount | imap.ReturnAll

// newQuery checks the key and the options. It returns nil if there is nothing to be
// searched.
func (m *Mailbox) newQuery(ctx context.Context, by []search.SortKey, key search.Key, o *SearchOptions) (*query, error) {
	if o == nil {
		o = &SearchOptions{}
	}
	if key == nil {
		key = search.All{}
	}
	c := m.c
	q := &query{m: m, by: by, keys: []search.Key{key}, ret: o.Return, partial: o.Partial}
	switch {
	case q.ret&^(returnNumbers|imap.ReturnSave|imap.ReturnContext|imap.ReturnRelevancy) != 0:
		return nil, errReturn
	case q.partial != nil && (q.partial.First == 0 || q.partial.Last == 0 || q.partial.First < 0 != (q.partial.Last < 0)):
		return nil, errPartialRange
	}
	if q.partial != nil {
		q.ret &^= imap.ReturnAll
	} else if q.ret&(returnNumbers|imap.ReturnSave) == 0 || q.ret&imap.ReturnRelevancy != 0 {
		q.ret |= imap.ReturnAll
	}
	if q.ret&imap.ReturnRelevancy != 0 && (!isFuzzy(key) || !c.has(imap.CapFuzzy) || !c.has(imap.CapESearch)) {
		return nil, &UnsupportedError{Cap: imap.CapFuzzy, What: "the relevancy of what a fuzzy search finds"}
	}
	if q.ret&imap.ReturnSave != 0 {
		if err := c.need(imap.CapSearchRes, "saving a search result"); err != nil {
			return nil, err
		}
	}
	if err := c.checkKey(key); err != nil {
		return nil, err
	}
	return q.within(ctx, key, o.In)
}

// within restricts the query to a set. A long one becomes several searches.
func (q *query) within(ctx context.Context, key search.Key, in Set) (*query, error) {
	switch {
	case in.isZero() || in.kind == setAll:
		return q, nil
	case in.kind == setWhere:
		q.keys[0] = search.And{in.key, key}
		return q, q.m.c.checkKey(in.key)
	}
	uids, err := q.m.resolve(ctx, in)
	if err != nil || uids.IsEmpty() {
		return nil, err
	}
	q.keys = q.keys[:0]
	for _, part := range splitSet(uids, q.m.c.maxSet(), anyNumber) {
		q.keys = append(q.keys, search.And{search.UID{Set: part}, key})
	}
	if len(q.keys) > 1 && q.ret&imap.ReturnSave != 0 {
		return nil, &UnsupportedError{What: "saving the result of a search in so many messages"}
	}
	return q, nil
}

// wire returns the options as the command has them, and whether the server can
// return what is wanted; else it is asked for all.
func (q *query) wire() (ret imap.SearchReturn, partial *imap.PartialRange, ok bool) {
	c := q.m.c
	extended := c.has(imap.CapESearch)
	hasPartial := c.has(imap.CapPartial, imap.CapContextSearch)
	if q.by != nil {
		extended = c.has(imap.CapESort, imap.CapContextSort)
		hasPartial = extended && c.has(imap.CapPartial, imap.CapContextSort)
	}
	switch {
	case !extended:
		return 0, nil, q.ret == imap.ReturnAll
	case q.by != nil && q.ret&(imap.ReturnMin|imap.ReturnMax) != 0:
		// For Cyrus MIN is the lowest UID instead of the first message.
		return imap.ReturnAll, nil, false
	case len(q.keys) > 1, c.messageLimit() > 0 && q.ret&imap.ReturnSave == 0,
		q.partial != nil && (!hasPartial || q.partial.First < 0 && !c.has(imap.CapPartial)):
		return imap.ReturnAll | q.ret&imap.ReturnRelevancy, nil, q.ret == imap.ReturnAll
	}
	ret, partial = q.ret, q.partial
	if ret&imap.ReturnContext != 0 && !c.has(imap.CapContextSearch, imap.CapContextSort) {
		ret &^= imap.ReturnContext
	}
	if ret&(imap.ReturnMin|imap.ReturnMax) != 0 && ret&imap.ReturnSave == 0 {
		ret |= imap.ReturnCount // so that a MIN that is missing is noticed
	}
	return ret, partial, true
}

// find asks the server.
func (q *query) find(ctx context.Context) (*Found, error) {
	ret, partial, ok := q.wire()
	r, err := q.run(ctx, ret, partial)
	if err != nil {
		return nil, err
	}
	if !ok {
		return q.compute(r), nil
	}
	if q.by == nil && q.ret == imap.ReturnAll {
		return q.compute(r), nil
	}
	// Some servers leave out MIN or MAX of what they have found.
	if n := r.count; (n == nil || *n > 0) && ret&imap.ReturnSave == 0 &&
		(q.ret&imap.ReturnMin != 0 && r.min == 0 || q.ret&imap.ReturnMax != 0 && r.max == 0) {
		if r, err = q.run(ctx, imap.ReturnAll, nil); err != nil {
			return nil, err
		}
		return q.compute(r), nil
	}
	f := q.found(r)
	if q.ret&imap.ReturnAll != 0 {
		n := r.uids.Len()
		f.count, f.min, f.max = &n, q.first(r), q.last(r)
	} else {
		f.count, f.min, f.max = r.count, r.min, r.max
	}
	return f, nil
}

// run sends the commands and joins their results.
func (q *query) run(ctx context.Context, ret imap.SearchReturn, partial *imap.PartialRange) (*searchResult, error) {
	c := q.m.c
	all := &searchResult{}
	for _, key := range q.keys {
		for below := mailbox.UID(0); ; {
			r := &searchResult{ordered: q.by != nil || ret&imap.ReturnRelevancy != 0, mostOrder: int(c.o.Limits.Result / 4)}
			cmd := &imap.Search{UID: true, Key: key, Return: ret, Partial: partial}
			if below > 0 {
				cmd.Key = search.And{imap.SearchUIDBefore{UID: below}, key}
			}
			var err error
			if q.by != nil {
				err = q.m.sort(ctx, &imap.Sort{Search: *cmd, By: q.by}, r)
			} else {
				err = q.m.search(ctx, cmd, r)
			}
			if err != nil {
				return nil, err
			}
			all.join(r)
			if r.leftOut <= 1 || below > 0 && r.leftOut >= below {
				break
			}
			if below = r.leftOut; q.by != nil {
				return nil, errLeftOut
			}
		}
	}
	return all, nil
}

// errLeftOut says that the server can't sort as many messages.
var errLeftOut = errors.New("imapclient: server has sorted a part of the messages")

func (s *searchResult) join(r *searchResult) {
	s.uids, s.order = s.uids.Union(r.uids), append(s.order, r.order...)
	s.relevancy, s.modSeq = append(s.relevancy, r.relevancy...), max(s.modSeq, r.modSeq)
	s.count, s.min, s.max = r.count, r.min, r.max
}

// found makes a Found without numbers.
func (q *query) found(r *searchResult) *Found {
	f := &Found{UIDs: r.uids, ModSeq: r.modSeq}
	if q.by != nil {
		f.Order = r.order
	}
	if q.ret&imap.ReturnRelevancy != 0 {
		f.Scores = map[mailbox.UID]uint8{}
		for i, n := range r.relevancy[:min(len(r.relevancy), len(r.order))] {
			f.Scores[r.order[i]] = n
		}
	}
	return f
}

// compute makes a Found of all that there is.
func (q *query) compute(r *searchResult) *Found {
	f := q.found(r)
	n := r.uids.Len()
	f.count, f.min, f.max = &n, q.first(r), q.last(r)
	switch {
	case q.partial != nil:
		from, to := positions(*q.partial, n)
		f.UIDs = mailbox.UIDSet{}
		if from > to {
			f.Order = nil
		} else if q.by != nil && len(r.order) == n {
			f.Order = r.order[from-1 : to]
			f.UIDs = mailbox.UIDSetOf(f.Order...)
		} else {
			f.UIDs = r.uids.Intersect(mailbox.UIDRangeSet(r.uids.At(from-1), r.uids.At(to-1)))
		}
	case q.ret&imap.ReturnAll == 0:
		f.UIDs, f.Order = mailbox.UIDSet{}, nil
	}
	return f
}

// positions returns the positions from 1 on that a range means in a result of n.
func positions(r imap.PartialRange, n int) (from, to int) {
	a, b := min(r.First, r.Last), max(r.First, r.Last)
	if a < 0 {
		a, b = a+int64(n)+1, b+int64(n)+1
	}
	return int(max(a, 1)), int(min(b, int64(n)))
}

// first returns the first message of a result, in the order of the query, and last
// the last one; zero if there is none.
func (q *query) first(r *searchResult) mailbox.UID {
	if q.by != nil && len(r.order) > 0 {
		return r.order[0]
	}
	return r.uids.Min()
}

func (q *query) last(r *searchResult) mailbox.UID {
	if q.by != nil && len(r.order) > 0 {
		return r.order[len(r.order)-1]
	}
	return r.uids.Max()
}
