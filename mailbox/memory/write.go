package memory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Append implements [mailbox.Mailbox].
func (h *mboxHandle) Append(ctx context.Context, drafts ...mailbox.Draft) ([]mailbox.UID, error) {
	if err := h.admit(ctx, drafts); err != nil || len(drafts) == 0 {
		return nil, err
	}
	entries := make([]entry, len(drafts))
	now := time.Now()
	var size int64
	for i, d := range drafts {
		if d.Body == nil {
			d.Body = strings.NewReader("")
		}
		b, err := h.store.readBody(ctx, d)
		if err != nil {
			if len(drafts) > 1 {
				err = fmt.Errorf("message %d: %w", i+1, err)
			}
			return nil, err
		}
		size += b.size
		received := d.InternalDate
		if received.IsZero() {
			received = now
		}
		entries[i] = entry{
			system:   d.Flags.System(),
			received: received.Unix(),
			zone:     h.store.zoneOf(received),
			saved:    now.Unix(),
			body:     b,
		}
	}

	if err := h.lock(ctx); err != nil {
		return nil, err
	}
	defer h.mu.Unlock()
	m := h.mbox
	if err := h.room(int64(len(drafts)), size); err != nil {
		return nil, err
	}
	if err := m.roomForUIDs(len(drafts)); err != nil {
		return nil, err
	}
	if err := h.roomForKeywords(m, func(yield func([]mailbox.Flag) bool) {
		for _, d := range drafts {
			if words := d.Flags.Keywords(); len(words) > 0 && !yield(words) {
				return
			}
		}
	}); err != nil {
		return nil, err
	}
	m.modSeq++
	uids := make([]mailbox.UID, len(drafts))
	for i := range entries {
		e := &entries[i]
		e.modSeq = m.modSeq
		e.keywords = m.intern(drafts[i].Flags.Keywords())
		uids[i] = m.add(*e)
	}
	h.messages += int64(len(drafts))
	h.size += size
	h.notify(m.id, mailbox.EventNew)
	return uids, nil
}

// zoneOf returns what is kept of the zone of t, its offset. Messages share the
// zones of the store: there are few, though every date that is parsed brings
// its own.
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

// admit refuses drafts that are sure to be refused in the end, before they are
// read.
func (h *mboxHandle) admit(ctx context.Context, drafts []mailbox.Draft) error {
	if err := h.rlock(ctx); err != nil {
		return err
	}
	defer h.mu.RUnlock()
	limit := h.Limits().MaxMessageSize
	var size int64
	for _, d := range drafts {
		if limit > 0 && d.Size > limit {
			return fmt.Errorf("%w: %d octets of at most %d", mailbox.ErrTooLarge, d.Size, limit)
		}
		size += max(d.Size, 0)
	}
	return h.room(int64(len(drafts)), size)
}

// roomForUIDs returns an error if there are not so many UIDs left.
func (m *mbox) roomForUIDs(n int) error {
	if int64(n) > int64(mailbox.MaxUID-m.uidNext) {
		return fmt.Errorf("%w: no more UIDs", mailbox.ErrLimit)
	}
	return nil
}

// roomForKeywords returns an error if the mailbox would have too many keywords
// with these. The account is locked.
func (h *handle) roomForKeywords(m *mbox, more func(yield func([]mailbox.Flag) bool)) error {
	limit := h.Limits().MaxKeywords
	if limit <= 0 {
		return nil
	}
	added := map[string]bool{}
	for flags := range more {
		for _, f := range flags {
			if name := foldFlag(f); m.keywords[name] == nil {
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
func (h *mboxHandle) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res mailbox.FlagResult
	if err := h.lock(ctx); err != nil {
		return res, err
	}
	defer h.mu.Unlock()
	m := h.mbox
	system, words := change.Flags.System(), change.Flags.Keywords()

	total, matched := 0, false
	m.each(set, func(_ *chunk, e *entry) bool {
		total++
		matched = matched || change.UnchangedSince == nil || e.modSeq <= *change.UnchangedSince
		return true
	})
	if total == 0 {
		return res, nil
	}
	if matched && change.Op != mailbox.FlagsRemove && len(words) > 0 {
		if err := h.roomForKeywords(m, func(yield func([]mailbox.Flag) bool) { yield(words) }); err != nil {
			return res, err
		}
	}

	res.Entries = make([]mailbox.Entry, 0, total)
	m.modSeq++ // taken back if nothing changes
	changed := 0
	var was, is *keywordSet // the last result of changing keywords
	known := false
	m.each(set, func(c *chunk, e *entry) bool {
		if change.UnchangedSince != nil && e.modSeq > *change.UnchangedSince {
			res.Conflicts.Add(e.uid)
			return true
		}
		sys, kw := e.system, e.keywords
		switch change.Op {
		case mailbox.FlagsAdd:
			sys |= system
		case mailbox.FlagsRemove:
			sys &^= system
		case mailbox.FlagsReplace:
			sys = system
		}
		if len(words) > 0 || change.Op == mailbox.FlagsReplace {
			if !known || was != kw || is != nil && is.refs == 0 {
				was, is, known = kw, m.changeKeywords(kw, change), true
			}
			kw = is
		}
		if sys != e.system || kw != e.keywords {
			m.setFlags(c, e, sys, kw)
			changed++
		}
		res.Entries = append(res.Entries, e.export())
		return true
	})
	if changed == 0 {
		m.modSeq--
		return res, nil
	}
	res.ModSeq = m.modSeq
	m.findUnseen()
	h.notify(m.id, mailbox.EventFlags)
	return res, nil
}

// changeKeywords returns what the change makes of keywords: the same set where
// it changes nothing.
func (m *mbox) changeKeywords(s *keywordSet, change mailbox.FlagChange) *keywordSet {
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
func (h *mboxHandle) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.UIDSet, mailbox.ModSeq, error) {
	if err := h.lock(ctx); err != nil {
		return mailbox.UIDSet{}, 0, err
	}
	defer h.mu.Unlock()
	m := h.mbox
	var gone mailbox.UIDSet
	if having.System()&mailbox.SystemDeleted != 0 && m.flaggedDeleted == 0 {
		return gone, 0, nil
	}
	m.each(set, func(_ *chunk, e *entry) bool {
		if having.IsEmpty() || e.flags().HasAll(having) {
			gone.Add(e.uid)
		}
		return true
	})
	if gone.IsEmpty() {
		return gone, 0, nil
	}
	h.expunge(m, gone)
	return gone, m.modSeq, nil
}

// expunge removes messages that exist. The account is locked.
func (h *handle) expunge(m *mbox, gone mailbox.UIDSet) {
	messages, size := m.messages, m.size
	m.modSeq++
	m.remove(gone, h.store.opts.MaxVanished)
	h.messages -= int64(messages - m.messages)
	h.size -= size - m.size
	h.notify(m.id, mailbox.EventVanished)
}

// Copy implements [mailbox.Mailbox].
func (h *mboxHandle) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.CopyResult, error) {
	return h.transfer(ctx, set, dest, false)
}

// Move implements [mailbox.Mailbox].
func (h *mboxHandle) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.CopyResult, error) {
	return h.transfer(ctx, set, dest, true)
}

func (h *mboxHandle) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (mailbox.CopyResult, error) {
	var res mailbox.CopyResult
	if err := h.lock(ctx); err != nil {
		return res, err
	}
	defer h.mu.Unlock()
	m := h.mbox
	to, err := h.find(dest)
	if err != nil {
		return res, err
	}
	var entries []entry // a copy, since adding to the same mailbox changes what each walks
	var size int64
	m.each(set, func(_ *chunk, e *entry) bool {
		entries = append(entries, *e)
		size += e.body.size
		return true
	})
	res.DestID, res.DestUIDValidity = to.id, to.validity
	if len(entries) == 0 {
		return res, nil
	}
	if !move {
		if err := h.room(int64(len(entries)), size); err != nil {
			return mailbox.CopyResult{}, err
		}
	}
	if err := to.roomForUIDs(len(entries)); err != nil {
		return mailbox.CopyResult{}, err
	}
	if to != m {
		if err := h.roomForKeywords(to, func(yield func([]mailbox.Flag) bool) {
			for i := range entries {
				if k := entries[i].keywords; k != nil && !yield(k.flags) {
					return
				}
			}
		}); err != nil {
			return mailbox.CopyResult{}, err
		}
	}

	to.modSeq++
	now := time.Now().Unix()
	for i := range entries {
		e := entries[i]
		res.Source.Add(e.uid)
		if e.keywords != nil && to != m {
			e.keywords = to.intern(e.keywords.flags)
		}
		e.modSeq = to.modSeq
		e.saved = now
		res.Dest.Add(to.add(e))
	}
	h.messages += int64(len(entries))
	h.size += size
	h.notify(to.id, mailbox.EventNew)
	if move {
		h.expunge(m, res.Source)
		res.ModSeq = m.modSeq
	}
	return res, nil
}
