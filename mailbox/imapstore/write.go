package imapstore

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// settable returns the flags that can be set in the mailbox: those that may be
// changed, and can be written in IMAP.
func (b *box) settable(flags mailbox.FlagSet) mailbox.FlagSet {
	flags = b.mayDo().MayChange(flags)
	keywords := flags.Keywords()
	if slices.ContainsFunc(keywords, func(f mailbox.Flag) bool { return !imap.ValidFlag(f) || f[0] == '\\' }) {
		keywords = slices.DeleteFunc(slices.Clone(keywords), func(f mailbox.Flag) bool { return !imap.ValidFlag(f) || f[0] == '\\' })
	}
	return mailbox.FlagSetOf(flags.System(), keywords)
}

// writable returns an error if nothing in the mailbox can be changed.
func (m *boxHandle) writable(ctx context.Context, needed mailbox.Rights) error {
	if err := m.check(ctx); err != nil {
		return err
	}
	access := m.b.mayDo()
	switch {
	case access.Rights.Has(needed):
		return nil
	case access.ReadOnly():
		return wrap("mailbox", m.info.Name, mailbox.ErrReadOnly)
	}
	return wrap("mailbox", m.info.Name, mailbox.ErrPermission)
}

// existing returns those UIDs of the set that exist, as far as the session knows.
func existing(ctx context.Context, im *imapclient.Mailbox, set mailbox.UIDSet) (mailbox.UIDSet, error) {
	all, err := im.UIDs(ctx)
	return set.Intersect(all), looking(err)
}

// SetFlags implements [mailbox.Mailbox]. With CONDSTORE, the server tells which
// messages it has changed, and the steps are exact. Otherwise the flags are read
// before and after, a change by somebody else in between is not told from that of the
// call, and the steps are [mailbox.UnknownSteps].
func (m *boxHandle) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res mailbox.FlagResult
	if err := m.check(ctx); err != nil {
		return res, err
	}
	b := m.b
	access := b.mayDo()
	wanted := change.Flags
	if access.ReadOnly() {
		return res, wrap("flags in", m.info.Name, mailbox.ErrReadOnly)
	}
	if change.Flags = b.settable(change.Flags); change.Flags.IsEmpty() && !wanted.IsEmpty() {
		return res, wrap("flags in", m.info.Name, mailbox.ErrPermission)
	}
	err := b.do(ctx, "flags in", func(im *imapclient.Mailbox) (err error) {
		if v := b.own.Load(); v != nil {
			res, err = v.setFlags(ctx, im, set, change)
		} else {
			res, err = b.setFlags(ctx, im, set, change)
		}
		return err
	})
	if !res.Changed.IsEmpty() || mayHaveBeenDone(err) {
		b.tell(mailbox.EventFlags)
	}
	return res, err
}

func (b *box) setFlags(ctx context.Context, im *imapclient.Mailbox, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res mailbox.FlagResult
	s, err := im.Refresh(ctx)
	if err != nil {
		return res, looking(err)
	}
	if set, err = existing(ctx, im, set); err != nil || set.IsEmpty() {
		return res, err
	}
	if change.Flags.IsEmpty() && change.Op != mailbox.FlagsReplace {
		if change.UnchangedSince != nil {
			found, err := im.Search(ctx, search.ModSeq{N: *change.UnchangedSince + 1}, nil)
			if err != nil {
				return res, looking(err)
			}
			res.Conflicts = found.UIDs.Intersect(set)
		}
		return res, nil
	}
	stored, err := im.Store(ctx, imapclient.UIDSet(set), change)
	if stored != nil {
		res.Conflicts = stored.Conflicts
		before := modSeqOf(s)
		for _, at := range slices.Sorted(maps.Keys(stored.ModSeqs)) {
			if at > before { // some servers report messages that were so already
				res.Changed = res.Changed.Union(stored.ModSeqs[at])
				res.Steps.Add(mailbox.Step{From: at - 1, To: at})
			}
		}
		res.Changed = res.Changed.Subtract(res.Conflicts)
		if len(res.Steps) > maxSteps {
			res.Steps = mailbox.UnknownSteps()
		}
	}
	return res, err
}

// maxSteps is how many steps a result may have.
const maxSteps = 1000

// setFlags changes flags where the server has no mod-sequences.
func (v *view) setFlags(ctx context.Context, im *imapclient.Mailbox, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	var res mailbox.FlagResult
	if err := im.CatchUp(ctx); err != nil {
		return res, looking(err)
	}
	set, err := existing(ctx, im, set)
	if err != nil || set.IsEmpty() {
		return res, err
	}
	if err := v.refresh(ctx, im); err != nil {
		return res, looking(err)
	}
	before := v.highest()
	since := change.UnchangedSince
	change.UnchangedSince = nil
	var todo mailbox.UIDSet
	v.mu.Lock()
	for uid := range set.All() {
		at, ok := v.find(uid)
		switch {
		case !ok:
		case since != nil && v.entries[at].modSeq > *since:
			res.Conflicts.Add(uid)
		case !apply(change, *v.entries[at].flags).Equal(*v.entries[at].flags):
			todo.Add(uid)
		}
	}
	v.mu.Unlock()
	if todo.IsEmpty() {
		return res, nil
	}
	_, err = im.Store(ctx, imapclient.UIDSet(todo), change)
	if lerr := v.look(ctx, im, todo); lerr != nil {
		return res, errors.Join(err, lerr)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	for uid := range todo.All() {
		if at, ok := v.find(uid); ok && v.entries[at].modSeq > before {
			res.Changed.Add(uid)
		}
	}
	if !res.Changed.IsEmpty() {
		res.Steps = mailbox.UnknownSteps()
	}
	return res, err
}

// apply returns what flags become.
func apply(change mailbox.FlagChange, flags mailbox.FlagSet) mailbox.FlagSet {
	switch change.Op {
	case mailbox.FlagsAdd:
		return flags.With(change.Flags)
	case mailbox.FlagsRemove:
		return flags.Without(change.Flags)
	}
	return change.Flags
}

// Expunge implements [mailbox.Mailbox]. Messages without \Deleted are given it first,
// which other readers may see, and keep it if the call fails in between. Of two calls
// through this Store, one reports each message; what another client removes at the
// same moment may be reported too.
func (m *boxHandle) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	var res mailbox.Result
	if err := m.writable(ctx, mailbox.RightExpunge); err != nil {
		return res, err
	}
	b := m.b
	if err := b.lock(ctx); err != nil {
		return res, err
	}
	defer b.unlock()
	var gone mailbox.UIDSet
	err := b.do(ctx, "expunge from", func(im *imapclient.Mailbox) error {
		if err := im.CatchUp(ctx); err != nil {
			return looking(err)
		}
		some, err := existing(ctx, im, set)
		if err != nil || some.IsEmpty() {
			return err
		}
		if key := havingKey(having); key != nil {
			found, err := im.Search(ctx, search.And(key), nil)
			if err != nil {
				return looking(err)
			}
			some = some.Intersect(found.UIDs)
		}
		if some.IsEmpty() {
			return nil
		}
		if !having.Has(mailbox.FlagDeleted) {
			if err := im.AddFlags(ctx, imapclient.UIDSet(some), mailbox.FlagDeleted); err != nil {
				return err
			}
		}
		done, err := im.Expunge(ctx, imapclient.UIDSet(some))
		gone = gone.Union(done)
		return err
	})
	for uid := range gone.All() {
		res.Add(uid, 0)
	}
	if !gone.IsEmpty() {
		res.Steps = mailbox.UnknownSteps()
	}
	if !gone.IsEmpty() || mayHaveBeenDone(err) {
		b.tell(mailbox.EventVanished)
	}
	return res, err
}

// havingKey finds the messages that have all these flags; nil for none.
func havingKey(having mailbox.FlagSet) []search.Key {
	var keys []search.Key
	for f := range having.All() {
		keys = append(keys, search.Flag{Flag: f})
	}
	return keys
}

// Copy implements [mailbox.Mailbox]. A long set is several commands, each of which is
// all or none.
func (m *boxHandle) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return m.transfer(ctx, set, dest, false)
}

// Move implements [mailbox.Mailbox]. It is one step where the server has MOVE (RFC
// 6851) and the set is not long; otherwise messages are copied and then removed.
func (m *boxHandle) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return m.transfer(ctx, set, dest, true)
}

func (m *boxHandle) transfer(ctx context.Context, set mailbox.UIDSet, dest string, move bool) (mailbox.Result, error) {
	dest = mailbox.CanonicalName(dest)
	var res mailbox.Result
	b, what := m.b, "copy from"
	if err := m.check(ctx); err != nil {
		return res, err
	}
	if move {
		what = "move from"
		if err := m.writable(ctx, mailbox.RightExpunge|mailbox.RightDeleteMessages); err != nil {
			return res, err
		}
		if err := b.lock(ctx); err != nil {
			return res, err
		}
		defer b.unlock()
	}
	out := imapclient.Copied{}
	err := b.do(ctx, what, func(im *imapclient.Mailbox) error {
		if err := im.CatchUp(ctx); err != nil {
			return looking(err)
		}
		left, err := existing(ctx, im, set.Subtract(out.Done))
		if err != nil || left.IsEmpty() {
			return err
		}
		do := im.Copy
		if move {
			do = im.Move
		}
		for attempt := 1; ; attempt++ {
			part, err := do(ctx, imapclient.UIDSet(left), m.h.server(dest))
			if part != nil {
				out.Moved, out.Done = append(out.Moved, part.Moved...), out.Done.Union(part.Done)
				out.UIDValidity = max(out.UIDValidity, part.UIDValidity)
			}
			if !errors.Is(err, &imap.Error{Code: imap.CodeExpungeIssued}) || attempt == attempts {
				return err
			}
			// Somebody has expunged some of them: nothing was copied (RFC 2180 §4.4.1).
			if err := im.CatchUp(ctx); err != nil {
				return err
			}
			if left, err = existing(ctx, im, left.Subtract(out.Done)); err != nil || left.IsEmpty() {
				return err
			}
		}
	})
	if err == nil && out.UIDValidity == 0 && !out.Done.IsEmpty() && !m.h.has(imap.CapUIDPlus) {
		out.Moved = sourceOnly(out.Done)
	}
	res.Moved = slices.Clone(out.Moved)
	var to *box
	if err == nil {
		to, err = m.h.destination(ctx, dest, out.UIDValidity)
	}
	if to != nil {
		res.DestID, res.DestUIDValidity = to.id, to.validity
	}
	m.moved(&res, to, err, move)
	return res, err
}

// sourceOnly pairs messages with UIDs that are not known.
func sourceOnly(uids mailbox.UIDSet) []mailbox.Moved {
	var res mailbox.Result
	for uid := range uids.All() {
		res.Add(uid, 0)
	}
	return res.Moved
}

// moved sets the steps of a transfer, and sends events.
func (m *boxHandle) moved(res *mailbox.Result, to *box, err error, removed bool) {
	if len(res.Moved) > 0 {
		if removed || to == m.b {
			res.Steps = mailbox.UnknownSteps()
		}
		if to != m.b {
			res.DestSteps = mailbox.UnknownSteps()
		}
	}
	if len(res.Moved) == 0 && !mayHaveBeenDone(err) {
		return
	}
	if removed {
		m.b.tell(mailbox.EventVanished)
	}
	if to != nil {
		to.tell(mailbox.EventNew)
	} else {
		m.h.tellAll(mailbox.EventNew)
	}
}

// destination returns the mailbox of that name, which has that UIDVALIDITY, unless
// zero: then it is not known whether there is one.
func (h *handle) destination(ctx context.Context, name string, validity uint32) (*box, error) {
	if validity != 0 {
		h.mu.Lock()
		var known *box
		for _, b := range h.boxes {
			if b.name == name && b.validity == validity && !b.gone {
				known = b
			}
		}
		if known == nil && !h.has(imap.CapObjectID) {
			known = h.box(name, validity, "")
		}
		h.mu.Unlock()
		if known != nil {
			return known, nil
		}
	}
	var b *box
	err := h.client(ctx, true, func(c *imapclient.Client) error {
		f, err := h.look(ctx, c, name)
		b = f.box
		return err
	})
	return b, wrap("mailbox", name, err)
}

// errTooLarge says that a message is longer than the server takes.
func errTooLarge(limit int64) error {
	return fmt.Errorf("%w: more than %d octets", mailbox.ErrTooLarge, limit)
}
