package memory

import (
	"context"
	"iter"
	"slices"
	"sort"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// boxHandle is the handle of one caller to a mailbox.
type boxHandle struct {
	*handle
	box  *box
	info mailbox.Info
}

var _ interface {
	mailbox.Mailbox
	mailbox.RecentMarker
	mailbox.Replacer
} = (*boxHandle)(nil)

// lock locks the owner for writing, unless the call can't go on or the user
// lacks a right.
func (h *boxHandle) lock(ctx context.Context, need mailbox.Rights) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	h.box.owner.mu.Lock()
	err := h.permit(h.box, need)
	if err != nil {
		h.unlock()
	}
	return err
}

func (h *boxHandle) unlock() { h.box.owner.mu.Unlock() }

// rlock locks the owner for reading, unless the call can't go on or the user
// lacks a right.
func (h *boxHandle) rlock(ctx context.Context, need mailbox.Rights) error {
	if err := h.check(ctx); err != nil {
		return err
	}
	h.box.owner.mu.RLock()
	err := h.permit(h.box, need)
	if err != nil {
		h.runlock()
	}
	return err
}

func (h *boxHandle) runlock() { h.box.owner.mu.RUnlock() }

// Info implements [mailbox.Mailbox].
func (h *boxHandle) Info() mailbox.Info { return h.info }

// Status implements [mailbox.Mailbox].
func (h *boxHandle) Status(ctx context.Context) (mailbox.Status, error) {
	if err := h.rlock(ctx, mailbox.RightRead); err != nil {
		return mailbox.Status{}, err
	}
	defer h.runlock()
	return h.box.status(), nil
}

// uids returns the UIDs of all messages. Its cost grows with the number of
// chunks if no UIDs are missing in them. The owner is locked.
func (m *box) uids() mailbox.UIDSet {
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
func (h *boxHandle) Snapshot(ctx context.Context) (mailbox.Snapshot, error) {
	if err := h.rlock(ctx, mailbox.RightRead); err != nil {
		return mailbox.Snapshot{}, err
	}
	defer h.runlock()
	m := h.box
	s := mailbox.Snapshot{State: m.state(), UIDs: m.uids()}
	if len(m.keywords) > 0 {
		s.Keywords = make([]mailbox.Flag, 0, len(m.keywords))
		for _, k := range m.keywords {
			s.Keywords = append(s.Keywords, k.flag)
		}
		slices.SortFunc(s.Keywords, func(a, b mailbox.Flag) int {
			return strings.Compare(storekit.Fold(a), storekit.Fold(b))
		})
	}
	return s, nil
}

func (m *box) state() mailbox.State { return mailbox.State{UIDNext: m.uidNext, ModSeq: m.modSeq} }

// Changes implements [mailbox.Mailbox]. Its cost grows with the changes.
func (h *boxHandle) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	if err := h.rlock(ctx, mailbox.RightRead); err != nil {
		return mailbox.Changes{}, err
	}
	defer h.runlock()
	m := h.box
	ch := mailbox.Changes{State: m.state()}
	if since.ModSeq >= m.modSeq {
		return ch, nil
	}
	for _, c := range m.chunks {
		if c.modSeq <= since.ModSeq && c.last() < since.UIDNext {
			continue
		}
		for i := range c.entries {
			if e := &c.entries[i]; e.uid >= since.UIDNext {
				ch.New.Add(e.uid)
			} else if e.modSeq > since.ModSeq {
				ch.Changed.Add(e.uid)
			}
		}
	}
	if since.ModSeq < m.forgotten {
		if m.uidNext > 1 {
			ch.Vanished = mailbox.UIDRangeSet(1, m.uidNext-1).Subtract(m.uids())
		}
		return ch, nil
	}
	from := sort.Search(len(m.vanished), func(i int) bool { return m.vanished[i].modSeq > since.ModSeq })
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
func (h *boxHandle) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		var (
			batch []entry
			msg   mailbox.Message
			w     = walk{ranges: set.Ranges()}
		)
		for more := true; more; {
			if err := h.rlock(ctx, mailbox.RightRead); err != nil {
				yield(nil, err)
				return
			}
			w.start(h.box)
			if batch == nil {
				batch = make([]entry, 0, min(batchSize, h.box.messages, atMost(set, batchSize)))
			}
			batch = batch[:0]
			more = h.box.step(&w, cap(batch), func(_ *chunk, e *entry) { batch = append(batch, *e) })
			h.runlock()
			for i := range batch {
				if i > 0 {
					if err := h.check(ctx); err != nil {
						yield(nil, err)
						return
					}
				}
				batch[i].fillIn(&msg, want)
				if !yield(&msg, nil) {
					return
				}
			}
		}
	}
}

// fillIn sets the requested parts of the message.
func (e *entry) fillIn(msg *mailbox.Message, want mailbox.Want) {
	*msg = mailbox.Message{}
	if want&mailbox.WantEntry != 0 {
		msg.Entry = e.export()
	} else if msg.UID = e.uid; want&mailbox.WantFlags != 0 {
		msg.ModSeq, msg.Flags = e.modSeq, e.flags()
	}
	sum := e.body.summary
	if want&mailbox.WantEnvelope != 0 {
		msg.Envelope = &sum.Envelope
	}
	if want&mailbox.WantStructure != 0 {
		msg.Structure = sum.Root
	}
	if want&mailbox.WantReferences != 0 {
		msg.References = sum.References
	}
	if want&mailbox.WantPreview != 0 {
		msg.Preview = sum.Preview
	}
	if want&mailbox.WantHeader != 0 {
		msg.Header = header{e.body}
	}
	if want&mailbox.WantContent != 0 {
		msg.Content = e.body
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

// MarkRecent implements [mailbox.RecentMarker].
func (h *boxHandle) MarkRecent(ctx context.Context, next mailbox.UID) (mailbox.UID, error) {
	if err := h.lock(ctx, mailbox.RightRead); err != nil {
		return 0, err
	}
	defer h.unlock()
	first := h.box.recent
	h.box.recent = max(first, min(next, h.box.uidNext))
	return first, nil
}

// Recent implements [mailbox.RecentMarker].
func (h *boxHandle) Recent(ctx context.Context) (mailbox.UID, error) {
	if err := h.rlock(ctx, mailbox.RightRead); err != nil {
		return 0, err
	}
	defer h.runlock()
	return h.box.recent, nil
}
