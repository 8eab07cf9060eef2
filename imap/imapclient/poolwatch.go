package imapclient

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// Watch follows a mailbox as Mailbox.Watch does, on a connection of its own, and
// goes on after breaks: it connects anew, and what has changed since s is the next
// Update, with Lost if the server can't tell which flags have changed, for lack of
// mod-sequences (RFC 7162). Attempts are spaced by Backoff.
//
// s is what the program knows of the mailbox. The first Update brings what has
// happened since then; of the zero State, all messages. Each step of the loop moves
// s forward by the Update before it, if the connection is still there after the
// loop's body: an Update in whose handling the connection broke comes again,
// together with what has happened meanwhile; what was New in it and is gone by then
// is in Vanished. The same holds for the Update in which the loop was left, or the
// program ended, if s is used again. A program that saves s in a step, with what it
// keeps of the mailbox, loses no Update by a crash, and is told a few things once
// more. With s nil, the loop is about what happens from now on.
//
// The handle in an Update is that of its connection; it must not be used to select
// another mailbox.
//
// The loop ends with an error if no further attempt can help: if ctx ends, the Pool
// is closed (ErrPoolClosed), the credentials are refused (an error of package
// sasl), the mailbox is gone (mailbox.ErrNotExist) or may not be read
// (mailbox.ErrPermission), or has another UIDVALIDITY than s, or none
// (ErrUIDValidity), if TLS is not offered or the server can't do what Options demand.
// Other errors are told to Backoff.Notify.
func (p *Pool) Watch(ctx context.Context, name string, s *State) iter.Seq2[*Update, error] {
	return func(yield func(*Update, error) bool) {
		if p.Dial == nil {
			yield(nil, errNoDial)
			return
		}
		ctx, cancel := p.until(ctx)
		defer cancel()
		w := &poolWatch{p: p, name: name, s: s, yield: yield}
		if s == nil {
			w.s, w.fromNow = &State{}, true
		}
		for failures := 0; ; {
			begun := time.Now()
			err := w.session(ctx)
			switch {
			case err == errLeft:
				return
			case ctx.Err() != nil:
				yield(nil, fmt.Errorf("imapclient: watching %q: %w", name, context.Cause(ctx)))
				return
			case isFinal(err):
				yield(nil, err)
				return
			}
			if failures++; time.Since(begun) >= steady {
				failures = 1
			}
			wait := p.Backoff.wait(failures, err)
			if p.Backoff.Notify != nil {
				p.Backoff.Notify(err, wait)
			}
			t := time.NewTimer(wait)
			select {
			case <-t.C:
			case <-ctx.Done():
				t.Stop()
			}
		}
	}
}

// steady is how long a connection must have lasted for the next break to count as
// the first one.
const steady = time.Minute

// isFinal reports whether another attempt is of no use.
func isFinal(err error) bool {
	switch Diagnose(err) {
	case ReasonConnections, ReasonThrottled:
		return false // which some providers say as the answer to a login
	case ReasonCredentials, ReasonToken, ReasonAccess, ReasonPermission:
		return true
	}
	var unsupported *UnsupportedError
	return errors.As(err, &unsupported) || slices.ContainsFunc([]error{
		sasl.ErrAuthFailed, sasl.ErrAuthzDenied, sasl.ErrExpired, sasl.ErrUnsupported, sasl.ErrEncryptionNeeded, sasl.ErrServerUnproven,
		mailbox.ErrNotExist, mailbox.ErrPermission, mailbox.ErrInvalidName,
		ErrUIDValidity, ErrNoStartTLS, ErrPreAuth, ErrPoolClosed,
	}, func(target error) bool { return errors.Is(err, target) })
}

// A poolWatch is a Watch of a Pool. It belongs to the loop's goroutine.
type poolWatch struct {
	p       *Pool
	name    string
	s       *State // true of what has been handled
	fromNow bool   // s is to become the state of now
	yield   func(*Update, error) bool

	fenced time.Time // when s.HighestModSeq was set
}

// session follows the mailbox on one connection, until that is lost or the loop
// ends; the error is then errLeft.
func (w *poolWatch) session(ctx context.Context) error {
	c, err := w.p.Dial(ctx)
	if err != nil {
		return err
	}
	if !w.p.watch(c) {
		c.Close()
		return ErrPoolClosed
	}
	defer w.p.unwatch(c)
	m, err := c.Select(ctx, w.name, nil)
	if err != nil {
		return err
	}
	if err := w.catchUp(ctx, m); err != nil {
		return err
	}
	for u, err := range m.Watch(ctx) {
		if err != nil {
			return err
		}
		if err := w.hand(u); err != nil {
			return err
		}
		if err := w.fence(ctx, u); err != nil {
			return err
		}
	}
	return errLeft
}

// hand yields an Update, and makes it a part of the state once it has been handled.
// Before that, the messages that are new are in State.UIDs, but not below UIDNext: if
// the Update is not handled to its end, they come again, or as Vanished.
func (w *poolWatch) hand(u *Update) error {
	s := w.s
	s.UIDs = s.UIDs.Union(u.New.uids)
	if !w.yield(u, nil) {
		return errLeft
	}
	if err := u.Mailbox.c.Err(); err != nil {
		return err
	}
	s.UIDs = s.UIDs.Subtract(u.Vanished)
	s.pass()
	return nil
}

// pass moves UIDNext behind all messages of the state.
func (s *State) pass() {
	if top := s.UIDs.Max(); top >= s.UIDNext && top < mailbox.MaxUID {
		s.UIDNext = top + 1
	}
}

// catchUp yields what has changed since the state.
func (w *poolWatch) catchUp(ctx context.Context, m *Mailbox) error {
	s, validity := w.s, m.Info().UIDValidity
	if !s.isZero() && (validity == 0 || validity != s.UIDValidity) {
		return &CommandError{Command: "SELECT", Mailbox: w.name, Err: ErrUIDValidity}
	}
	all, err := m.snapshot(ctx)
	if err != nil {
		return err
	}
	modSeq := m.Info().HighestModSeq
	w.fenced = time.Now()
	if w.fromNow {
		*s, w.fromNow = State{UIDValidity: validity, UIDNext: m.Info().UIDNext, HighestModSeq: modSeq, UIDs: all}, false
		s.pass()
		return nil
	}
	s.UIDValidity = validity
	u := &Update{Mailbox: m, Exists: all.Len(), Vanished: s.UIDs.Subtract(all)}
	fresh := all.Subtract(s.UIDs).Union(all.Intersect(mailbox.UIDRangeSet(max(s.UIDNext, 1), mailbox.MaxUID)))
	known := all.Subtract(fresh)
	u.Arrived, u.New, u.Removed = fresh.Len(), UIDSet(fresh), u.Vanished.Len()
	switch {
	case known.IsEmpty():
	case m.SyncLevel() == SyncScan || s.HighestModSeq == 0:
		u.Lost = true
	default:
		// Of the messages that were known, only the flags are left to ask for.
		// The answer has those that were told since SELECT, too.
		since := State{UIDValidity: validity, UIDNext: all.Max() + 1, HighestModSeq: s.HighestModSeq, UIDs: known}
		for ch, err := range m.Sync(ctx, &since) {
			if err != nil {
				return err
			}
			if ch.Kind == Changed && known.Contains(ch.Message.UID) {
				u.addFlags(FlagUpdate{UID: ch.Message.UID, Flags: ch.Message.Entry.Flags, ModSeq: ch.Message.Entry.ModSeq})
			}
		}
	}
	if u.Arrived+u.Removed+len(u.Flags) > 0 || u.Lost {
		if err := w.hand(u); err != nil {
			return err
		}
	}
	s.HighestModSeq = modSeq
	s.UIDNext = max(s.UIDNext, m.Info().UIDNext)
	s.pass()
	return nil
}

func (u *Update) addFlags(f FlagUpdate) {
	if len(u.Flags) >= maxFlagUpdates {
		u.Lost = true
		return
	}
	u.Flags = append(u.Flags, f)
}

// fence moves the state's mod-sequence forward now and then. That of a change which
// was told does not do for it: nothing says that servers tell changes in the order
// of their mod-sequences, and one that is still to be told would be lost by a break.
// But after NOOP all that was changed before has been told.
func (w *poolWatch) fence(ctx context.Context, u *Update) error {
	m := u.Mailbox
	if len(u.Flags) == 0 || m.SyncLevel() == SyncScan || time.Since(w.fenced) < steady {
		return nil
	}
	w.fenced = time.Now()
	if err := m.c.Noop(ctx); err != nil {
		return err
	}
	m.c.mu.Lock()
	defer m.c.mu.Unlock()
	if m.pending.isEmpty() {
		w.s.HighestModSeq = max(w.s.HighestModSeq, m.modSeq)
	}
	return nil
}

// isEmpty reports whether nothing has changed.
func (u *Update) isEmpty() bool {
	return u.Arrived == 0 && u.Removed == 0 && len(u.Flags) == 0 && !u.Lost && u.Vanished.IsEmpty()
}

// snapshot returns the messages of the mailbox, and drops what has been told of them
// since it was selected. What is told from then on is the next Update.
func (m *Mailbox) snapshot(ctx context.Context) (mailbox.UIDSet, error) {
	for {
		if err := m.load(ctx); err != nil {
			return mailbox.UIDSet{}, err
		}
		m.c.mu.Lock()
		if m.view != nil && m.view.n == m.exists {
			defer m.c.mu.Unlock()
			m.takeUpdate()
			m.told = max(m.told, m.view.max())
			return m.view.set(), nil
		}
		m.c.mu.Unlock()
	}
}

// watch notes a connection of Watch. It returns false if the pool is closed.
func (p *Pool) watch(c *Client) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return false
	}
	if p.watching == nil {
		p.watching = map[*Client]struct{}{}
	}
	p.watching[c] = struct{}{}
	return true
}

// unwatch ends a connection of Watch.
func (p *Pool) unwatch(c *Client) {
	p.mu.Lock()
	delete(p.watching, c)
	ends := p.end(c)
	p.signal()
	p.mu.Unlock()
	if !ends {
		c.Close()
	}
}
