package imapclient

import (
	"context"
	"errors"
	"iter"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A LiveResult is the result of a search at one moment.
type LiveResult struct {
	UIDs           mailbox.UIDSet
	Order          []mailbox.UID  // of a sorted search; until the loop's next step
	Added, Removed mailbox.UIDSet // since the last LiveResult; the first has all in Added
	Update         *Update        // what has changed in the mailbox besides; may be nil
}

// Live yields the messages that match the key, and then, whenever that changes,
// what has come and gone (RFC 5267 §4.3). With by, they are sorted. It needs
// CONTEXT=SEARCH, or CONTEXT=SORT.
//
// It waits as Mailbox.Watch does, of which it takes the place: there is one of both
// at a time on a connection, and what Watch would yield is in LiveResult.Update.
// Where the server refuses to tell changes, the error after the first result is an
// *imap.Error with the code NOUPDATE. The loop ends as that of Watch does; then the
// server is told to stop.
func (m *Mailbox) Live(ctx context.Context, by []search.SortKey, key search.Key) iter.Seq2[*LiveResult, error] {
	return func(yield func(*LiveResult, error) bool) {
		l := &live{m: m, sorted: len(by) > 0}
		defer l.stop(ctx)
		if err := l.begin(ctx, by, key); err != nil {
			yield(nil, err)
			return
		}
		if !yield(l.result(l.found.uids, mailbox.UIDSet{}), nil) {
			return
		}
		if l.refused != nil {
			yield(nil, &CommandError{Command: l.k.name, Mailbox: m.name, Err: l.refused})
			return
		}
		for ev, err := range m.c.watch(ctx, m, &WatchOptions{}) {
			var r *LiveResult
			if err == nil {
				r, err = l.apply()
			}
			if u, ok := ev.(*Update); ok && err == nil && u.Mailbox == m {
				if r == nil {
					r = l.result(mailbox.UIDSet{}, mailbox.UIDSet{})
				}
				r.Update = u
			}
			if (r != nil || err != nil) && !yield(r, err) || err != nil {
				return
			}
		}
	}
}

// A live is a Live that is under way. It is an Event when it has updates.
type live struct {
	m      *Mailbox
	k      *call
	sorted bool
	found  searchResult

	// Guarded by Client.mu.
	updates []imap.SearchUpdate
	queued  bool
	refused error
	lost    bool // there were more updates than are kept
}

// maxLiveUpdates is how many updates wait for the loop's next step.
const maxLiveUpdates = 65536

// begin sends the search.
func (l *live) begin(ctx context.Context, by []search.SortKey, key search.Key) error {
	m, c := l.m, l.m.c
	need := imap.CapContextSearch
	if l.sorted {
		need = imap.CapContextSort
	}
	if err := c.need(need, "changes of a search's result"); err != nil {
		return err
	}
	q, err := m.newQuery(ctx, by, key, nil)
	if err != nil {
		return err
	}
	if x := c.sortLacks(by); l.sorted && x != "" {
		return &UnsupportedError{Cap: x, What: "sorting by these keys"}
	}
	cmd := imap.Search{UID: true, Key: q.keys[0], Extended: true, Return: imap.ReturnAll | imap.ReturnUpdate}
	if l.sorted {
		l.found.ordered, l.found.mostOrder = true, int(c.o.Limits.Result/4)
		l.k = m.sortCall(&imap.Sort{Search: cmd, By: by})
	} else {
		l.k = m.searchCall(&cmd)
	}
	k := l.k
	collect := k.take
	k.take = func(resp grammar.Response) bool {
		if line, ok := resp.(*grammar.StatusLine); ok {
			if tag, _ := line.Arg.(string); line.Code == imap.CodeNoUpdate && tag == k.tag {
				l.refused = line.Err()
				return true
			}
			return false
		}
		if !collect(resp) {
			return false
		}
		r := resp.(*imap.ESearchData)
		l.take(c, r)
		k.err = errors.Join(k.err, l.found.read(r))
		return true
	}
	k.ended = func(k *call) {
		if k.status.Cond == imap.OK && l.refused == nil && !k.abandoned {
			if c.lives == nil {
				c.lives = map[string]*live{}
			}
			c.lives[k.tag] = l
		}
	}
	return c.run(ctx, k)
}

// take takes the updates of a response. mu is held; l may be nil.
func (l *live) take(c *Client, r *imap.ESearchData) {
	if l == nil || len(r.Updates) == 0 {
		return
	}
	if l.lost = l.lost || len(l.updates)+len(r.Updates) > maxLiveUpdates; !l.lost {
		l.updates = append(l.updates, r.Updates...)
	}
	if !l.queued {
		l.queued = true
		c.events.add(l)
	}
}

// apply applies the updates that have come (RFC 5267 §4.3.2 to §4.3.4).
func (l *live) apply() (*LiveResult, error) {
	c := l.m.c
	c.mu.Lock()
	updates, lost := l.updates, l.lost
	l.updates, l.queued = nil, false
	c.mu.Unlock()
	if lost {
		return nil, &LimitError{"changes of a search's result", maxLiveUpdates}
	}
	if len(updates) == 0 {
		return nil, nil
	}
	before, f := l.found.uids, &l.found
	for _, u := range updates {
		for _, x := range u.Nums.Ranges {
			if x.First == imap.Star || x.Last == imap.Star {
				return nil, errStar
			}
		}
		uids := u.Nums.UIDs(mailbox.MaxUID)
		switch {
		case u.Remove && !l.sorted:
			f.uids = f.uids.Subtract(uids)
		case u.Remove:
			f.uids = f.uids.Subtract(uids)
			f.order = removeFrom(f.order, int(u.Position), uids)
		case !l.sorted:
			f.uids = f.uids.Union(uids)
		default:
			// The numbers stand in the order of the set.
			add := searchResult{ordered: true, mostOrder: f.mostOrder - len(f.order)}
			if err := add.set(u.Nums); err != nil {
				return nil, err
			}
			at := min(max(int(u.Position)-1, 0), len(f.order))
			f.order = slices.Insert(f.order, at, add.order...)
			f.uids = f.uids.Union(uids)
		}
	}
	added, removed := f.uids.Subtract(before), before.Subtract(f.uids)
	if added.IsEmpty() && removed.IsEmpty() && !l.sorted {
		return nil, nil
	}
	return l.result(added, removed), nil
}

// removeFrom removes messages, which stand at a position if the server is right.
func removeFrom(order []mailbox.UID, position int, uids mailbox.UIDSet) []mailbox.UID {
	if at, n := position-1, uids.Len(); at >= 0 && at <= len(order) && n <= len(order)-at &&
		!slices.ContainsFunc(order[at:at+n], func(uid mailbox.UID) bool { return !uids.Contains(uid) }) {
		return slices.Delete(order, at, at+n)
	}
	return slices.DeleteFunc(order, uids.Contains)
}

func (l *live) result(added, removed mailbox.UIDSet) *LiveResult {
	return &LiveResult{UIDs: l.found.uids, Order: l.found.order, Added: added, Removed: removed}
}

// stop tells the server to stop (RFC 5267 §4.3.5), even if ctx has ended.
func (l *live) stop(ctx context.Context) {
	c := l.m.c
	if l.k == nil {
		return
	}
	c.mu.Lock()
	active := c.lives[l.k.tag] == l
	if active {
		delete(c.lives, l.k.tag)
	}
	c.events.queue = slices.DeleteFunc(c.events.queue, func(ev Event) bool { return ev == Event(l) })
	selected := c.selected == l.m
	c.mu.Unlock()
	if !active || !selected {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.o.Timeouts.Done)
	defer cancel()
	k := l.m.newCall(&imap.CancelUpdate{Tags: []string{l.k.tag}})
	c.run(ctx, k)
}
