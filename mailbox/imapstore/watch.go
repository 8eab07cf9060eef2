package imapstore

import (
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// watch is one call of Watch.
type watch struct{ queue *storekit.Queue }

// Watch implements [mailbox.Account]. What is changed through this Store is told at
// once. Of what others change, the server tells by NOTIFY (RFC 5465); or else by IDLE for the mailboxes that were
// opened last (see Store.IdleMailboxes); all mailboxes are compared with what they
// were, by their counters, every Store.PollInterval. Without CONDSTORE, changes of
// flags that leave the number of unseen messages as it was are not noticed so.
func (h *handle) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	a, s := h.account, h.s
	if _, err := s.account(a.name); err != nil { // holds the connections
		return nil, err
	}
	w := &watch{storekit.NewQueue()}
	if err := a.follow(ctx, w); err != nil {
		a.release()
		return nil, wrap("watch", a.name, err)
	}
	out := make(chan mailbox.Event)
	s.work.Go(func() {
		w.queue.Run(ctx, s.closing, out)
		a.unfollow(w)
		a.release()
	})
	return out, nil
}

// tell sends an event to those who watch the account.
func (a *account) tell(e mailbox.Event) {
	if e.Kind == 0 {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for w := range a.queues {
		w.queue.Add(e)
	}
}

// tellAll sends an event about all known mailboxes.
func (a *account) tellAll(kind mailbox.EventKind) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for id := range a.boxes {
		for w := range a.queues {
			w.queue.Add(mailbox.Event{MailboxID: id, Kind: kind})
		}
	}
}

// A follower learns what others change, while somebody watches.
type follower struct {
	a      *account
	cancel context.CancelFunc
	opened chan struct{} // has an element when a mailbox was opened
	last   map[string]outline
}

// outline is what is compared of a mailbox.
type outline struct {
	name       string
	subscribed bool
	status     mailbox.Status
}

// follow adds a watch, and begins to follow the account if it is the first.
func (a *account) follow(ctx context.Context, w *watch) error {
	a.mu.Lock()
	a.queues[w] = struct{}{}
	first := a.follower == nil
	f := a.follower
	if first {
		f = &follower{a: a, opened: make(chan struct{}, 1)}
		a.follower = f
	}
	a.mu.Unlock()
	if !first {
		return nil
	}
	// What is compared with must be as of now.
	err := f.compare(ctx)
	if err != nil {
		a.unfollow(w)
	}
	life, cancel := context.WithCancel(context.Background())
	a.mu.Lock()
	f.cancel = cancel
	ended := a.follower != f
	a.mu.Unlock()
	if ended {
		cancel()
		return err
	}
	a.s.work.Go(func() { f.run(life) }) // even if err: others have begun to watch
	return err
}

func (a *account) unfollow(w *watch) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.queues, w)
	if f := a.follower; len(a.queues) == 0 && f != nil {
		a.follower = nil
		if f.cancel != nil {
			f.cancel()
		}
	}
}

// maxRecent is how many mailboxes are remembered as opened last.
const maxRecent = 64

// remember notes that a mailbox was opened.
func (a *account) remember(b *box) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.recent) > 0 && a.recent[0] == b {
		return
	}
	a.recent = slices.Insert(slices.DeleteFunc(a.recent, func(x *box) bool { return x == b }), 0, b)
	a.recent = a.recent[:min(len(a.recent), maxRecent)]
	if a.follower != nil {
		select {
		case a.follower.opened <- struct{}{}:
		default:
		}
	}
}

// run polls, and has the mailboxes idle that were opened last.
func (f *follower) run(ctx context.Context) {
	var idlers sync.WaitGroup
	defer idlers.Wait()
	idling := map[*box]context.CancelFunc{}
	defer func() {
		for _, cancel := range idling {
			cancel()
		}
	}()
	tick := time.NewTicker(f.a.s.pollInterval())
	defer tick.Stop()
	if f.a.has(imap.CapNotify) {
		last := maps.Clone(f.last)
		idlers.Go(func() {
			f.a.keep(ctx, func() error { return f.a.notified(ctx, last) })
		})
		if len(f.a.names.others) == 0 {
			tick.Stop() // all mailboxes are told of
		}
	}
	for {
		wanted := f.wanted()
		for b, cancel := range idling {
			if !slices.Contains(wanted, b) {
				cancel()
				delete(idling, b)
			}
		}
		for _, b := range wanted {
			if idling[b] == nil {
				life, cancel := context.WithCancel(ctx)
				idling[b] = cancel
				was := f.last[b.id].status
				idlers.Go(func() { b.idle(life, was) })
			}
		}
		select {
		case <-f.opened:
		case <-tick.C:
			if err := f.compare(ctx); err != nil && ctx.Err() == nil {
				f.a.s.log("looking for changes failed", "account", f.a.name, "error", err)
			}
		case <-f.a.s.closing:
			return
		case <-ctx.Done():
			return
		}
	}
}

// wanted are the mailboxes that are to idle.
func (f *follower) wanted() []*box {
	a := f.a
	n := a.s.IdleMailboxes
	if n == 0 {
		n = 1
	}
	if n < 0 || !a.has(imap.CapIdle) || a.has(imap.CapNotify) {
		return nil
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	out := slices.Clone(a.recent[:min(len(a.recent), n)])
	if len(out) < n {
		for _, b := range a.boxes {
			if b.name == mailbox.Inbox && !slices.Contains(out, b) {
				out = append(out, b)
			}
		}
	}
	return out
}

// compare lists all mailboxes and tells what is different from last time.
func (f *follower) compare(ctx context.Context) error {
	a := f.a
	var list []found
	err := a.client(ctx, true, func(c *imapclient.Client) (err error) {
		list, err = a.list(ctx, c, mailbox.ListStatus, "")
		return err
	})
	if err != nil {
		return err
	}
	now := map[string]outline{}
	names := false
	for i := range list {
		x := &list[i]
		if x.missing {
			now["-"+x.name] = outline{name: x.name, subscribed: true}
			continue
		}
		now[x.box.id] = outline{x.name, x.subscribed, x.box.counters(x.status)}
	}
	if f.last == nil {
		f.last = now
		return nil
	}
	for id, is := range now {
		was, ok := f.last[id]
		if !ok || was.name != is.name || was.subscribed != is.subscribed {
			names = true
		}
		if ok && is.status.UIDValidity != 0 {
			a.tell(mailbox.Event{MailboxID: id, Kind: difference(was.status, is.status)})
		}
	}
	for id, was := range f.last {
		if _, ok := now[id]; !ok {
			names = true
			if was.status.UIDValidity != 0 {
				a.tell(mailbox.Event{MailboxID: id, Kind: mailbox.EventVanished})
			}
		}
	}
	if names {
		a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
	}
	f.last = now
	return nil
}

// difference says what must have happened between two looks at the counters.
func difference(was, is mailbox.Status) (kind mailbox.EventKind) {
	fresh := is.UIDNext - was.UIDNext
	if is.UIDNext != was.UIDNext {
		kind |= mailbox.EventNew
	}
	if is.Messages != was.Messages+uint32(fresh) {
		kind |= mailbox.EventVanished
	}
	if is.HighestModSeq != was.HighestModSeq || is.Unseen != was.Unseen {
		kind |= mailbox.EventFlags
	}
	return kind
}

// Times between attempts to connect.
const (
	firstWait = time.Second
	lastWait  = 5 * time.Minute
)

// keep calls f, again and again if it fails, until ctx ends.
func (a *account) keep(ctx context.Context, f func() error) {
	wait := firstWait
	for {
		began := time.Now()
		err := f()
		if ctx.Err() != nil {
			return
		}
		a.s.log("watching failed", "account", a.name, "error", err)
		if time.Since(began) > lastWait {
			wait = firstWait
		}
		t := time.NewTimer(wait)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return
		}
		wait = min(2*wait, lastWait)
	}
}

// notified tells what the server notifies of, on a connection of its own. last is how
// the mailboxes were when they were looked at last.
func (a *account) notified(ctx context.Context, last map[string]outline) error {
	c, err := a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	for ev, err := range c.Watch(ctx, &imapclient.WatchOptions{Personal: true}) {
		if err != nil {
			return err
		}
		switch ev := ev.(type) {
		case *imapclient.MailboxStatus:
			a.newCounters(ev.StatusData, last)
		case *imapclient.MailboxChanged:
			a.tell(mailbox.Event{Kind: mailbox.EventMailboxes})
		}
	}
	return ctx.Err()
}

// newCounters compares counters that were told with those in last.
func (a *account) newCounters(s *imap.StatusData, last map[string]outline) {
	a.mu.Lock()
	name, ok := a.names.local(s.Mailbox)
	if !ok {
		a.mu.Unlock()
		return
	}
	var b *box
	for _, x := range a.boxes {
		// Dovecot tells UIDVALIDITY only once.
		if x.name == name && (x.validity == s.UIDValidity || s.UIDValidity == 0) && !x.gone {
			b = x
		}
	}
	if b == nil && s.UIDValidity != 0 && (s.MailboxID != "" || !a.has(imap.CapObjectID)) {
		b = a.box(name, s.UIDValidity, s.MailboxID)
	}
	a.mu.Unlock()
	if b == nil {
		a.tell(mailbox.Event{Kind: mailbox.EventMailboxes}) // a new one
		return
	}
	was, known := last[b.id]
	is := outline{name, was.subscribed, was.status}
	is.status.UIDValidity = b.validity
	if s.Messages != nil {
		is.status.Messages = *s.Messages
	}
	if s.Unseen != nil {
		is.status.Unseen = *s.Unseen
	}
	if s.UIDNext != 0 {
		is.status.UIDNext = s.UIDNext
	}
	if s.HighestModSeq != nil {
		is.status.HighestModSeq = *s.HighestModSeq
	}
	last[b.id] = is
	if known {
		b.tell(difference(was.status, is.status))
	} else {
		b.tell(mailbox.EventNew | mailbox.EventFlags | mailbox.EventVanished)
	}
}

// idle tells what happens in the mailbox, on a connection of its own, until ctx ends.
// was are its counters as they were when the account began to be followed.
func (b *box) idle(ctx context.Context, was mailbox.Status) {
	b.a.keep(ctx, func() error { return b.idleOnce(ctx, &was) })
}

func (b *box) idleOnce(ctx context.Context, was *mailbox.Status) error {
	name, err := b.where()
	if err != nil {
		return err
	}
	c, err := b.a.dial(ctx)
	if err != nil {
		return err
	}
	defer c.Close()
	im, err := c.Select(ctx, b.a.server(name), nil)
	if err != nil {
		return err
	}
	if !b.is(im.Info()) {
		return errOther
	}
	// Something may have happened since nobody was looking.
	if info := im.Info(); info.UIDNext != was.UIDNext || max(info.HighestModSeq, 1) != was.HighestModSeq || info.Exists != int(was.Messages) {
		b.tell(mailbox.EventNew | mailbox.EventFlags | mailbox.EventVanished)
	}
	*was = mailbox.Status{}
	for u, err := range im.Watch(ctx) {
		if err != nil {
			return err
		}
		var kind mailbox.EventKind
		if u.Arrived > 0 {
			kind |= mailbox.EventNew
		}
		if u.Removed > 0 {
			kind |= mailbox.EventVanished
		}
		if len(u.Flags) > 0 || u.Lost {
			kind |= mailbox.EventFlags
		}
		b.tell(kind)
	}
	return ctx.Err()
}
