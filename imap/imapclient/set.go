package imapclient

import (
	"context"
	"fmt"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A Set says which messages of a mailbox are meant. It is resolved each time it is
// used. The zero Set is empty.
type Set struct {
	kind        setKind
	uids        mailbox.UIDSet
	last        int
	key         search.Key
	first, upto imap.SeqNum
	given       bool // with setUIDs: it is not the zero Set, though perhaps empty
}

type setKind uint8

const (
	setUIDs setKind = iota
	setAll
	setLast
	setWhere
	setNumbers
)

// UIDs is the set of these messages.
func UIDs(uids ...mailbox.UID) Set { return UIDSet(mailbox.UIDSetOf(uids...)) }

// UIDSet is the set of these messages. UIDs that no message has are ignored.
func UIDSet(uids mailbox.UIDSet) Set { return Set{uids: uids, given: true} }

// All is the set of all messages.
func All() Set { return Set{kind: setAll} }

// Last is the set of the n messages that arrived last.
func Last(n int) Set { return Set{kind: setLast, last: n} }

// Where is the set of the messages that a search finds.
func Where(key search.Key) Set { return Set{kind: setWhere, key: key} }

// Numbers is the set of the messages with the sequence numbers from first to last,
// as the caller counts them: a number means the same message from one Update to
// the next, whatever the server has renumbered meanwhile. Messages that have
// arrived since then come behind, and those that were expunged keep their
// numbers. Without Watch and Poll the numbers are those of the first call that
// needed them.
func Numbers(first, last imap.SeqNum) Set { return Set{kind: setNumbers, first: first, upto: last} }

// isZero reports whether it is the zero Set.
func (s Set) isZero() bool { return s.kind == setUIDs && !s.given }

// resolve returns the UIDs of the set. They may include some that no message has.
func (m *Mailbox) resolve(ctx context.Context, s Set) (mailbox.UIDSet, error) {
	switch s.kind {
	case setAll:
		return m.UIDs(ctx)
	case setLast:
		return m.lastUIDs(ctx, s.last)
	case setWhere:
		found, err := m.Search(ctx, s.key, nil)
		if err != nil {
			return mailbox.UIDSet{}, err
		}
		return found.UIDs, nil
	case setNumbers:
		return m.numbered(ctx, s.first, s.upto)
	}
	return m.bound(ctx, s.uids)
}

// bound returns the messages of a set that exist, if it is so large that most can't
// exist, as one from a UID to the highest possible: it would become millions of
// commands. A smaller set is returned as it is.
func (m *Mailbox) bound(ctx context.Context, uids mailbox.UIDSet) (mailbox.UIDSet, error) {
	if uids.Len() <= m.c.batch() {
		return uids, nil
	}
	if err := m.ready(ctx); err != nil {
		return mailbox.UIDSet{}, err
	}
	m.c.mu.Lock()
	exists := m.exists
	var known *mailbox.UIDSet
	if m.view != nil && m.view.n == exists {
		set := m.view.set()
		known = &set
	}
	m.c.mu.Unlock()
	switch {
	case known != nil:
		return uids.Intersect(*known), nil
	case uids.Len() <= exists:
		return uids, nil
	case len(uids.Ranges()) > 1:
		all, err := m.UIDs(ctx)
		return uids.Intersect(all), err
	}
	found, err := m.Search(ctx, search.UID{Set: uids}, nil)
	if err != nil {
		return mailbox.UIDSet{}, err
	}
	return found.UIDs.Intersect(uids), nil
}

// UIDs returns the UIDs of all messages. The first call asks the server; then the
// Client keeps them.
func (m *Mailbox) UIDs(ctx context.Context) (mailbox.UIDSet, error) {
	if err := m.load(ctx); err != nil {
		return mailbox.UIDSet{}, err
	}
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.known(), nil
}

// known returns the UIDs of the view. mu is held.
func (m *Mailbox) known() mailbox.UIDSet {
	if m.view == nil { // it was lost since it was loaded
		return mailbox.UIDSet{}
	}
	return m.view.set()
}

// lastUIDs returns the UIDs of the messages that arrived last. By PARTIAL, the
// others need not be known (RFC 9394 §3.1).
func (m *Mailbox) lastUIDs(ctx context.Context, n int) (mailbox.UIDSet, error) {
	if n > 0 && m.c.has(imap.CapPartial) && m.c.has(imap.CapESearch) && !m.loaded() {
		found, err := m.Search(ctx, search.All{}, &SearchOptions{Partial: &imap.PartialRange{First: -1, Last: -int64(min(n, anyNumber))}})
		if err != nil {
			return mailbox.UIDSet{}, err
		}
		return found.UIDs, nil
	}
	all, err := m.UIDs(ctx)
	if err != nil || n >= all.Len() {
		return all, err
	}
	if n <= 0 {
		return mailbox.UIDSet{}, nil
	}
	return all.Intersect(mailbox.UIDRangeSet(all.At(all.Len()-n), mailbox.MaxUID)), nil
}

// loaded reports whether the UIDs of all messages are known.
func (m *Mailbox) loaded() bool {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	return m.view != nil && m.view.n == m.exists
}

func (m *Mailbox) numbered(ctx context.Context, first, last imap.SeqNum) (mailbox.UIDSet, error) {
	if err := m.load(ctx); err != nil {
		return mailbox.UIDSet{}, err
	}
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	all := m.known().Union(m.gone.set())
	last = min(last, imap.SeqNum(all.Len()))
	if first == 0 || first > last {
		return mailbox.UIDSet{}, nil
	}
	return all.Intersect(mailbox.UIDRangeSet(all.At(int(first)-1), all.At(int(last)-1))), nil
}

// load makes the view complete: it has at least the messages that were announced
// before the call. Only those are asked for, by their numbers, so that the answer can
// be counted: it is the view if it has as many UIDs as there are numbers, and no
// EXPUNGE came in between.
func (m *Mailbox) load(ctx context.Context) error {
	if err := m.ready(ctx); err != nil {
		return err
	}
	m.c.mu.Lock()
	want, failed := m.exists, 0
	for {
		if m.view == nil && m.exists == 0 {
			m.view = newNumbering(mailbox.UIDSet{})
		}
		known := -1
		if m.view != nil {
			known = m.view.n
		}
		want = min(want, m.exists)
		m.c.mu.Unlock()
		switch {
		case known >= want:
			return nil
		case failed == 8:
			return &ProtocolError{What: "the UIDs of the mailbox do not agree with its number of messages"}
		}
		if err := m.loadMore(ctx, failed >= 3); err != nil {
			return err
		}
		m.c.mu.Lock()
		if m.view == nil || m.view.n <= known {
			failed++
		}
	}
}

// loadMore asks for the UIDs of the messages that are not in the view: by a search,
// or, if that gave another number of them, by FETCH, during which there is no
// EXPUNGE. Which these are is known when the command has its place in the queue, with
// no other in flight that could bring EXPUNGE.
func (m *Mailbox) loadMore(ctx context.Context, byFetch bool) error {
	c := m.c
	byFetch = byFetch && !c.Enabled().Has(imap.CapUIDOnly)
	var first, last imap.SeqNum
	var gen int
	// numbers returns the numbers that are asked for; it fixes them.
	numbers := func() (set imap.NumSet, ok bool) {
		c.mu.Lock()
		defer c.mu.Unlock()
		first, last, gen = 1, imap.SeqNum(m.exists), m.gen
		if m.view != nil {
			first += imap.SeqNum(m.view.n)
		}
		return imap.NumSetOf(imap.NumRange{First: uint32(first), Last: uint32(last)}), first <= last
	}
	take := func(uids mailbox.UIDSet) {
		if m.gen != gen || uids.Len() != int(last-first)+1 || m.view != nil && (m.view.n != int(first)-1 || uids.Min() <= m.view.max()) {
			return
		}
		if m.view == nil {
			m.view = &numbering{}
		}
		for _, r := range uids.Ranges() {
			m.view.append(r)
		}
		if m.told == 0 { // SELECT did not tell UIDNEXT
			m.told = m.view.uid(imap.SeqNum(m.exists - m.pending.Arrived))
		}
	}
	var k *call
	if byFetch {
		cmd := &imap.Fetch{Items: []imap.FetchItem{{Att: imap.FetchUID}}}
		k = m.newCall(cmd)
		var uids mailbox.UIDSet
		k.fetch = newFetching(m)
		k.fetch.bySeq = true
		k.fetch.each = func(msg *Message) { uids.Add(msg.UID) }
		k.ended = func(*call) { take(uids) }
		k.write = func(w *writer) error {
			set, some := numbers()
			cmd.Set = set
			return w.command(cmd, some)
		}
	} else {
		cmd := &imap.Search{UID: true, Extended: c.has(imap.CapESearch), Return: imap.ReturnAll}
		k = m.searchCall(cmd)
		collect := k.take
		var found searchResult
		k.take = func(resp grammar.Response) bool {
			if !collect(resp) {
				return false
			}
			if found.read(resp) == nil {
				if m.view != nil {
					found.uids = found.uids.Subtract(mailbox.UIDRangeSet(1, m.view.max()))
				}
				take(found.uids)
			}
			return true
		}
		k.write = func(w *writer) error {
			set, some := numbers()
			cmd.Key = imap.SearchSeq{Set: set}
			if c.Enabled().Has(imap.CapUIDOnly) { // numbers are refused (RFC 9586 §3)
				cmd.Key = m.behindView()
			}
			return w.command(cmd, some)
		}
	}
	k.rule = ruleSeq
	return c.run(ctx, k)
}

// behindView returns the key of the messages behind the view.
func (m *Mailbox) behindView() search.Key {
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.view == nil || m.view.max() == 0 {
		return search.All{}
	}
	return imap.SearchUID{Set: imap.NumSetOf(imap.NumRange{First: uint32(min(m.view.max(), mailbox.MaxUID-1)) + 1, Last: imap.Star})}
}

// command writes a command, or NOOP if there is nothing to be done any more.
func (w *writer) command(cmd imap.Command, some bool) error {
	if !some {
		cmd = &imap.Noop{}
	}
	grammar.WriteCommand(&w.e, cmd)
	return w.send()
}

// ready waits for the SELECT of a mailbox that was selected with NoWait.
func (m *Mailbox) ready(ctx context.Context) error {
	if !m.sel.isDone() {
		select {
		case <-m.sel.done:
		case <-ctx.Done(): // what needs the mailbox was not sent
			return &InterruptedError{Command: m.sel.name, Err: context.Cause(ctx)}
		}
	}
	if err := m.refused(); err != nil {
		return err
	}
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	switch {
	case m.c.reason != nil:
		return m.c.errLocked()
	case m.c.selected == m:
		return nil
	}
	return &CommandError{Command: "SELECT", Mailbox: m.name, Err: ErrNotSelected}
}

// refused returns the error of SELECT, nil if it has not been refused yet. What was
// sent behind a refused SELECT is refused, too, for a reason that says less.
func (m *Mailbox) refused() error {
	if !m.sel.isDone() || m.sel.status == nil || m.sel.status.Err() == nil {
		return nil
	}
	return &CommandError{Command: m.sel.name, Mailbox: m.name, Err: m.sel.status.Err()}
}

// splitSet cuts a set so that each part is written with at most line octets and
// has at most batch messages, of those that may exist.
func splitSet(set mailbox.UIDSet, line, batch int) []mailbox.UIDSet {
	var out []mailbox.UIDSet
	for rest := slices.Clone(set.Ranges()); len(rest) > 0; {
		out = append(out, cutSet(&rest, line, batch))
	}
	return out
}

// cutSet removes a part from the front of the ranges.
func cutSet(rest *[]mailbox.UIDRange, line, batch int) mailbox.UIDSet {
	var part mailbox.UIDSet
	size, n := 0, 0
	for ; len(*rest) > 0; *rest = (*rest)[1:] {
		r := &(*rest)[0]
		w := digits(r.First) + 1
		if r.Last != r.First {
			w += digits(r.Last) + 1
		}
		if n > 0 && (size+w > line || n >= batch) {
			break
		}
		size += w
		if room := batch - n; r.Len() > room {
			end := r.First + mailbox.UID(room) - 1
			part.AddRange(r.First, end)
			r.First = end + 1
			break
		}
		part.AddRange(r.First, r.Last)
		n += r.Len()
	}
	return part
}

func digits(u mailbox.UID) int {
	n := 1
	for ; u >= 10; u /= 10 {
		n++
	}
	return n
}

// String describes the set, for logs.
func (s Set) String() string {
	switch s.kind {
	case setAll:
		return "all"
	case setLast:
		return fmt.Sprintf("last %d", s.last)
	case setWhere:
		return "search result"
	case setNumbers:
		return fmt.Sprintf("numbers %d to %d", s.first, s.upto)
	}
	return s.uids.String()
}
