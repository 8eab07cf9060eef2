package imapstore

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A view stands in for mod-sequences where the server has none (RFC 7162 §3.1.2.2):
// it is the UIDs and flags of a mailbox as they were last seen, and gives each
// difference that is seen a mod-sequence of its own. It lasts as long as the Store:
// its mod-sequences begin above those of an earlier one, so that a state of then
// yields every message as changed, and never too little.
type view struct {
	turn chan struct{} // has an element while nobody compares

	mu      sync.Mutex // guards what follows
	loaded  bool
	entries []viewEntry // by UID
	next    mailbox.UID // the messages below it are in entries
	modSeq  mailbox.ModSeq
	gone    []departure
	floor   mailbox.ModSeq              // what left later is in gone
	kinds   map[string]*mailbox.FlagSet // flags that messages have, shared
}

type viewEntry struct {
	uid    mailbox.UID
	modSeq mailbox.ModSeq
	flags  *mailbox.FlagSet
	size   int64 // negative: not known
}

func newView() *view {
	base := mailbox.ModSeq(time.Now().UnixMicro())
	v := &view{turn: make(chan struct{}, 1), next: 1, modSeq: base, floor: base, kinds: map[string]*mailbox.FlagSet{}}
	v.turn <- struct{}{}
	return v
}

func (v *view) highest() mailbox.ModSeq {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.modSeq
}

func (v *view) state() mailbox.State { return mailbox.State{UIDNext: v.next, ModSeq: v.modSeq} }

// shared returns flags of which there is one copy for all messages that have them.
// v.mu is held.
func (v *view) shared(flags mailbox.FlagSet) *mailbox.FlagSet {
	key := flags.String()
	if f := v.kinds[key]; f != nil {
		return f
	}
	v.kinds[key] = &flags
	return &flags
}

func (v *view) find(uid mailbox.UID) (int, bool) {
	return slices.BinarySearchFunc(v.entries, uid, func(e viewEntry, uid mailbox.UID) int {
		switch {
		case e.uid < uid:
			return -1
		case e.uid > uid:
			return 1
		}
		return 0
	})
}

// seen is a message as the server tells it.
type seen struct {
	uid   mailbox.UID
	flags mailbox.FlagSet
}

// refresh compares the view with the mailbox.
func (v *view) refresh(ctx context.Context, im *imapclient.Mailbox) error {
	select {
	case <-v.turn:
		defer func() { v.turn <- struct{}{} }()
	case <-ctx.Done():
		return ctx.Err()
	}
	s, err := im.Refresh(ctx, imap.StatusUIDNext, imap.StatusUIDValidity)
	if err != nil {
		return err
	}
	var now []seen
	for msg, err := range im.Fetch(ctx, imapclient.All(), imapclient.Flags) {
		if err != nil {
			return err
		}
		if s.UIDNext == 0 || msg.UID < s.UIDNext {
			now = append(now, seen{msg.UID, msg.Entry.Flags})
		}
	}
	slices.SortFunc(now, func(a, b seen) int { return int(int64(a.uid) - int64(b.uid)) })
	v.mu.Lock()
	defer v.mu.Unlock()
	next := max(s.UIDNext, v.next)
	if s.UIDNext == 0 && len(now) > 0 {
		next = max(next, now[len(now)-1].uid+1)
	}
	v.compare(now, next)
	return nil
}

// compare takes the messages that there are. v.mu is held.
func (v *view) compare(now []seen, next mailbox.UID) {
	fresh := v.modSeq + 1
	if !v.loaded {
		v.loaded, fresh = true, v.modSeq
	}
	changed := false
	entries := make([]viewEntry, 0, len(now))
	var gone mailbox.UIDSet
	old := v.entries
	for _, m := range now {
		for len(old) > 0 && old[0].uid < m.uid {
			gone.Add(old[0].uid)
			old = old[1:]
		}
		e := viewEntry{uid: m.uid, modSeq: fresh, size: -1}
		if len(old) > 0 && old[0].uid == m.uid {
			e, old = old[0], old[1:]
			if e.flags.Equal(m.flags) {
				entries = append(entries, e)
				continue
			}
			e.modSeq = fresh
		}
		e.flags = v.shared(m.flags)
		entries = append(entries, e)
		changed = true
	}
	for _, e := range old {
		gone.Add(e.uid)
	}
	if !gone.IsEmpty() {
		changed = true
		v.gone = append(v.gone, departure{fresh, gone})
		if len(v.gone) > maxDepartures {
			v.floor, v.gone = v.gone[0].at, slices.Delete(v.gone, 0, 1)
		}
	}
	v.entries = entries
	if changed || next != v.next {
		v.modSeq = fresh // that UIDNEXT has moved on alone is a change, too
	}
	v.next = next
}

// glance takes the flags of some messages, and returns their mod-sequences, zero for
// those that are not in the view yet.
func (v *view) glance(some []seen) []mailbox.ModSeq {
	v.mu.Lock()
	defer v.mu.Unlock()
	out := make([]mailbox.ModSeq, len(some))
	bumped := false
	for i, m := range some {
		at, ok := v.find(m.uid)
		if !ok {
			continue
		}
		e := &v.entries[at]
		if !e.flags.Equal(m.flags) {
			if !bumped {
				bumped = true
				v.modSeq++
			}
			e.flags, e.modSeq = v.shared(m.flags), v.modSeq
		}
		out[i] = e.modSeq
	}
	return out
}

// look reads the flags of messages and takes them.
func (v *view) look(ctx context.Context, im *imapclient.Mailbox, set mailbox.UIDSet) error {
	var some []seen
	for msg, err := range im.Fetch(ctx, imapclient.UIDSet(set), imapclient.Flags) {
		if err != nil {
			return err
		}
		some = append(some, seen{msg.UID, msg.Entry.Flags})
	}
	v.glance(some)
	return nil
}

// ready makes the view complete for messages of the set that exist.
func (v *view) ready(ctx context.Context, im *imapclient.Mailbox) error {
	v.mu.Lock()
	loaded := v.loaded
	v.mu.Unlock()
	if loaded {
		return nil
	}
	return v.refresh(ctx, im)
}

func (v *view) uids() mailbox.UIDSet {
	var set mailbox.UIDSet
	for _, e := range v.entries {
		set.Add(e.uid)
	}
	return set
}

func (v *view) snapshot(ctx context.Context, _ *box, im *imapclient.Mailbox) (mailbox.Snapshot, error) {
	if err := v.refresh(ctx, im); err != nil {
		return mailbox.Snapshot{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	var words mailbox.FlagSet
	for _, e := range v.entries {
		words = words.With(mailbox.FlagSetOf(0, e.flags.Keywords()))
	}
	return mailbox.Snapshot{State: v.state(), UIDs: v.uids(), Keywords: slices.Clone(words.Keywords())}, nil
}

func (v *view) changes(ctx context.Context, _ *box, im *imapclient.Mailbox, since mailbox.State) (mailbox.Changes, error) {
	if err := v.refresh(ctx, im); err != nil {
		return mailbox.Changes{}, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	ch := mailbox.Changes{State: v.state()}
	if since.ModSeq > v.modSeq || since == ch.State {
		return ch, nil
	}
	var all, changed, gone mailbox.UIDSet
	for _, e := range v.entries {
		all.Add(e.uid)
		if e.modSeq > since.ModSeq {
			changed.Add(e.uid)
		}
	}
	for _, d := range v.gone {
		if d.at > since.ModSeq {
			gone = gone.Union(d.uids)
		}
	}
	ch.New, ch.Changed = splitNew(all, changed, since)
	ch.Vanished = vanished(all, gone, since.ModSeq >= v.floor, since, ch.State)
	return ch, nil
}

func (v *view) status(ctx context.Context, b *box, im *imapclient.Mailbox) (mailbox.Status, error) {
	if err := v.refresh(ctx, im); err != nil {
		return mailbox.Status{}, err
	}
	var unsized mailbox.UIDSet
	v.mu.Lock()
	for _, e := range v.entries {
		if e.size < 0 {
			unsized.Add(e.uid)
		}
	}
	v.mu.Unlock()
	sizes := map[mailbox.UID]int64{}
	if !unsized.IsEmpty() {
		for msg, err := range im.Fetch(ctx, imapclient.UIDSet(unsized), imapclient.Size) {
			if err != nil {
				return mailbox.Status{}, err
			}
			sizes[msg.UID] = msg.Entry.Size
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	st := mailbox.Status{Messages: uint32(len(v.entries)), UIDNext: v.next, UIDValidity: b.validity, HighestModSeq: v.modSeq}
	for i := range v.entries {
		e := &v.entries[i]
		if n, ok := sizes[e.uid]; ok {
			e.size = n
		}
		st.Size += max(e.size, 0)
		if e.flags.System()&mailbox.SystemSeen == 0 {
			if st.Unseen++; st.FirstUnseen == 0 {
				st.FirstUnseen = e.uid
			}
		}
		if e.flags.System()&mailbox.SystemDeleted != 0 {
			st.Deleted++
		}
	}
	return st, nil
}
