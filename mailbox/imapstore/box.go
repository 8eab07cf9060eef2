package imapstore

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// A box is a mailbox on the server: the one with its MAILBOXID (RFC 8474), or else
// the one that has its name and its UIDVALIDITY.
type box struct {
	a        *account
	id       string
	validity uint32
	told     bool // id is the server's

	name string // guarded by account.mu, as gone
	gone bool   // deleted through this Store

	// changing has an element while no call expunges or moves messages: each is
	// removed by one call only, as far as this Store is concerned.
	changing chan struct{}

	own atomic.Pointer[view] // where the server has no mod-sequences

	mu        sync.Mutex     // guards the fields below
	access    mailbox.Access // as SELECT tells
	hasAccess bool
	rights    mailbox.Rights // as MYRIGHTS tells
	hasRights bool
	keywords  mailbox.FlagSet // that messages have, up to a mod-sequence
	wordsAt   mailbox.ModSeq  // zero: not known
	past      past
	counted   *mailbox.Status // as of its UIDNext, HighestModSeq and Messages
}

// box returns the mailbox of that name; a.mu is held. It is the same value as
// before, if it is the same mailbox.
func (a *account) box(name string, validity uint32, mailboxID string) *box {
	id := mailboxID
	if id == "" {
		if id = a.alias[place{name, validity}]; id == "" {
			id = derivedID(name, validity)
		}
	}
	b := a.boxes[id]
	if b == nil || b.validity != validity {
		b = &box{a: a, id: id, validity: validity, told: mailboxID != "", name: name, changing: make(chan struct{}, 1)}
		b.changing <- struct{}{}
		if !a.has(imap.CapCondStore) {
			b.own.Store(newView())
		}
		a.boxes[id] = b
	}
	b.name = name
	return b
}

// derivedID is the ID of a mailbox to which the server gives none.
func derivedID(name string, validity uint32) string {
	sum := sha256.Sum256([]byte(name))
	return "V" + strconv.FormatUint(uint64(validity), 10) + "-" + base64.RawURLEncoding.EncodeToString(sum[:12])
}

// where returns the name, or mailbox.ErrNotExist if the mailbox was deleted.
func (b *box) where() (string, error) {
	b.a.mu.Lock()
	defer b.a.mu.Unlock()
	if b.gone {
		return b.name, mailbox.ErrNotExist
	}
	return b.name, nil
}

// is reports whether the mailbox is the one that has been selected.
func (b *box) is(info imapclient.Info) bool {
	if b.told && info.MailboxID != "" && info.MailboxID != b.id {
		return false
	}
	return max(info.UIDValidity, 1) == b.validity
}

// do calls f with the mailbox selected. f may be called again if nothing of what it
// sent has been done.
func (b *box) do(ctx context.Context, what string, f func(*imapclient.Mailbox) error) error {
	return b.run(ctx, what, 0, f)
}

// read is do for an f that only reads: it is also called again if the connection was
// lost.
func (b *box) read(ctx context.Context, what string, f func(*imapclient.Mailbox) error) error {
	return b.run(ctx, what, retries, f)
}

func (b *box) run(ctx context.Context, what string, lost int, f func(*imapclient.Mailbox) error) error {
	name, err := b.where()
	stale, sought := 0, false
	for err == nil {
		called := false
		err = b.a.pool.Select(ctx, b.a.server(name), nil, func(m *imapclient.Mailbox) error {
			if !b.is(m.Info()) {
				// The connection may have had it selected since before it was
				// deleted, and another got its name.
				leave(ctx, m)
				return errOther
			}
			called = true
			b.learn(m)
			err := f(m)
			if errors.Is(err, imapclient.ErrUIDValidity) {
				leave(ctx, m)
				return errOther
			}
			return err
		})
		gone := errors.Is(err, errOther) || !called && errors.Is(err, mailbox.ErrNotExist)
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
		case errors.Is(err, errOther) && stale <= maxStale, errors.Is(err, imapclient.ErrNotSelected) && stale <= maxStale:
			stale++
			err = nil
		case isLost(err) && (lost > 0 || errors.As(err, new(harmless)) && stale <= maxStale):
			lost--
			stale++
			err = nil
		case gone && b.told && !sought:
			sought = true
			name, err = b.find(ctx)
			continue
		}
		if err == nil {
			name, err = b.where()
		}
	}
	if isLost(err) && ctx.Err() == nil && b.isGone(ctx, name) {
		err = mailbox.ErrNotExist // that is why the server has closed the connection
	}
	return wrap(what, name, err)
}

// isGone reports whether no mailbox, or another one, has the name.
func (b *box) isGone(ctx context.Context, name string) bool {
	if _, err := b.where(); err != nil {
		return true
	}
	var f found
	err := b.a.client(ctx, true, func(c *imapclient.Client) (err error) {
		f, err = b.a.look(ctx, c, name)
		return err
	})
	return errors.Is(err, mailbox.ErrNotExist) || err == nil && f.box != b
}

// leave makes sure that nobody uses a selection any more.
func leave(ctx context.Context, m *imapclient.Mailbox) {
	if m.Unselect(ctx) != nil {
		m.Client().Close()
	}
}

// maxStale is how many connections may have another mailbox of the name selected.
const maxStale = 8

// find looks for the mailbox under another name.
func (b *box) find(ctx context.Context) (string, error) {
	var name string
	err := b.a.client(ctx, true, func(c *imapclient.Client) error {
		list, err := b.a.list(ctx, c, 0, "")
		for _, f := range list {
			if f.box == b {
				name = f.name
				return nil
			}
		}
		if err == nil {
			err = mailbox.ErrNotExist
		}
		return err
	})
	return name, err
}

// learn takes what SELECT has told.
func (b *box) learn(m *imapclient.Mailbox) {
	info := m.Info()
	if !b.a.has(imap.CapCondStore) || info.HighestModSeq == 0 {
		if b.own.Load() == nil {
			b.own.CompareAndSwap(nil, newView())
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.wordsAt == 0 {
		b.keywords, b.wordsAt = mailbox.NewFlagSet(info.Flags.Keywords()...), info.HighestModSeq
	}
	if b.hasAccess {
		return
	}
	b.hasAccess = true
	b.access = accessOf(info)
}

// accessOf says what may be done with a mailbox that was selected (RFC 9051 §7.1).
func accessOf(info imapclient.Info) mailbox.Access {
	if info.ReadOnly {
		return mailbox.ReadOnlyAccess()
	}
	access := mailbox.FullAccess()
	flags := info.PermanentFlags
	if flags.IsEmpty() && !info.NewKeywords {
		return access // not told, which means all
	}
	access.NewKeywords = info.NewKeywords
	access.PermanentFlags = mailbox.FlagSetOf(flags.System(), nil)
	if !info.NewKeywords {
		access.PermanentFlags = flags
	}
	return access
}

// mayDo says what may be done with the mailbox, as far as the server has told.
func (b *box) mayDo() mailbox.Access {
	b.mu.Lock()
	defer b.mu.Unlock()
	access := mailbox.FullAccess()
	if b.hasAccess {
		access = b.access
	}
	if b.hasRights {
		access.Rights = b.rights
	}
	return access
}

// permit takes what MYRIGHTS tells (RFC 4314 §3.5), if anything.
func (b *box) permit(rights imap.Rights) {
	if rights == "" {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rights, b.hasRights = rights.Known(), true
}

// lock makes the caller the only one who removes messages.
func (b *box) lock(ctx context.Context) error {
	select {
	case <-b.changing:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("imapstore: %w", ctx.Err())
	}
}

func (b *box) unlock() { b.changing <- struct{}{} }

// tell sends an event about the mailbox.
func (b *box) tell(kind mailbox.EventKind) { b.a.tell(mailbox.Event{MailboxID: b.id, Kind: kind}) }

// boxHandle is a handle to a mailbox.
type boxHandle struct {
	h    *handle
	b    *box
	info mailbox.Info
}

var _ mailbox.Mailbox = (*boxHandle)(nil)

// Mailbox implements [mailbox.Account]: it selects the mailbox, and lists it.
//
// If the server has OBJECTID (RFC 8474), the handle follows the mailbox whoever
// renames it. Otherwise it follows renamings through this Store; when the name is
// gone or has another UIDVALIDITY, its calls return mailbox.ErrNotExist.
//
// The Mailbox is a search.Indexer.
func (h *handle) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	name = mailbox.CanonicalName(name)
	if err := h.check(ctx); err != nil {
		return nil, err
	}
	if name == "" {
		return nil, wrap("mailbox", name, mailbox.ErrNotExist)
	}
	var f found
	var err error
	for lost := 0; ; lost++ {
		err = h.pool.Select(ctx, h.server(name), nil, func(m *imapclient.Mailbox) error {
			var err error
			if f, err = h.look(ctx, m.Client(), name); err != nil {
				return err
			}
			if !f.box.is(m.Info()) { // see box.run
				leave(ctx, m)
				return errOther
			}
			f.box.learn(m)
			return nil
		})
		again := errors.Is(err, errOther) || errors.Is(err, imapclient.ErrNotSelected) || isLost(err)
		if !again || lost >= maxStale || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		return nil, wrap("mailbox", name, err)
	}
	h.remember(f.box)
	return &boxHandle{h: h, b: f.box, info: f.info(0)}, nil
}

// Info implements [mailbox.Mailbox].
func (m *boxHandle) Info() mailbox.Info { return m.info }

// check returns an error if the handle can't be used.
func (m *boxHandle) check(ctx context.Context) error {
	if err := m.h.check(ctx); err != nil {
		return err
	}
	name, err := m.b.where()
	return wrap("mailbox", name, err)
}
