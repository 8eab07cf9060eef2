package main

import (
	"context"
	"errors"
	"io"
	"iter"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A storeSide is an account of a mailbox.Store.
type storeSide struct{ account mailbox.Account }

func (s storeSide) list(ctx context.Context) ([]info, error) {
	found, err := s.account.Mailboxes(ctx, mailbox.ListStatus)
	if err != nil {
		return nil, err
	}
	var foreign []string
	if n, ok := s.account.(mailbox.Namespacer); ok {
		spaces, err := n.Namespaces(ctx)
		if err != nil {
			return nil, err
		}
		foreign = append(spaces.OtherUsers, spaces.Shared...)
	}
	var out []info
	for _, m := range found {
		if m.NonExistent || within(m.Name, foreign) {
			continue
		}
		i := info{name: m.Name, use: m.SpecialUse, subscribed: m.Subscribed}
		if m.Status != nil {
			i.status = statusOf(*m.Status)
		}
		out = append(out, i)
	}
	return out, nil
}

func statusOf(s mailbox.Status) status {
	return status{s.UIDValidity, s.UIDNext, s.HighestModSeq, int(s.Messages)}
}

func (s storeSide) create(ctx context.Context, name string, use mailbox.SpecialUse) error {
	_, err := s.account.Create(ctx, name, &mailbox.CreateOptions{SpecialUse: use})
	return err
}

func (s storeSide) subscribe(ctx context.Context, name string, on bool) error {
	return s.account.Subscribe(ctx, name, on)
}

func (s storeSide) remove(ctx context.Context, name string) error { return s.account.Delete(ctx, name) }

func (s storeSide) open(ctx context.Context, name string, readOnly bool) (box, error) {
	m, err := s.account.Mailbox(ctx, name)
	if err != nil {
		return nil, err
	}
	st, err := m.Status(ctx)
	return storeBox{m, statusOf(st)}, err
}

func (s storeSide) failed() bool { return false }
func (s storeSide) close()       {}

// A storeBox is a mailbox of a mailbox.Store.
type storeBox struct {
	m  mailbox.Mailbox
	st status
}

func (b storeBox) status() status { return b.st }

func (b storeBox) uids(ctx context.Context) (mailbox.UIDSet, error) {
	snap, err := b.m.Snapshot(ctx)
	return snap.UIDs, err
}

func (b storeBox) entries(ctx context.Context, set mailbox.UIDSet, sizes bool) iter.Seq2[mailbox.Entry, error] {
	want := mailbox.WantFlags
	if sizes {
		want = mailbox.WantEntry
	}
	return func(yield func(mailbox.Entry, error) bool) {
		for m, err := range b.m.Messages(ctx, set, want) {
			if m == nil {
				if !yield(mailbox.Entry{}, err) {
					return
				}
			} else if !yield(m.Entry, err) {
				return
			}
		}
	}
}

func (b storeBox) messages(ctx context.Context, set mailbox.UIDSet) iter.Seq2[*original, error] {
	return func(yield func(*original, error) bool) {
		for m, err := range b.m.Messages(ctx, set, mailbox.WantEntry|mailbox.WantContent) {
			var damaged *mailbox.MessageError
			switch {
			case errors.As(err, &damaged):
				if !yield(&original{Entry: mailbox.Entry{UID: damaged.UID}}, err) {
					return
				}
			case err != nil:
				yield(nil, err)
				return
			case !yield(&original{m.Entry, newContentBody(m.Content)}, nil):
				return
			}
		}
	}
}

func (b storeBox) append(ctx context.Context, msgs []mailbox.Incoming) ([]mailbox.UID, map[int]error, error) {
	r, err := b.m.Append(ctx, msgs...)
	if err == nil {
		uids := make([]mailbox.UID, 0, len(msgs))
		for uid := range r.DestUIDs().All() {
			uids = append(uids, uid)
		}
		return uids, nil, nil
	}
	if !errors.Is(err, mailbox.ErrTooLarge) {
		return nil, nil, err
	}
	if len(msgs) == 1 {
		return make([]mailbox.UID, 1), map[int]error{0: err}, nil
	}
	return oneByOne(ctx, b, msgs)
}

// oneByOne appends messages of which one is refused, and all the others with it.
func oneByOne(ctx context.Context, b box, msgs []mailbox.Incoming) ([]mailbox.UID, map[int]error, error) {
	rewind(msgs)
	uids, refused := make([]mailbox.UID, len(msgs)), map[int]error{}
	for i := range msgs {
		uid, no, err := b.append(ctx, msgs[i:i+1])
		if err != nil {
			return uids, refused, err
		}
		uids[i] = uid[0]
		if no[0] != nil {
			refused[i] = no[0]
		}
	}
	return uids, refused, nil
}

func (b storeBox) setFlags(ctx context.Context, set mailbox.UIDSet, change mailbox.FlagChange) error {
	_, err := b.m.SetFlags(ctx, set, change)
	return err
}

func (b storeBox) expunge(ctx context.Context, set mailbox.UIDSet) error {
	_, err := b.m.Expunge(ctx, set, mailbox.FlagSet{})
	return err
}

func (b storeBox) storable(flags mailbox.FlagSet) mailbox.FlagSet { return flags }
func (b storeBox) settle(ctx context.Context) error               { return nil }

// A contentBody reads a Content from its beginning.
type contentBody struct {
	*io.SectionReader
	c mailbox.Content
}

func newContentBody(c mailbox.Content) contentBody {
	return contentBody{io.NewSectionReader(c, 0, c.Size()), c}
}

// WriteTo writes all of it, in the way that is fastest for the store.
func (b contentBody) WriteTo(w io.Writer) (int64, error) {
	if wt, ok := b.c.(io.WriterTo); ok {
		return wt.WriteTo(w)
	}
	return io.Copy(w, struct{ io.Reader }{b.SectionReader})
}
