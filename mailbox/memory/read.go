package memory

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// mboxHandle is a mailbox as one caller holds it.
type mboxHandle struct {
	*handle
	mbox *mbox
	info mailbox.Info
}

var _ interface {
	mailbox.Mailbox
	mailbox.RecentMarker
} = (*mboxHandle)(nil)

// lock locks the account for writing, unless the call can't go on.
func (h *mboxHandle) lock(ctx context.Context) error {
	if err := h.handle.lock(ctx); err != nil {
		return err
	}
	if h.mbox.deleted {
		h.mu.Unlock()
		return fmt.Errorf("mailbox %q: %w", h.info.Name, mailbox.ErrNotExist)
	}
	return nil
}

// rlock locks the account for reading, unless the call can't go on.
func (h *mboxHandle) rlock(ctx context.Context) error {
	if err := h.handle.rlock(ctx); err != nil {
		return err
	}
	if h.mbox.deleted {
		h.mu.RUnlock()
		return fmt.Errorf("mailbox %q: %w", h.info.Name, mailbox.ErrNotExist)
	}
	return nil
}

// Info implements [mailbox.Mailbox].
func (h *mboxHandle) Info() mailbox.Info { return h.info }

// Status implements [mailbox.Mailbox].
func (h *mboxHandle) Status(ctx context.Context) (mailbox.Status, error) {
	if err := h.rlock(ctx); err != nil {
		return mailbox.Status{}, err
	}
	defer h.mu.RUnlock()
	m := h.mbox
	return mailbox.Status{
		Messages:      uint32(m.messages),
		Unseen:        uint32(m.unseen),
		Deleted:       uint32(m.flaggedDeleted),
		FirstUnseen:   m.firstUnseen,
		UIDNext:       m.uidNext,
		UIDValidity:   m.validity,
		HighestModSeq: m.modSeq,
		Size:          m.size,
	}, nil
}

// uids returns the UIDs of all messages. Its cost grows with the chunks where
// no UID is missing in them. The account is locked.
func (m *mbox) uids() mailbox.UIDSet {
	var set mailbox.UIDSet
	for _, c := range m.chunks {
		if first, last := c.first(), c.last(); int(last-first)+1 == len(c.entries) {
			set.AddRange(first, last)
			continue
		}
		for i := range c.entries {
			set.Add(c.entries[i].uid)
		}
	}
	return set
}

// Snapshot implements [mailbox.Mailbox].
func (h *mboxHandle) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	if err := h.rlock(ctx); err != nil {
		return mailbox.Snapshot{}, err
	}
	defer h.mu.RUnlock()
	m := h.mbox
	s := mailbox.Snapshot{UIDs: m.uids(), UIDNext: m.uidNext, HighestModSeq: m.modSeq}
	if len(m.keywords) > 0 {
		s.Keywords = make([]mailbox.Flag, 0, len(m.keywords))
		for _, k := range m.keywords {
			s.Keywords = append(s.Keywords, k.flag)
		}
		slices.SortFunc(s.Keywords, func(a, b mailbox.Flag) int {
			return strings.Compare(foldFlag(a), foldFlag(b))
		})
	}
	return s, nil
}

// Changes implements [mailbox.Mailbox]. Its cost grows with what has changed.
func (h *mboxHandle) Changes(ctx context.Context, since mailbox.ModSeq) (mailbox.Changes, error) {
	if err := h.rlock(ctx); err != nil {
		return mailbox.Changes{}, err
	}
	defer h.mu.RUnlock()
	m := h.mbox
	ch := mailbox.Changes{UIDNext: m.uidNext, HighestModSeq: m.modSeq}
	if since >= m.modSeq {
		return ch, nil
	}
	n := 0
	for _, c := range m.chunks {
		if c.modSeq > since {
			for i := range c.entries {
				if c.entries[i].modSeq > since {
					n++
				}
			}
		}
	}
	if n > 0 {
		ch.Changed = make([]mailbox.Entry, 0, n)
		for _, c := range m.chunks {
			if c.modSeq > since {
				for i := range c.entries {
					if e := &c.entries[i]; e.modSeq > since {
						ch.Changed = append(ch.Changed, e.export())
					}
				}
			}
		}
	}
	if since < m.forgotten {
		if m.uidNext > 1 {
			ch.Vanished = mailbox.UIDRangeSet(1, m.uidNext-1).Subtract(m.uids())
		}
		return ch, nil
	}
	from := sort.Search(len(m.vanished), func(i int) bool { return m.vanished[i].modSeq > since })
	if from < len(m.vanished) {
		ranges := make([]mailbox.UIDRange, 0, len(m.vanished)-from)
		for _, v := range m.vanished[from:] {
			ranges = append(ranges, v.uids)
		}
		ch.Vanished = mailbox.UIDSetOfRanges(ranges...)
	}
	return ch, nil
}

// batchSize is how many entries Messages copies under one lock.
const batchSize = 128

// Messages implements [mailbox.Mailbox].
func (h *mboxHandle) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		var (
			batch []entry
			msg   mailbox.Message
			next  mailbox.UID = 1
			end   mailbox.UID // the UIDNext of the beginning
		)
		for ranges := set.Ranges(); ; {
			if err := h.rlock(ctx); err != nil {
				yield(nil, err)
				return
			}
			if end == 0 {
				end = h.mbox.uidNext
				batch = make([]entry, 0, min(batchSize, h.mbox.messages, atMost(set, batchSize)))
			}
			batch, ranges = h.mbox.fill(batch[:0], ranges, next, end)
			h.mu.RUnlock()
			if len(batch) == 0 {
				return
			}
			for i := range batch {
				e := &batch[i]
				if i > 0 {
					if err := h.check(ctx); err != nil {
						yield(nil, err)
						return
					}
				}
				msg = mailbox.Message{Entry: e.export()}
				if want&mailbox.WantSummary != 0 {
					msg.Summary = e.body.summary
				}
				if want&mailbox.WantContent != 0 {
					msg.Content = e.body
				}
				if !yield(&msg, nil) {
					return
				}
				next = e.uid + 1
			}
		}
	}
}

// atMost returns how many UIDs are in the set, or a number above limit if it
// has more.
func atMost(set mailbox.UIDSet, limit int) (n int) {
	for _, r := range set.Ranges() {
		if n += r.Len(); n > limit {
			break
		}
	}
	return n
}

// fill copies entries of the ranges with UIDs from next up to end, without end,
// to the batch until it is full. It returns the ranges that are left.
func (m *mbox) fill(batch []entry, ranges []mailbox.UIDRange, next, end mailbox.UID) ([]entry, []mailbox.UIDRange) {
	for ; len(ranges) > 0; ranges = ranges[1:] {
		r := ranges[0]
		ci, i := m.seek(max(r.First, next))
		if ci == len(m.chunks) || r.First >= end {
			return batch, nil
		}
		for ; ci < len(m.chunks); ci, i = ci+1, 0 {
			entries := m.chunks[ci].entries
			for ; i < len(entries); i++ {
				if uid := entries[i].uid; uid > r.Last || uid >= end {
					break
				} else if len(batch) == cap(batch) {
					return batch, ranges
				}
				batch = append(batch, entries[i])
			}
			if i < len(entries) {
				break
			}
		}
	}
	return batch, nil
}

// MarkRecent implements [mailbox.RecentMarker].
func (h *mboxHandle) MarkRecent(ctx context.Context, next mailbox.UID) (mailbox.UID, error) {
	if err := h.lock(ctx); err != nil {
		return 0, err
	}
	defer h.mu.Unlock()
	first := h.mbox.recent
	h.mbox.recent = max(first, min(next, h.mbox.uidNext))
	return first, nil
}

// Recent implements [mailbox.RecentMarker].
func (h *mboxHandle) Recent(ctx context.Context) (mailbox.UID, error) {
	if err := h.rlock(ctx); err != nil {
		return 0, err
	}
	defer h.mu.RUnlock()
	return h.mbox.recent, nil
}
