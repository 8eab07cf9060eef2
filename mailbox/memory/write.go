package memory

import (
	"context"
	"fmt"
	"iter"
	"math"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// sliceSize is the number of messages that SetFlags and Expunge process under one
// lock.
const sliceSize = 4096

// Append implements [mailbox.Mailbox].
func (h *boxHandle) Append(ctx context.Context, msgs ...mailbox.Incoming) (res mailbox.Result, err error) {
	if err := h.admit(ctx, msgs); err != nil || len(msgs) == 0 {
		return res, err
	}
	entries, size, err := h.read(ctx, msgs)
	if err != nil {
		return res, err
	}
	if err := h.lock(ctx, mailbox.RightInsert); err != nil {
		return res, err
	}
	defer h.unlock()
	m := h.box
	if err := m.owner.room(int64(len(msgs)), size); err != nil {
		return res, err
	}
	step, err := h.insert(m, entries, flagsOf(msgs), func(i int, uid mailbox.UID) { res.Add(0, uid) })
	if err != nil {
		return res, err
	}
	res.DestID, res.DestUIDValidity = m.id, m.validity
	res.Steps.Add(step)
	return res, nil
}

// flagsOf yields the flags of messages.
func flagsOf(msgs []mailbox.Incoming) iter.Seq2[int, mailbox.FlagSet] {
	return func(yield func(int, mailbox.FlagSet) bool) {
		for i := range msgs {
			if !yield(i, msgs[i].Flags) {
				return
			}
		}
	}
}

// read reads the messages of an Append. The flags of the entries are not set.
func (h *boxHandle) read(ctx context.Context, msgs []mailbox.Incoming) (entries []entry, size int64, err error) {
	entries = make([]entry, len(msgs))
	now := time.Now()
	for i := range msgs {
		b, err := h.store.readBody(ctx, &msgs[i])
		if err != nil {
			if len(msgs) > 1 {
				err = fmt.Errorf("message %d: %w", i+1, err)
			}
			return nil, 0, err
		}
		size += b.size
		received := msgs[i].InternalDate
		if received.IsZero() {
			received = now
		}
		entries[i] = entry{
			received: received.Unix(),
			zone:     h.store.zoneOf(received),
			saved:    now.Unix(),
			body:     b,
		}
	}
	return entries, size, nil
}

// insert adds entries to a mailbox, with the flags that the user may set there
// (RFC 4314 §4: others are omitted), and calls added with the UID of each. The
// owner is locked, and its quota has space for them.
func (h *handle) insert(m *box, entries []entry, flags iter.Seq2[int, mailbox.FlagSet], added func(i int, uid mailbox.UID)) (mailbox.Step, error) {
	if m.owner != h.account {
		access, all := h.access(m), flags
		flags = func(yield func(int, mailbox.FlagSet) bool) {
			for i, f := range all {
				if !yield(i, access.MayChange(f)) {
					return
				}
			}
		}
	}
	if err := m.roomForUIDs(len(entries)); err != nil {
		return mailbox.Step{}, err
	}
	if err := h.roomForKeywords(m, flags); err != nil {
		return mailbox.Step{}, err
	}
	from, messages, size := m.modSeq, m.messages, m.size
	m.modSeq++
	for i, f := range flags {
		e := entries[i]
		e.system, e.keywords, e.modSeq = f.System(), m.intern(f.Keywords()), m.modSeq
		added(i, m.add(e))
	}
	m.owner.messages += int64(m.messages - messages)
	m.owner.size += m.size - size
	m.notify(mailbox.EventNew)
	return mailbox.Step{From: from, To: m.modSeq}, nil
}

// zoneOf returns a zone with the offset of t at that time. Messages share the few
// zones of the store, although each parsed date has a zone of its own.
func (s *Store) zoneOf(t time.Time) *time.Location {
	_, offset := t.Zone()
	if offset == 0 {
		return time.UTC
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	zone := s.zones[offset]
	if zone == nil {
		zone = time.FixedZone("", offset)
		if len(s.zones) < 1000 {
			s.zones[offset] = zone
		}
	}
	return zone
}

// admit refuses, before messages are read, those that can be refused then.
func (h *boxHandle) admit(ctx context.Context, msgs []mailbox.Incoming) error {
	if err := h.rlock(ctx, mailbox.RightInsert); err != nil {
		return err
	}
	defer h.runlock()
	var size int64
	for i := range msgs {
		if err := storekit.Check(&msgs[i], h.Limits()); err != nil {
			return err
		}
		size += max(msgs[i].Size, 0)
	}
	return h.box.owner.room(int64(len(msgs)), size)
}

// roomForUIDs returns an error if fewer than n UIDs are left.
func (m *box) roomForUIDs(n int) error {
	if int64(n) > int64(mailbox.MaxUID-m.uidNext) {
		return fmt.Errorf("%w: no more UIDs", mailbox.ErrLimit)
	}
	return nil
}

// roomForKeywords returns an error if the mailbox would have too many keywords
// with these. The owner is locked.
func (h *handle) roomForKeywords(m *box, more iter.Seq2[int, mailbox.FlagSet]) error {
	limit := h.Limits().MaxKeywords
	if limit <= 0 {
		return nil
	}
	added := map[string]bool{}
	for _, flags := range more {
		for _, f := range flags.Keywords() {
			if name := storekit.Fold(f); m.keywords[name] == nil {
				added[name] = true
			}
		}
	}
	if len(added) > 0 && len(m.keywords)+len(added) > limit {
		return fmt.Errorf("%w: %d keywords", mailbox.ErrLimit, limit)
	}
	return nil
}

// SetFlags implements [mailbox.Mailbox].
func (h *boxHandle) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (res mailbox.FlagResult, err error) {
	if change.Op != mailbox.FlagsRemove {
		if err := mailbox.ValidKeywords(change.Flags, h.Limits()); err != nil {
			return res, err
		}
	}
	w := walk{ranges: set.Ranges()}
	for more := true; more; {
		if more, err = h.setFlagsSlice(ctx, &w, change, &res); err != nil {
			return res, err
		}
	}
	return res, nil
}

// setFlagsSlice changes the flags of the next messages; more reports whether there
// are others.
func (h *boxHandle) setFlagsSlice(ctx context.Context, w *walk, change mailbox.FlagChange, res *mailbox.FlagResult) (more bool, err error) {
	if err := h.lock(ctx, 0); err != nil {
		return false, err
	}
	defer h.unlock()
	m := h.box
	kept, err := h.mayChange(&change)
	if err != nil {
		return false, err
	}
	w.start(m)
	touches := func(e *entry) bool { return change.UnchangedSince == nil || e.modSeq <= *change.UnchangedSince }
	system, words := change.Flags.System(), change.Flags.Keywords()
	if change.Op != mailbox.FlagsRemove && len(words) > 0 {
		matched, ahead := false, *w
		m.step(&ahead, sliceSize, func(_ *chunk, e *entry) { matched = matched || touches(e) })
		if matched {
			if err := h.roomForKeywords(m, func(yield func(int, mailbox.FlagSet) bool) { yield(0, change.Flags) }); err != nil {
				return false, err
			}
		}
	}
	from, changed := m.modSeq, false
	m.modSeq++              // undone if nothing changes
	var was, is *keywordSet // the last result of changing keywords
	known := false
	more = m.step(w, sliceSize, func(c *chunk, e *entry) {
		if !touches(e) {
			res.Conflicts.Add(e.uid)
			return
		}
		sys, kw := e.system, e.keywords
		switch change.Op {
		case mailbox.FlagsAdd:
			sys |= system
		case mailbox.FlagsRemove:
			sys &^= system
		case mailbox.FlagsReplace:
			sys = sys&kept.system | system
		}
		if len(words) > 0 || change.Op == mailbox.FlagsReplace && !kept.keywords {
			if !known || was != kw || is != nil && is.refs == 0 {
				was, is, known = kw, m.changeKeywords(kw, change), true
			}
			kw = is
		}
		if sys != e.system || kw != e.keywords {
			m.setFlags(c, e, sys, kw)
			res.Changed.Add(e.uid)
			changed = true
		}
	})
	if !changed {
		m.modSeq = from
		return more, nil
	}
	res.Steps.Add(mailbox.Step{From: from, To: m.modSeq})
	m.findUnseen()
	m.notify(mailbox.EventFlags)
	return more, nil
}

// keptFlags are the flags that a replacement does not change, because the user may
// not change them.
type keptFlags struct {
	system   mailbox.SystemFlags
	keywords bool
}

// mayChange restricts a change to the flags that the user may change, and
// returns an error where there are none. RFC 4314 §4: a STORE does not fail
// where one of its flags can be changed. The owner is locked.
func (h *boxHandle) mayChange(change *mailbox.FlagChange) (kept keptFlags, err error) {
	if h.box.owner == h.account {
		return kept, nil
	}
	access := h.access(h.box)
	all := mailbox.FullAccess().PermanentFlags.System()
	kept.system = all &^ access.MayChange(mailbox.FlagSetOf(all, nil)).System()
	kept.keywords = !access.Rights.Has(mailbox.RightWrite)
	allowed := access.MayChange(change.Flags)
	switch {
	case kept.system == all && kept.keywords:
		return kept, h.permit(h.box, mailbox.RightWrite)
	case change.Op != mailbox.FlagsReplace && allowed.IsEmpty() && !change.Flags.IsEmpty():
		return kept, fmt.Errorf("flags %v: %w", change.Flags, mailbox.ErrPermission)
	}
	change.Flags = allowed
	return kept, nil
}

// changeKeywords returns the keywords after the change: s itself if it changes
// nothing.
func (m *box) changeKeywords(s *keywordSet, change mailbox.FlagChange) *keywordSet {
	var flags mailbox.FlagSet
	if s != nil {
		flags = mailbox.FlagSetOf(0, s.flags)
	}
	words := mailbox.FlagSetOf(0, change.Flags.Keywords())
	switch change.Op {
	case mailbox.FlagsAdd:
		flags = flags.With(words)
	case mailbox.FlagsRemove:
		flags = flags.Without(words)
	case mailbox.FlagsReplace:
		flags = words
	}
	return m.intern(flags.Keywords())
}

// Expunge implements [mailbox.Mailbox].
func (h *boxHandle) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (res mailbox.Result, err error) {
	w := walk{ranges: set.Ranges()}
	for more := true; more; {
		if more, err = h.expungeSlice(ctx, &w, having, &res); err != nil {
			return res, err
		}
	}
	return res, nil
}

// expungeSlice removes the next messages that have the flags; more reports whether
// there are others.
func (h *boxHandle) expungeSlice(ctx context.Context, w *walk, having mailbox.FlagSet, res *mailbox.Result) (more bool, err error) {
	if err := h.lock(ctx, mailbox.RightExpunge); err != nil {
		return false, err
	}
	defer h.unlock()
	m := h.box
	if having.System()&mailbox.SystemDeleted != 0 && m.flaggedDeleted == 0 {
		return false, nil
	}
	w.start(m)
	var gone mailbox.UIDSet
	more = m.step(w, sliceSize, func(_ *chunk, e *entry) {
		if having.IsEmpty() || e.flags().HasAll(having) {
			gone.Add(e.uid)
			res.Add(e.uid, 0)
		}
	})
	if !gone.IsEmpty() {
		res.Steps.Add(m.expunge(gone))
	}
	return more, nil
}

// expunge removes messages that exist. The owner is locked.
func (m *box) expunge(gone mailbox.UIDSet) mailbox.Step {
	from, messages, size := m.modSeq, m.messages, m.size
	m.modSeq++
	m.remove(gone, m.owner.store.opts.MaxVanished)
	m.owner.messages -= int64(messages - m.messages)
	m.owner.size -= size - m.size
	m.notify(mailbox.EventVanished)
	return mailbox.Step{From: from, To: m.modSeq}
}

// Copy implements [mailbox.Mailbox].
func (h *boxHandle) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return h.transfer(ctx, set, dest, false)
}

// Move implements [mailbox.Mailbox].
func (h *boxHandle) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return h.transfer(ctx, set, dest, true)
}

// removal is the set of rights needed to move messages from a mailbox (RFC 6851
// §4.2: those of STORE and EXPUNGE besides those of COPY).
const removal = mailbox.RightRead | mailbox.RightDeleteMessages | mailbox.RightExpunge

func (h *boxHandle) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (res mailbox.Result, err error) {
	need := mailbox.RightRead
	if move {
		need = removal
	}
	to, unlock, err := h.lockBoth(ctx, need, dest)
	if err != nil {
		return res, err
	}
	defer unlock()
	m := h.box
	var entries []entry // a copy, since adding to the same mailbox changes what step walks
	var size int64
	now := time.Now().Unix()
	w := walk{ranges: set.Ranges()}
	w.start(m)
	m.step(&w, math.MaxInt, func(_ *chunk, e *entry) {
		entries = append(entries, *e)
		entries[len(entries)-1].saved = now
		size += e.body.size
	})
	if len(entries) > 0 {
		if !move || to.owner != m.owner {
			if err := to.owner.room(int64(len(entries)), size); err != nil {
				return res, err
			}
		}
		flags := func(yield func(int, mailbox.FlagSet) bool) {
			for i := range entries {
				if !yield(i, entries[i].flags()) {
					return
				}
			}
		}
		step, err := h.insert(to, entries, flags, func(i int, uid mailbox.UID) { res.Add(entries[i].uid, uid) })
		if err != nil {
			return res, err
		}
		h.finish(&res, to, step, move)
	}
	res.DestID, res.DestUIDValidity = to.id, to.validity
	return res, nil
}

// finish removes the messages of the result if they were moved, and records the
// steps. The owners of both mailboxes are locked.
func (h *boxHandle) finish(res *mailbox.Result, to *box, arrival mailbox.Step, move bool) {
	if to == h.box {
		res.Steps.Add(arrival)
	} else {
		res.DestSteps.Add(arrival)
	}
	if move {
		res.Steps.Add(h.box.expunge(res.SourceUIDs()))
	}
}

// lockBoth finds the destination of messages and locks the owners of both
// mailboxes. The user needs these rights on this mailbox and RightInsert on the
// destination.
func (h *boxHandle) lockBoth(ctx context.Context, need mailbox.Rights, dest string) (to *box, unlock func(), err error) {
	if err := h.rlock(ctx, need); err != nil {
		return nil, nil, err
	}
	h.runlock()
	if dest = mailbox.CanonicalName(dest); isForeign(dest) {
		to, err = h.findForeign(dest)
	} else if err = h.handle.rlock(ctx); err == nil {
		to, err = h.find(dest)
		h.mu.RUnlock()
	}
	if err != nil {
		return nil, nil, err
	}
	unlock = lockPair(h.box.owner, to.owner)
	if err = h.permit(h.box, need); err == nil {
		err = h.permit(to, mailbox.RightInsert)
	}
	if err != nil {
		unlock()
		return nil, nil, err
	}
	return to, unlock, nil
}
