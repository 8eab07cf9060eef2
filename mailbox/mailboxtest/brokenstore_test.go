package mailboxtest_test

import (
	"context"
	"errors"
	"iter"
	"sync/atomic"
	"testing"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

// overBox is a mailbox with some calls replaced.
type overBox struct {
	mailbox.Mailbox
	mailbox.RecentMarker
	mailbox.Replacer
	status   func(context.Context) (mailbox.Status, error)
	snapshot func(context.Context) (mailbox.Snapshot, error)
	changes  func(context.Context, mailbox.State) (mailbox.Changes, error)
	messages func(context.Context, mailbox.UIDSet, mailbox.Want) iter.Seq2[*mailbox.Message, error]
	append   func(context.Context, ...mailbox.Incoming) (mailbox.Result, error)
	setFlags func(context.Context, mailbox.UIDSet, mailbox.FlagChange) (mailbox.FlagResult, error)
	expunge  func(context.Context, mailbox.UIDSet, mailbox.FlagSet) (mailbox.Result, error)
	copy     func(context.Context, mailbox.UIDSet, string) (mailbox.Result, error)
	move     func(context.Context, mailbox.UIDSet, string) (mailbox.Result, error)
}

func over(m mailbox.Mailbox) *overBox {
	return &overBox{m, m.(mailbox.RecentMarker), m.(mailbox.Replacer), m.Status, m.Snapshot, m.Changes, m.Messages, m.Append, m.SetFlags, m.Expunge, m.Copy, m.Move}
}

func (o *overBox) Status(ctx context.Context) (mailbox.Status, error)     { return o.status(ctx) }
func (o *overBox) Snapshot(ctx context.Context) (mailbox.Snapshot, error) { return o.snapshot(ctx) }
func (o *overBox) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	return o.changes(ctx, since)
}
func (o *overBox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return o.messages(ctx, set, want)
}
func (o *overBox) Append(ctx context.Context, drafts ...mailbox.Incoming) (mailbox.Result, error) {
	return o.append(ctx, drafts...)
}
func (o *overBox) SetFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) (mailbox.FlagResult, error) {
	return o.setFlags(ctx, set, change)
}
func (o *overBox) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	return o.expunge(ctx, set, having)
}
func (o *overBox) Copy(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return o.copy(ctx, set, dest)
}
func (o *overBox) Move(ctx context.Context, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
	return o.move(ctx, set, dest)
}

// each lets every message that m yields be changed.
func each(m mailbox.Mailbox, change func(msg *mailbox.Message)) func(context.Context, mailbox.UIDSet, mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
		return func(yield func(*mailbox.Message, error) bool) {
			for msg, err := range m.Messages(ctx, set, want) {
				if msg != nil {
					change(msg)
				}
				if !yield(msg, err) {
					return
				}
			}
		}
	}
}

type badContent struct {
	mailbox.Content
	readAt func(p []byte, off int64) (int, error)
}

func (c badContent) ReadAt(p []byte, off int64) (int, error) { return c.readAt(p, off) }

type overAccount struct {
	mailbox.Account
	mailbox.QuotaKeeper
	mailbox.Namespacer
	rename func(ctx context.Context, from, to string) error
	watch  func(ctx context.Context) (<-chan mailbox.Event, error)
	delete func(ctx context.Context, name string) error
	create func(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error)
	list   func(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error)
	limits func() mailbox.Limits
	open   func(ctx context.Context, name string) (mailbox.Mailbox, error)
}

func overA(a mailbox.Account) *overAccount {
	return &overAccount{a, a.(mailbox.QuotaKeeper), a.(mailbox.Namespacer), a.Rename, a.Watch, a.Delete, a.Create, a.Mailboxes, a.Limits, a.Mailbox}
}

func (o *overAccount) Rename(ctx context.Context, from, to string) error {
	return o.rename(ctx, from, to)
}
func (o *overAccount) Watch(ctx context.Context) (<-chan mailbox.Event, error) { return o.watch(ctx) }
func (o *overAccount) Delete(ctx context.Context, name string) error           { return o.delete(ctx, name) }
func (o *overAccount) Create(ctx context.Context, name string, opts *mailbox.CreateOptions) (mailbox.Info, error) {
	return o.create(ctx, name, opts)
}
func (o *overAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	return o.open(ctx, name)
}
func (o *overAccount) Mailboxes(ctx context.Context, want mailbox.ListWant) ([]mailbox.Info, error) {
	return o.list(ctx, want)
}

func (o *overAccount) Limits() mailbox.Limits { return o.limits() }

// brokenStore is a memory store with a defect, in which INBOX can be damaged.
type brokenStore struct {
	*memory.Store
	defect  defect
	damaged *atomic.Uint32 // the UID of a message
}

// openBroken and the options below are for the suite.
func openBroken(t testing.TB, d defect, lim mailbox.Limits) mailbox.Store {
	if d.limits != nil {
		d.limits(&lim)
	}
	s := memory.New(&memory.Options{Limits: lim})
	t.Cleanup(func() { s.Close() })
	return brokenStore{s, d, &atomic.Uint32{}}
}

// runBroken runs the suite.
func runBroken(t *testing.T, d defect) {
	o := brokenOptions
	o.WithLimits = func(t testing.TB, lim mailbox.Limits) mailbox.Store {
		if account := d.account; account != nil {
			d.account = func(a mailbox.Account) mailbox.Account {
				o := overA(account(a))
				o.limits = func() mailbox.Limits { return lim }
				return o
			}
		}
		return openBroken(t, d, lim)
	}
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return openBroken(t, d, mailbox.Limits{}) }, &o)
}

var brokenOptions = mailboxtest.Options{
	Share: func(ctx context.Context, s mailbox.Store, owner, name, user string, rights mailbox.Rights) (string, error) {
		return "Other Users/" + owner + "/" + name, s.(brokenStore).Share(ctx, owner, name, user, rights)
	},
	Damage: func(_ testing.TB, s mailbox.Store, _, _ string, uid mailbox.UID) {
		s.(brokenStore).damaged.Store(uint32(uid))
	},
}

func (s brokenStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	if err != nil {
		return nil, err
	}
	if s.defect.account != nil {
		a = s.defect.account(a)
	}
	return brokenAccount{a, a.(mailbox.QuotaKeeper), a.(mailbox.Namespacer), s}, nil
}

type brokenAccount struct {
	mailbox.Account
	mailbox.QuotaKeeper
	mailbox.Namespacer
	store brokenStore
}

func (a brokenAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	if err != nil {
		return nil, err
	}
	if m.Info().Name == mailbox.Inbox {
		m = damageable(m, a.store.damaged)
	}
	if a.store.defect.box != nil {
		m = a.store.defect.box(a.Account, m)
	}
	return m, nil
}

// damageable yields an error in place of the damaged message.
func damageable(m mailbox.Mailbox, damaged *atomic.Uint32) mailbox.Mailbox {
	o := over(m)
	o.messages = func(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
		uid := mailbox.UID(damaged.Load())
		if uid == 0 || want&(mailbox.WantSummary|mailbox.WantContent) == 0 {
			return m.Messages(ctx, set, want)
		}
		return func(yield func(*mailbox.Message, error) bool) {
			for msg, err := range m.Messages(ctx, set, want) {
				if err == nil && msg.UID == uid {
					msg, err = nil, &mailbox.MessageError{UID: uid, Err: errors.New("damaged")}
				}
				if !yield(msg, err) {
					return
				}
			}
		}
	}
	return o
}

// replaceByTwo replaces by two calls.
type replaceByTwo struct{ mailbox.Mailbox }

func (r replaceByTwo) Replace(ctx context.Context, uid mailbox.UID, _ string, msg mailbox.Incoming) (mailbox.Result, error) {
	res, err := r.Append(ctx, msg)
	if err != nil {
		return res, err
	}
	gone, err := r.Expunge(ctx, mailbox.UIDSetOf(uid), mailbox.FlagSet{})
	if err == nil && gone.Len() == 0 {
		err = mailbox.ErrNotExist
	}
	res.Moved[0].Source = mailbox.UIDRange{First: uid, Last: uid}
	return res, err
}

// insider is a mailbox of another user as its owner has it.
type insider struct {
	mailbox.Mailbox
	info mailbox.Info
}

func (m insider) Info() mailbox.Info { return m.info }
