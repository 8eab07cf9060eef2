package imapclient

import (
	"context"
	"errors"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A syncing is a Sync that is under way.
type syncing struct {
	m     *Mailbox
	ctx   context.Context
	s     *State
	items []Item
	yield func(*Change, error) bool

	level  SyncLevel
	modSeq mailbox.ModSeq // the highest as of the start
	bound  mailbox.UID    // no message had this UID or a higher one; zero: not known
	since  int            // see Mailbox.since
	exists int
	all    *mailbox.UIDSet // all messages of the mailbox, if they are known

	fresh   mailbox.UIDSet // what the program does not have
	windows *flagWindows
}

// errLeft says that the loop was left.
var errLeft = errors.New("imapclient: loop was left")

func (y *syncing) emit(ch *Change, err error) error {
	if !y.yield(ch, err) {
		return errLeft
	}
	return nil
}

func (y *syncing) stop() {
	if y.windows != nil {
		y.windows.stop()
	}
}

func (y *syncing) run() error {
	if err := y.m.ready(y.ctx); err != nil {
		return err
	}
	y.look()
	s := y.s
	s.UIDs = s.UIDs.Clone() // which the caller may share
	validity := y.m.Info().UIDValidity
	if !s.isZero() && (validity == 0 || s.UIDValidity != validity) {
		if err := y.emit(&Change{Kind: Reset}, nil); err != nil {
			return err
		}
		*s = State{}
	}
	s.UIDValidity = validity
	if s.UIDs.IsEmpty() {
		// All that comes is from now on.
		s.HighestModSeq = y.modSeq
	}
	if y.upToDate() {
		s.UIDNext = max(s.UIDNext, y.bound)
		return nil
	}
	if err := y.known(); err != nil {
		return err
	}
	s.HighestModSeq = y.modSeq
	return y.new()
}

// look takes what the Client knows of the mailbox.
func (y *syncing) look() {
	m := y.m
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	y.level = m.syncLevel()
	if y.level > SyncScan {
		y.modSeq = m.modSeq
	}
	y.exists, y.since = m.exists, m.since
	if m.top.since == m.since {
		y.bound = m.top.next
	}
	if m.view != nil && m.view.n == m.exists {
		all := m.view.set()
		y.all = &all
		if len(m.view.blocks) > 0 && y.bound <= m.view.max() {
			y.bound = m.view.max() + 1
		}
	}
}

// upToDate reports whether the server has told that nothing has changed: no flags,
// as the highest mod-sequence is the same, nothing new, and nothing gone.
func (y *syncing) upToDate() bool {
	s := y.s
	return y.level > SyncScan && s.HighestModSeq == y.modSeq && y.noneAbove() && s.UIDs.Len() == y.exists && y.above(s.UIDs).IsEmpty()
}

// noneAbove reports whether the program has all messages from UIDNext on.
func (y *syncing) noneAbove() bool { return y.exists == 0 || y.bound != 0 && y.bound <= y.s.UIDNext }

// known yields what has happened to the messages that the program has, and finds
// out which are new.
func (y *syncing) known() error {
	var ask *call
	var found searchResult
	switch {
	case y.all != nil:
		y.took(*y.all)
	case y.noneAbove():
		y.took(mailbox.UIDSet{})
	default:
		ask = y.m.aboveCall(y.s.UIDNext, &found)
		if err := y.m.c.start(y.ctx, ask); err != nil {
			return err
		}
	}
	wait := func() error {
		if ask == nil {
			return nil
		}
		k := ask
		ask = nil
		if err := y.m.c.wait(y.ctx, k); err != nil {
			return err
		}
		y.took(found.uids)
		return nil
	}
	defer func() {
		if ask != nil {
			y.m.c.abandon(ask)
		}
	}()
	if y.s.UIDs.IsEmpty() {
		return wait()
	}
	w := y.flagWindows()
	y.windows = w
	if w != nil && w.vanished {
		if err := w.fill(y.ctx); err != nil { // in one flight with the search
			return err
		}
	}
	if err := wait(); err != nil {
		return err
	}
	for more := w != nil; more; {
		// The answers tell what has vanished, if the server has QRESYNC.
		var err error
		if w.vanished {
			if more, err = w.read(y.ctx); err != nil {
				return err
			}
		}
		if err := y.gone(w.takeVanished(), !more || !w.vanished); err != nil {
			return err
		}
		if !w.vanished {
			w.of = w.of.Intersect(y.s.UIDs)
			if more, err = w.read(y.ctx); err != nil {
				return err
			}
		}
		if err := y.changed(w); err != nil {
			return err
		}
	}
	if w == nil {
		return y.gone(mailbox.UIDSet{}, true)
	}
	return nil
}

// took takes the messages that have UIDs of State.UIDNext or above.
func (y *syncing) took(uids mailbox.UIDSet) {
	// "n:*" includes the last message even if its UID is below n (RFC 9051 §9).
	y.fresh = y.above(uids)
	if y.all != nil {
		y.fresh = y.fresh.Union(y.all.Subtract(y.s.UIDs))
	}
	if top := y.fresh.Max(); top >= y.bound {
		y.bound = 0
		if top < mailbox.MaxUID {
			y.bound = top + 1
		}
	}
	m := y.m
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.since == y.since && y.bound > m.top.next {
		m.top = knownTop{y.bound, y.since}
	}
	y.exists = m.exists
}

// above returns those of a set from UIDNext on. Of the State's, these are messages
// that were being yielded when the State was saved.
func (y *syncing) above(uids mailbox.UIDSet) mailbox.UIDSet {
	return uids.Intersect(mailbox.UIDRangeSet(max(y.s.UIDNext, 1), mailbox.MaxUID))
}

// aboveCall asks for the messages from a UID on.
func (m *Mailbox) aboveCall(uid mailbox.UID, found *searchResult) *call {
	set := imap.NumSetOf(imap.NumRange{First: uint32(max(uid, 1)), Last: imap.Star})
	k := m.searchCall(&imap.Search{UID: true, Key: imap.SearchUID{Set: set}, Extended: m.c.has(imap.CapESearch), Return: imap.ReturnAll})
	collect := k.take
	k.take = func(resp grammar.Response) bool {
		if !collect(resp) {
			return false
		}
		k.err = errors.Join(k.err, found.read(resp))
		return true
	}
	return k
}

// gone yields the messages that have vanished. With check, it asks for all UIDs if
// the number of messages does not add up: then the server has not told of all that
// have vanished, or the program lacks some.
func (y *syncing) gone(vanished mailbox.UIDSet, check bool) error {
	s := y.s
	begun := y.above(s.UIDs)
	vanished = vanished.Intersect(s.UIDs).Union(begun.Subtract(y.fresh))
	switch left := s.UIDs.Subtract(vanished).Subtract(begun); {
	case y.all != nil:
		vanished = vanished.Union(s.UIDs.Subtract(*y.all))
	case check && left.Len()+y.fresh.Len() != y.exists:
		all, err := y.m.UIDs(y.ctx)
		if err != nil {
			return err
		}
		y.all = &all
		vanished = s.UIDs.Subtract(all)
		y.took(all)
	}
	if vanished.IsEmpty() {
		return nil
	}
	if err := y.emit(&Change{Kind: Vanished, Vanished: vanished}, nil); err != nil {
		return err
	}
	s.UIDs = s.UIDs.Subtract(vanished)
	return nil
}

// changed yields the flags that were read.
func (y *syncing) changed(w *flagWindows) error {
	for _, f := range w.takeFlags() {
		if !y.s.UIDs.Contains(f.uid) {
			continue
		}
		msg := &Message{mb: y.m, req: w.req, content: f.gmail != nil, context: y.ctx}
		msg.UID, msg.Entry.Flags, msg.Entry.ModSeq, msg.Gmail, msg.Has = f.uid, f.flags, f.modSeq, f.gmail, f.has
		if err := y.emit(&Change{Kind: Changed, Message: msg}, nil); err != nil {
			return err
		}
	}
	return nil
}

// new yields the messages that the program does not have.
func (y *syncing) new() error {
	s := y.s
	if !y.fresh.IsEmpty() {
		for msg, err := range y.m.Fetch(y.ctx, UIDSet(y.fresh), y.items...) {
			if msg == nil {
				return err
			}
			// If the program stops in this step, the message has to come again;
			// and if it is gone by then, that has to be told.
			again := msg.UID >= s.UIDNext
			if again {
				s.UIDs.Add(msg.UID)
			}
			if err := y.emit(&Change{Kind: New, Message: msg}, err); err != nil {
				return err
			}
			if !again {
				s.UIDs.Add(msg.UID)
			} else if msg.UID < mailbox.MaxUID {
				s.UIDNext = msg.UID + 1
			}
		}
	}
	s.UIDNext = max(s.UIDNext, y.bound)
	return nil
}
