package imapclient

import (
	"context"
	"errors"
	"iter"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// WatchOptions say what Client.Watch follows besides the selected mailbox. Nil means
// the zero value: nothing.
type WatchOptions struct {
	Mailboxes  []string // these
	Personal   bool     // all in the user's own namespaces
	Subscribed bool     // all that are subscribed to

	// Fetch is what to tell of new messages in the selected mailbox, in
	// Update.Messages. Flags may be among it, but no Gmail.
	Fetch Want
}

func (o *WatchOptions) others() bool { return o.Personal || o.Subscribed || len(o.Mailboxes) > 0 }

// Watch yields what the server tells unasked, in order, until ctx ends, the loop is
// left, or the connection fails: an *Update of whichever mailbox is selected, a
// *MailboxStatus of each other mailbox of o as it is at first and whenever it has
// changed, a *MailboxChanged when one is created, deleted, renamed or subscribed to,
// a *MetadataChanged, an *Alert, and *Unknown and *Malformed responses. What has come
// since the connection was made, or the last Watch ended, comes first. The mailbox
// may be changed by Select meanwhile, also within the loop. o may be nil.
//
// The server tells by NOTIFY (RFC 5465). If it has no NOTIFY, does not want to watch
// so much, or stops doing so for there is too much to tell, it is asked instead every
// Timeouts.Poll: then a renamed mailbox is a deleted and a created one, and metadata
// are not told of; and if EmulateIdle is forbidden, the error is an
// *UnsupportedError. Beside that, and for the selected mailbox, the connection is in
// IDLE; see Mailbox.Watch. There is one Watch at a time on a connection: another
// one's error is ErrWatching.
func (c *Client) Watch(ctx context.Context, o *WatchOptions) iter.Seq2[Event, error] {
	if o == nil {
		o = &WatchOptions{}
	}
	return c.watch(ctx, nil, o)
}

// A watcher is a Watch that is under way.
type watcher struct {
	c *Client
	m *Mailbox // must be selected all the while, unless nil
	o *WatchOptions

	notified bool      // the server tells by NOTIFY
	polls    bool      // it is asked about other mailboxes
	next     time.Time // when it is asked next
	known    map[string]ListEntry
}

// begin asks the server to tell.
func (w *watcher) begin(ctx context.Context) error {
	if !w.o.others() && w.o.Fetch == 0 {
		return nil
	}
	w.c.mu.Lock()
	w.c.events.fetch = nil
	if w.o.Fetch != 0 {
		w.c.events.fetch = w.request()
	}
	w.c.mu.Unlock()
	var err error
	if w.notified, err = w.notify(ctx); err != nil || w.notified {
		return err
	}
	return w.pollOthers()
}

// pollOthers makes the client ask.
func (w *watcher) pollOthers() error {
	if !w.o.others() {
		return nil
	}
	if w.c.o.NoEmulation&EmulateIdle != 0 {
		return &UnsupportedError{Cap: imap.CapNotify, What: "watching several mailboxes"}
	}
	w.polls = true
	return nil
}

// end makes the server tell no more than it does without a Watch.
func (w *watcher) end(ctx context.Context) {
	w.c.mu.Lock()
	w.c.events.fetch = nil
	w.c.mu.Unlock()
	if !w.notified || w.c.Err() != nil {
		return
	}
	k := selectedOnly()
	if w.c.start(ctx, k) == nil {
		w.c.abandon(k)
	}
}

// overflowed goes on by asking: the server tells nothing any more. It is asked at
// once, as changes may have been lost.
func (w *watcher) overflowed(ctx context.Context) error {
	if !w.notified {
		return nil
	}
	w.notified = false
	// What has happened to the selected mailbox is told again (RFC 5465 §3.1).
	if err := w.c.run(ctx, selectedOnly()); err != nil && !isRefusal(err) {
		return err
	}
	w.next = time.Time{}
	return w.pollOthers()
}

// request is what to tell of new messages.
func (w *watcher) request() *request {
	return newRequest([]Item{w.o.Fetch &^ Gmail})
}

// poll asks about the mailboxes, if it is time, and puts what has changed since the
// last time into the queue of events.
func (w *watcher) poll(ctx context.Context) error {
	if !w.polls || time.Now().Before(w.next) {
		return nil
	}
	now, err := w.list(ctx)
	if err != nil && !isRefusal(err) {
		return err
	}
	w.next = time.Now().Add(w.c.o.Timeouts.Poll)
	if w.c.o.Timeouts.Poll <= 0 {
		w.polls = false
	}
	w.c.mu.Lock()
	defer w.c.mu.Unlock()
	events := &w.c.events
	first := w.known == nil
	for _, name := range sortedNames(w.known, now) {
		before, was := w.known[name]
		after, is := now[name]
		switch {
		case !is:
			gone := changedEntry(before)
			gone.Attrs = []imap.MailboxAttr{imap.AttrNonExistent}
			events.add(gone)
		case !first && (!was || before.Has(imap.AttrSubscribed) != after.Has(imap.AttrSubscribed)):
			events.add(changedEntry(after))
		}
		if is && after.Status == nil {
			after.Status = before.Status // it was not asked for, or could not be read this time
			now[name] = after
		}
		if is && after.Status != nil && !reflect.DeepEqual(before.Status, after.Status) {
			events.add(&MailboxStatus{StatusData: after.Status})
		}
	}
	w.known = now
	return nil
}

func changedEntry(e ListEntry) *MailboxChanged {
	return &MailboxChanged{ListData: &imap.ListData{Mailbox: e.Name, Separator: e.Separator, Attrs: e.Attrs, ChildInfo: e.ChildInfo, OldName: e.OldName}}
}

func sortedNames(a, b map[string]ListEntry) []string {
	names := make([]string, 0, len(b))
	for name := range b {
		names = append(names, name)
	}
	for name := range a {
		if _, ok := b[name]; !ok {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// list returns the mailboxes that are watched, with their counters, as they are now.
func (w *watcher) list(ctx context.Context) (map[string]ListEntry, error) {
	c := w.c
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity, imap.StatusUnseen}
	if c.has(imap.CapCondStore) {
		items = append(items, imap.StatusHighestModSeq)
	}
	var lists []*ListOptions
	if w.o.Personal {
		patterns, err := w.personal(ctx)
		if err != nil {
			return nil, err
		}
		lists = append(lists, &ListOptions{Patterns: patterns, Status: items})
	}
	if w.o.Subscribed {
		lists = append(lists, &ListOptions{Subscribed: true, Status: items})
	}
	out := map[string]ListEntry{}
	selected := c.selectedName()
	var refused error
	for _, o := range lists {
		entries, err := c.List(ctx, o)
		if err != nil && (!isRefusal(err) || entries == nil) {
			return nil, err
		}
		for _, e := range entries {
			if sameName(e.Name, selected) {
				e.Status = nil // its changes are Updates
			}
			out[e.Name] = e
		}
		refused = errors.Join(refused, err)
	}
	if err := w.named(ctx, out, selected, items); err != nil {
		return nil, err
	}
	if before, ok := w.known[selected]; ok && selected != "" {
		if _, ok := out[selected]; !ok {
			out[selected] = before
		}
	}
	return out, refused
}

// named asks about WatchOptions.Mailboxes, in one flight.
func (w *watcher) named(ctx context.Context, out map[string]ListEntry, selected string, items []imap.StatusItem) error {
	var calls []*call
	var answers []**imap.StatusData
	for _, name := range w.o.Mailboxes {
		if _, ok := out[name]; ok || sameName(name, selected) {
			continue
		}
		k, data := w.c.statusCall(name, items)
		if err := w.c.start(ctx, k); err != nil {
			return err
		}
		calls, answers = append(calls, k), append(answers, data)
	}
	for i, k := range calls {
		err := w.c.wait(ctx, k)
		before, was := w.known[k.box]
		switch {
		case err == nil && *answers[i] != nil:
			out[k.box] = ListEntry{Name: k.box, Status: *answers[i], Attrs: before.Attrs}
		case err != nil && !isRefusal(err):
			return err
		case was && !errors.Is(err, mailbox.ErrNotExist):
			out[k.box] = before
		}
	}
	return nil
}

// personal returns the patterns of the user's own mailboxes (RFC 2342).
func (w *watcher) personal(ctx context.Context) ([]string, error) {
	patterns := []string{"INBOX"}
	ns, err := w.c.Namespace(ctx)
	if err != nil {
		return nil, err
	}
	for _, p := range ns.Personal {
		if p.Prefix == "" {
			return []string{"*"}, nil
		}
		patterns = append(patterns, p.Prefix+"*")
	}
	return patterns, nil
}

func (c *Client) selectedName() string {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.selected == nil {
		return ""
	}
	if strings.EqualFold(c.selected.name, "INBOX") {
		return "INBOX"
	}
	return c.selected.name
}

// maxArrived is how many messages an Update has.
const maxArrived = 1000

// arrived takes a FETCH response about a new message that WatchOptions.Fetch has asked
// for. mu is held.
func (m *Mailbox) arrived(msg *Message) bool {
	req := m.c.events.fetch
	if req == nil || msg.UID == 0 || msg.failed != nil || len(m.messages) >= maxArrived {
		return false
	}
	if f := (fetching{m: m, req: req, asked: req.want}); f.fitsRequest(msg) == fitNot {
		return false
	}
	msg.mb, msg.req = m, req
	m.messages = append(m.messages, msg)
	return true
}

// takeArrived gives an Update the messages that have been told of. mu is held.
func (m *Mailbox) takeArrived(u *Update) {
	for _, msg := range m.messages {
		if u.New.uids.Contains(msg.UID) {
			u.Messages = append(u.Messages, msg)
		}
	}
	m.messages = nil
}

// fetchArrived fetches the new messages of an Update that have not been told of.
func (w *watcher) fetchArrived(ctx context.Context, u *Update) error {
	if w.o.Fetch == 0 || u == nil || u.New.uids.IsEmpty() {
		return nil
	}
	var told mailbox.UIDSet
	for _, msg := range u.Messages {
		told.Add(msg.UID)
	}
	missing := u.New.uids.Subtract(told)
	if n := maxArrived - len(u.Messages); missing.Len() > n {
		if n <= 0 {
			return nil
		}
		missing = missing.Intersect(mailbox.UIDRangeSet(1, missing.At(n-1)))
	}
	for msg, err := range u.Mailbox.Fetch(ctx, UIDSet(missing), w.o.Fetch) {
		if msg != nil {
			u.Messages = append(u.Messages, msg)
		} else if err != nil {
			return err
		}
	}
	slices.SortFunc(u.Messages, func(a, b *Message) int { return int(a.UID) - int(b.UID) })
	return nil
}
