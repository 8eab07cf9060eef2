package imapclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

var errNoSortKey = errors.New("imapclient: Sort without a key to sort by")

// Sort returns the messages that match the key, sorted (RFC 5256, RFC 5267 §3, RFC
// 5957). Where the server can't sort, or not by these keys, the client does, by
// envelopes, if there are no more than Limits.Emulate messages; see EmulateSort.
func (m *Mailbox) Sort(ctx context.Context, by []search.SortKey, key search.Key, o *SearchOptions) (*Found, error) {
	if len(by) == 0 {
		return nil, errNoSortKey
	}
	q, err := m.newQuery(ctx, by, key, o)
	if err != nil || q == nil {
		return &Found{}, err
	}
	lacks := m.c.sortLacks(by)
	if lacks == "" && len(q.keys) == 1 {
		f, err := q.find(ctx)
		if err != errLeftOut {
			return f, err
		}
	}
	if lacks == "" {
		lacks = imap.CapSort
	}
	return q.emulateSort(ctx, lacks)
}

// sortLacks returns the capability that sorting by these keys needs and the server
// lacks.
func (c *Client) sortLacks(by []search.SortKey) imap.Cap {
	need := []imap.Cap{imap.CapSort}
	for _, k := range by {
		switch k.By {
		case search.SortDisplayFrom, search.SortDisplayTo:
			need = append(need, imap.CapSortDisplay)
		case imap.SortRelevancy:
			need = append(need, imap.CapFuzzy)
		}
	}
	for _, x := range need {
		if !c.has(x) {
			return x
		}
	}
	return ""
}

// sort sends SORT.
func (m *Mailbox) sort(ctx context.Context, cmd *imap.Sort, r *searchResult) error {
	k := m.sortCall(cmd)
	k.ended = r.ended
	collect := k.take
	k.take = func(resp grammar.Response) bool {
		if !collect(resp) {
			return false
		}
		k.err = errors.Join(k.err, r.read(resp))
		return true
	}
	return m.c.run(ctx, k)
}

// sortCall returns a call that takes the answer to SORT and drops it. With result
// options that is an ESEARCH response (RFC 5267 §3.1).
func (m *Mailbox) sortCall(cmd *imap.Sort) *call {
	cmd.Extended = m.c.has(imap.CapESort, imap.CapContextSort) && (cmd.Return != 0 || cmd.Partial != nil)
	k := m.newCall(cmd)
	k.name, k.reads = "UID SORT", true
	if cmd.Extended {
		k.take = func(resp grammar.Response) bool {
			r, ok := resp.(*imap.ESearchData)
			return ok && (r.Tag == k.tag || r.Tag == "" && m.c.onlyOne(k))
		}
		return k
	}
	k.kind = "SORT"
	k.take = func(resp grammar.Response) bool {
		_, ok := resp.(*imap.SortData)
		return ok
	}
	return k
}

// emulateSort searches and sorts what is found.
func (q *query) emulateSort(ctx context.Context, lacks imap.Cap) (*Found, error) {
	c := q.m.c
	for _, k := range q.by {
		if k.By == imap.SortRelevancy {
			return nil, &UnsupportedError{Cap: lacks, What: "sorting by relevancy"}
		}
	}
	if c.o.NoEmulation&EmulateSort != 0 {
		return nil, &UnsupportedError{Cap: lacks, What: "sorting messages"}
	}
	plain := &query{m: q.m, keys: q.keys, ret: imap.ReturnAll | q.ret&imap.ReturnRelevancy}
	ret, _, _ := plain.wire()
	r, err := plain.run(ctx, ret, nil)
	if err != nil {
		return nil, err
	}
	scores := plain.found(r).Scores
	if err := c.mayEmulate(lacks, "sorting", r.uids.Len()); err != nil {
		return nil, err
	}
	sorter := search.NewSorter(q.by)
	wants := search.SortWants(q.by)
	var items Want
	if wants&mailbox.WantEntry != 0 {
		items |= Date | Size
	}
	if wants&mailbox.WantEnvelope != 0 {
		items |= Envelope
	}
	err = q.m.summaries(ctx, r.uids, func(msg *Message) error {
		sorter.Add(summary(msg))
		return nil
	}, items)
	if err != nil {
		return nil, err
	}
	r.order, r.ordered = sorter.UIDs(), true
	r.uids = mailbox.UIDSetOf(r.order...) // without those that have gone
	f := q.compute(r)
	f.Scores = scores
	return f, nil
}

// mayEmulate returns an error if there are more messages than the client may read
// to do what the server can't.
func (c *Client) mayEmulate(lacks imap.Cap, what string, n int) error {
	if limit := c.o.Limits.Emulate; limit > 0 && n > limit {
		return &UnsupportedError{Cap: lacks, What: fmt.Sprintf("%s %d messages, of which the client reads at most %d", what, n, limit)}
	}
	return nil
}

// summaries calls f for each message of the set. One of which an item can't be read
// is given without it.
func (m *Mailbox) summaries(ctx context.Context, uids mailbox.UIDSet, f func(*Message) error, items ...Item) error {
	for msg, err := range m.Fetch(ctx, UIDSet(uids), items...) {
		if msg == nil {
			return err
		}
		if err := f(msg); err != nil {
			return err
		}
	}
	return nil
}

// summary returns a message as package search takes it.
func summary(msg *Message) *mailbox.Message {
	var env message.Envelope
	if msg.Envelope != nil {
		env = *msg.Envelope
		if env.Time.IsZero() {
			env.Time, _ = message.ParseDate(env.Date)
		}
	}
	return &mailbox.Message{Entry: msg.Entry, Envelope: &env}
}
