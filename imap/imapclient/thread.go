package imapclient

import (
	"context"
	"errors"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// Thread returns the messages that match the key as threads (RFC 5256 §3). Where
// the server lacks the algorithm, the client threads them, by envelopes and the
// field References, if there are no more than Limits.Emulate messages; see
// EmulateThread. It can do that for the algorithms of package search.
func (m *Mailbox) Thread(ctx context.Context, a search.Algorithm, key search.Key) ([]*search.Thread, error) {
	c := m.c
	q, err := m.newQuery(ctx, nil, key, nil)
	if err != nil {
		return nil, err
	}
	lacks := imap.CapThreadPrefix + imap.Cap(a)
	if !c.has(lacks) {
		return q.emulateThread(ctx, lacks, a)
	}
	k := m.newCall(&imap.Thread{UID: true, Algorithm: a, Key: q.keys[0]})
	k.name, k.kind, k.reads = "UID THREAD", "THREAD", true
	var threads []*search.Thread
	k.take = func(resp grammar.Response) bool {
		r, ok := resp.(*imap.ThreadData)
		if ok {
			threads = append(threads, r.Threads...)
		}
		return ok
	}
	if err := c.run(ctx, k); err != nil {
		return nil, err
	}
	if leftOut(k) > 1 {
		return q.emulateThread(ctx, lacks, a)
	}
	return threads, nil
}

// emulateThread searches and threads what is found.
func (q *query) emulateThread(ctx context.Context, lacks imap.Cap, a search.Algorithm) ([]*search.Thread, error) {
	c := q.m.c
	known := a == search.OrderedSubject || a == search.References || a == search.Refs
	if !known || c.o.NoEmulation&EmulateThread != 0 {
		return nil, &UnsupportedError{Cap: lacks, What: "threading messages"}
	}
	ret, _, _ := q.wire()
	r, err := q.run(ctx, ret, nil)
	if err != nil {
		return nil, err
	}
	if err := c.mayEmulate(lacks, "threading", r.uids.Len()); err != nil {
		return nil, err
	}
	items := []Item{Envelope | Date}
	references := search.ThreadWants(a)&mailbox.WantReferences != 0
	if references {
		items = append(items, Header("References"))
	}
	// The Threader needs them in ascending order, which no server owes us.
	var all []*mailbox.Message
	err = q.m.summaries(ctx, r.uids, func(msg *Message) error {
		s := summary(msg)
		if references {
			refs, err := readReferences(msg)
			if err != nil {
				return err
			}
			s.References = refs
		}
		all = append(all, s)
		return nil
	}, items...)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(x, y *mailbox.Message) int { return int(int64(x.UID) - int64(y.UID)) })
	t := search.NewThreader(a)
	for _, s := range all {
		t.Add(s)
	}
	return t.Threads(), nil
}

// readReferences returns the message identifiers of the field References.
func readReferences(msg *Message) ([]string, error) {
	b := msg.Body(Header("References"))
	sum, _, err := message.Parse(b, nil)
	switch {
	case errors.Is(err, ErrItemMissing):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return sum.References, nil
}
