package imapstore

import (
	"context"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// Where the server has CONDSTORE (RFC 7162), mod-sequences are its own, and so are
// the states of a mailbox: they outlive the Store. A state is always read before what
// belongs to it, so that nothing up to it can be missed; what comes after it is
// found again by the next call.

// attempts is how often counters and UIDs are read until they belong together.
const attempts = 4

// sameState reports whether nothing has happened between two answers to STATUS.
func sameState(a, b *imap.StatusData) bool {
	return a.UIDNext == b.UIDNext && modSeqOf(a) == modSeqOf(b) && number(a.Messages) == number(b.Messages)
}

func modSeqOf(s *imap.StatusData) mailbox.ModSeq {
	if s.HighestModSeq == nil {
		return 1
	}
	return max(*s.HighestModSeq, 1)
}

func number[T any](p *T) (v T) {
	if p != nil {
		v = *p
	}
	return v
}

// counters returns what STATUS tells of the mailbox.
func (b *box) counters(s *imap.StatusData) mailbox.Status {
	return mailbox.Status{
		Messages: number(s.Messages), Unseen: number(s.Unseen), Deleted: number(s.Deleted), UIDNext: max(s.UIDNext, 1),
		UIDValidity: b.validity, HighestModSeq: modSeqOf(s), Size: number(s.Size),
	}
}

// listed is counters, with what an earlier call of Status has found out.
func (b *box) listed(s *imap.StatusData) mailbox.Status {
	st := b.counters(s)
	if v := b.own.Load(); v != nil {
		st.HighestModSeq = v.highest()
		return st
	}
	if known, ok := b.recall(st); ok {
		return known
	}
	return st
}

// recall returns the counters as Status has found them, if nothing has changed since.
func (b *box) recall(st mailbox.Status) (mailbox.Status, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if k := b.counted; k != nil && k.UIDNext == st.UIDNext && k.HighestModSeq == st.HighestModSeq && k.Messages == st.Messages && !b.past.same {
		return *k, true
	}
	return st, false
}

// Status implements [mailbox.Mailbox]. FirstUnseen is found by a search, and so is
// Deleted without IMAP4rev2; without STATUS=SIZE (RFC 8438), Size is the sum of the
// sizes of all messages, which are read if anything has changed since.
func (m *boxHandle) Status(ctx context.Context) (mailbox.Status, error) {
	if err := m.check(ctx); err != nil {
		return mailbox.Status{}, err
	}
	b := m.b
	var st mailbox.Status
	err := b.read(ctx, "status of", func(im *imapclient.Mailbox) (err error) {
		if v := b.own.Load(); v != nil {
			st, err = v.status(ctx, b, im)
			return err
		}
		st, err = b.count(ctx, im)
		return err
	})
	return st, err
}

func (b *box) count(ctx context.Context, im *imapclient.Mailbox) (mailbox.Status, error) {
	items := b.a.statusItems(true)
	s, err := im.Refresh(ctx, items...)
	for attempt := 1; err == nil; attempt++ {
		st := b.counters(s)
		if known, ok := b.recall(st); ok {
			return known, nil
		}
		asked := 0
		if st.Unseen > 0 {
			asked++
			found, err := im.Search(ctx, search.Unseen, nil)
			if err != nil {
				return st, err
			}
			st.FirstUnseen = found.UIDs.Min()
		}
		if s.Deleted == nil && st.Messages > 0 {
			asked++
			found, err := im.Search(ctx, search.Flag{Flag: mailbox.FlagDeleted}, nil)
			if err != nil {
				return st, err
			}
			st.Deleted = uint32(found.UIDs.Len())
		}
		if s.Size == nil && st.Messages > 0 {
			asked++
			st.Size = 0
			for msg, err := range im.Fetch(ctx, imapclient.All(), imapclient.Size) {
				if err != nil {
					return st, err
				}
				st.Size += msg.Entry.Size
			}
		}
		if asked > 0 {
			again, err := im.Refresh(ctx, items...)
			if err != nil {
				return st, err
			}
			if !sameState(s, again) && attempt < attempts {
				s = again
				continue
			}
			if !sameState(s, again) {
				return st, nil
			}
		}
		b.mu.Lock()
		b.counted = &st
		b.mu.Unlock()
		return st, nil
	}
	return mailbox.Status{}, err
}

// Snapshot implements [mailbox.Mailbox].
func (m *boxHandle) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	if err := m.check(ctx); err != nil {
		return mailbox.Snapshot{}, err
	}
	b := m.b
	var snap mailbox.Snapshot
	err := b.read(ctx, "snapshot of", func(im *imapclient.Mailbox) (err error) {
		if v := b.own.Load(); v != nil {
			snap, err = v.snapshot(ctx, b, im)
		} else {
			snap, err = b.snapshot(ctx, im)
		}
		return err
	})
	return snap, err
}

// words returns the keywords that messages have: those that SELECT has told when the
// mailbox was selected first, and those of messages that have changed since.
func (b *box) words(ctx context.Context, im *imapclient.Mailbox, now mailbox.ModSeq) ([]mailbox.Flag, error) {
	b.mu.Lock()
	all, since := b.keywords, b.wordsAt
	b.mu.Unlock()
	if now > since {
		for msg, err := range im.Fetch(ctx, imapclient.All(), imapclient.Flags, imapclient.ChangedSince(since)) {
			if err != nil {
				return nil, err
			}
			all = all.With(mailbox.FlagSetOf(0, msg.Entry.Flags.Keywords()))
		}
		b.mu.Lock()
		b.keywords = b.keywords.With(all)
		b.wordsAt = max(b.wordsAt, now)
		b.mu.Unlock()
	}
	return slices.Clone(all.Keywords()), nil
}

func (b *box) snapshot(ctx context.Context, im *imapclient.Mailbox) (mailbox.Snapshot, error) {
	s, err := im.Refresh(ctx)
	for attempt := 1; err == nil; attempt++ {
		snap := mailbox.Snapshot{State: b.counters(s).State()}
		if snap.UIDs, err = b.uids(ctx, im, snap.State.UIDNext); err != nil {
			return snap, err
		}
		if snap.Keywords, err = b.words(ctx, im, snap.State.ModSeq); err != nil {
			return snap, err
		}
		again, err := im.Refresh(ctx)
		if err != nil {
			return snap, err
		}
		b.observe(snap.UIDs, snap.State, again)
		if sameState(s, again) || attempt >= attempts {
			return snap, nil
		}
		s = again
	}
	return mailbox.Snapshot{}, err
}

// uids returns all UIDs below next.
func (b *box) uids(ctx context.Context, im *imapclient.Mailbox, next mailbox.UID) (mailbox.UIDSet, error) {
	all, err := im.UIDs(ctx)
	if err != nil || all.Max() < next {
		return all, err
	}
	return all.Intersect(mailbox.UIDRangeSet(1, next-1)), nil
}

func (b *box) observe(uids mailbox.UIDSet, before mailbox.State, after *imap.StatusData) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.past.observe(uids, before.UIDNext, before.ModSeq, modSeqOf(after))
}

// Changes implements [mailbox.Mailbox]. What has changed is found by SEARCH MODSEQ
// (RFC 7162 §3.1.5), so that the answer is short. Vanished is exact as far back as
// this Store has followed the mailbox; for an earlier state it has every UID below
// UIDNext that is missing.
//
// Without CONDSTORE, the flags of all messages are read and compared with those seen
// before.
func (m *boxHandle) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	if err := m.check(ctx); err != nil {
		return mailbox.Changes{}, err
	}
	b := m.b
	var ch mailbox.Changes
	err := b.read(ctx, "changes of", func(im *imapclient.Mailbox) (err error) {
		if v := b.own.Load(); v != nil {
			ch, err = v.changes(ctx, b, im, since)
		} else {
			ch, err = b.changes(ctx, im, since)
		}
		return err
	})
	return ch, err
}

func (b *box) changes(ctx context.Context, im *imapclient.Mailbox, since mailbox.State) (mailbox.Changes, error) {
	s, err := im.Refresh(ctx)
	if err != nil {
		return mailbox.Changes{}, err
	}
	ch := mailbox.Changes{State: b.counters(s).State()}
	next := ch.State.UIDNext
	if since.ModSeq > ch.State.ModSeq || since == ch.State && b.unchanged(s) {
		return ch, nil
	}
	var changed mailbox.UIDSet
	searched := since.ModSeq > 0 && since.ModSeq < ch.State.ModSeq
	if searched {
		found, err := im.Search(ctx, search.ModSeq{N: since.ModSeq + 1}, nil)
		if err != nil {
			return ch, err
		}
		changed = found.UIDs
	}
	uids, err := b.uids(ctx, im, next)
	if err != nil {
		return ch, err
	}
	switch {
	case searched:
		changed = changed.Intersect(uids)
	case since.ModSeq == 0:
		changed = uids
	}
	ch.New, ch.Changed = splitNew(uids, changed, since)
	b.mu.Lock()
	fresh := b.past.news(uids, next)
	b.mu.Unlock()
	if fresh {
		again, err := im.Refresh(ctx)
		if err != nil {
			return ch, err
		}
		b.observe(uids, ch.State, again)
	}
	b.mu.Lock()
	gone, ok := b.past.since(since.ModSeq)
	b.mu.Unlock()
	ch.Vanished = vanished(uids, gone, ok, since, ch.State)
	return ch, nil
}

// splitNew separates the messages that are new to a reader from those that have
// changed.
func splitNew(uids, changed mailbox.UIDSet, since mailbox.State) (fresh, old mailbox.UIDSet) {
	first := max(since.UIDNext, 1)
	fresh = uids.Intersect(mailbox.UIDRangeSet(first, mailbox.MaxUID))
	if first > 1 {
		old = changed.Intersect(mailbox.UIDRangeSet(1, first-1))
	}
	if since.UIDNext == mailbox.MaxUID { // the reader knows none
		return mailbox.UIDSet{}, changed
	}
	return fresh, old
}

// vanished returns which of the messages that a reader may have are gone: those that
// are known to be, or if that is not known, all that are missing.
func vanished(uids, gone mailbox.UIDSet, known bool, since, now mailbox.State) mailbox.UIDSet {
	end := min(since.UIDNext, now.UIDNext)
	if end <= 1 {
		return mailbox.UIDSet{}
	}
	below := mailbox.UIDRangeSet(1, end-1)
	if !known {
		return below.Subtract(uids)
	}
	return gone.Intersect(below).Subtract(uids)
}

// unchanged reports whether no message has left since the UIDs were looked at last.
func (b *box) unchanged(s *imap.StatusData) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := &b.past
	return !p.same && (!p.known || p.next == max(s.UIDNext, 1) && p.last == modSeqOf(s) && p.uids.Len() == int(number(s.Messages)))
}
