package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// An imapSide is an account of an IMAP server.
type imapSide struct {
	c       *imapclient.Client
	sep     byte
	prefix  string   // of the personal namespace, such as "INBOX."
	foreign []string // prefixes of other namespaces
}

func newIMAPSide(ctx context.Context, c *imapclient.Client) (*imapSide, error) {
	s := &imapSide{c: c, sep: '/'}
	if !c.Capabilities().Has(imap.CapNamespace) {
		top, err := c.List(ctx, &imapclient.ListOptions{Patterns: []string{"INBOX"}})
		if err == nil && len(top) > 0 && top[0].Separator != 0 {
			s.sep = top[0].Separator
		}
		return s, err
	}
	spaces, err := c.Namespace(ctx)
	if err != nil {
		return nil, err
	}
	for i, n := range spaces.Personal {
		if i == 0 {
			s.prefix = n.Prefix
			if n.Separator != 0 {
				s.sep = n.Separator
			}
		}
	}
	for _, n := range slices.Concat(spaces.OtherUsers, spaces.Shared) {
		if n.Prefix != "" {
			s.foreign = append(s.foreign, n.Prefix)
		}
	}
	return s, nil
}

// within reports whether a name is below one of the prefixes, or is one without
// its separator.
func within(name string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool {
		return strings.HasPrefix(name, p) || len(p) > 0 && name == p[:len(p)-1]
	})
}

// local turns the server's name of a mailbox into ours.
func (s *imapSide) local(name string) string {
	if strings.EqualFold(name, mailbox.Inbox) {
		return mailbox.Inbox
	}
	return mailbox.CanonicalName(s.swap(strings.TrimPrefix(name, s.prefix)))
}

// remote is the reverse of local.
func (s *imapSide) remote(name string) string {
	if name == mailbox.Inbox {
		return name
	}
	return s.prefix + s.swap(name)
}

// swap exchanges "/" and the server's separator, so that different names stay
// different.
func (s *imapSide) swap(name string) string {
	return strings.Map(func(r rune) rune {
		switch r {
		case '/':
			return rune(s.sep)
		case rune(s.sep):
			return '/'
		}
		return r
	}, name)
}

func (s *imapSide) list(ctx context.Context) ([]info, error) {
	items := []imap.StatusItem{imap.StatusMessages, imap.StatusUIDNext, imap.StatusUIDValidity}
	if s.c.Capabilities().Has(imap.CapCondStore) {
		items = append(items, imap.StatusHighestModSeq)
	}
	entries, err := s.c.List(ctx, &imapclient.ListOptions{Status: items})
	if err != nil && len(entries) == 0 {
		return nil, err
	}
	subscribed := map[string]bool{}
	if !s.c.Capabilities().Has(imap.CapListExtended) {
		names, err := s.c.List(ctx, &imapclient.ListOptions{Subscribed: true})
		if err != nil {
			return nil, err
		}
		for _, e := range names {
			subscribed[e.Name] = true
		}
	}
	var out []info
	for _, e := range entries {
		if !e.Selectable() || within(e.Name, s.foreign) {
			continue
		}
		i := info{name: s.local(e.Name), subscribed: e.Has(imap.AttrSubscribed) || subscribed[e.Name]}
		if !e.Guessed {
			i.use = e.Use
		}
		if d := e.Status; d != nil {
			i.status = status{validity: d.UIDValidity, next: d.UIDNext}
			if d.Messages != nil {
				i.status.messages = int(*d.Messages)
			}
			if d.HighestModSeq != nil {
				i.status.modSeq = *d.HighestModSeq
			}
		}
		out = append(out, i)
	}
	return out, nil
}

func (s *imapSide) create(ctx context.Context, name string, use mailbox.SpecialUse) error {
	if use != 0 && s.c.Capabilities().Has(imap.CapCreateSpecialUse) {
		err := s.c.Create(ctx, s.remote(name), use)
		var refused *imap.Error
		if err == nil || errors.Is(err, mailbox.ErrExist) || !errors.As(err, &refused) {
			return err
		}
		// The role is refused (RFC 6154 §3, USEATTR): better without it.
	}
	return s.c.Create(ctx, s.remote(name))
}

func (s *imapSide) subscribe(ctx context.Context, name string, on bool) error {
	if on {
		return s.c.Subscribe(ctx, s.remote(name))
	}
	return s.c.Unsubscribe(ctx, s.remote(name))
}

func (s *imapSide) remove(ctx context.Context, name string) error {
	return s.c.Delete(ctx, s.remote(name))
}

func (s *imapSide) open(ctx context.Context, name string, readOnly bool) (box, error) {
	m, err := s.c.Select(ctx, s.remote(name), &imapclient.SelectOptions{ReadOnly: readOnly})
	if err != nil {
		return nil, err
	}
	return &imapBox{m}, nil
}

func (s *imapSide) failed() bool { return s.c.Err() != nil }

func (s *imapSide) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	s.c.Logout(ctx)
}

// An imapBox is a selected mailbox.
type imapBox struct{ m *imapclient.Mailbox }

func (b *imapBox) status() status {
	i := b.m.Info()
	return status{i.UIDValidity, i.UIDNext, i.HighestModSeq, i.Exists}
}

func (b *imapBox) uids(ctx context.Context) (mailbox.UIDSet, error) {
	if _, err := b.m.Poll(ctx); err != nil {
		return mailbox.UIDSet{}, err
	}
	set, err := b.m.UIDs(ctx)
	return set.Clone(), err
}

func (b *imapBox) entries(ctx context.Context, set mailbox.UIDSet, sizes bool) iter.Seq2[mailbox.Entry, error] {
	want := imapclient.Flags
	if sizes {
		want |= imapclient.Size
	}
	return func(yield func(mailbox.Entry, error) bool) {
		for m, err := range b.m.Fetch(ctx, imapclient.UIDSet(set), want) {
			if m == nil {
				yield(mailbox.Entry{}, err)
				return
			}
			if !yield(m.Entry, err) {
				return
			}
		}
	}
}

func (b *imapBox) messages(ctx context.Context, set mailbox.UIDSet) iter.Seq2[*original, error] {
	return func(yield func(*original, error) bool) {
		for m, err := range b.m.Fetch(ctx, imapclient.UIDSet(set), imapclient.Flags|imapclient.Date|imapclient.Size, imapclient.Whole()) {
			if m == nil {
				yield(nil, err)
				return
			}
			if !yield(&original{m.Entry, m.Body()}, err) {
				return
			}
		}
	}
}

func (b *imapBox) append(ctx context.Context, msgs []mailbox.Incoming) ([]mailbox.UID, map[int]error, error) {
	c := b.m.Client()
	uids, refused := make([]mailbox.UID, len(msgs)), map[int]error{}
	if c.Capabilities().Has(imap.CapMultiAppend) && len(msgs) > 1 {
		done, err := c.Append(ctx, b.m.Name(), msgs...)
		if err == nil {
			if len(done.UIDs) == len(msgs) {
				copy(uids, done.UIDs)
			}
			return uids, nil, nil
		}
		if !isRefusal(c, err) {
			return uids, nil, err
		}
		rewind(msgs) // all or none: find out which are refused
	}
	i := 0
	seq := func(yield func(mailbox.Incoming, error) bool) {
		for _, m := range msgs {
			if !yield(m, nil) {
				return
			}
		}
	}
	for uid, err := range c.AppendSeq(ctx, b.m.Name(), seq) {
		if err != nil {
			if !isRefusal(c, err) {
				return uids, refused, err
			}
			refused[i] = err
		}
		uids[i] = uid
		i++
	}
	if i < len(msgs) {
		return uids, refused, fmt.Errorf("the server has answered for %d messages of %d", i, len(msgs))
	}
	return uids, refused, nil
}

// isRefusal reports whether an error is about a message, and others may be taken.
func isRefusal(c *imapclient.Client, err error) bool {
	var no *imap.Error
	return c.Err() == nil && !errors.Is(err, mailbox.ErrOverQuota) && !errors.Is(err, mailbox.ErrNotExist) &&
		(errors.As(err, &no) || errors.Is(err, mailbox.ErrTooLarge))
}

func (b *imapBox) setFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) error {
	_, err := b.m.Store(ctx, imapclient.UIDSet(set), change)
	return err
}

func (b *imapBox) expunge(ctx context.Context, set mailbox.UIDSet) error {
	_, err := b.m.Delete(ctx, imapclient.UIDSet(set))
	return err
}

// storable leaves out keywords that the server does not keep (RFC 9051 §7.1,
// PERMANENTFLAGS).
func (b *imapBox) storable(flags mailbox.FlagSet) mailbox.FlagSet {
	i := b.m.Info()
	if i.NewKeywords || i.PermanentFlags.IsEmpty() || i.PermanentFlags.HasAll(flags) {
		return flags
	}
	return flags.Without(flags.Without(i.PermanentFlags))
}

// settled is how long nothing must arrive before what was sent on a connection
// that no longer exists counts as done.
const settled = time.Second

// settle waits until nothing arrives any more: the server may still be working on
// what it had received when the connection broke.
func (b *imapBox) settle(ctx context.Context) error {
	for quiet := time.Duration(0); quiet < settled; quiet += settled / 5 {
		before := b.m.Exists()
		select {
		case <-time.After(settled / 5):
		case <-ctx.Done():
			return ctx.Err()
		}
		if _, err := b.m.Poll(ctx); err != nil {
			return err
		}
		if b.m.Exists() != before {
			quiet = 0
		}
	}
	return nil
}
