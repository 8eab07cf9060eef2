package imapclient_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A worker uses a Mailbox that others use at the same time, and compares all it gets
// with the model.
type worker struct {
	t    *testing.T
	rnd  *rand.Rand
	id   int
	m    *model
	c    *imapclient.Client
	box  *imapclient.Mailbox
	mine mailbox.UIDSet // messages that have the worker's keyword
	ctx  context.Context
}

func (w *worker) body(uid mailbox.UID) string {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	return w.m.boxes["INBOX"].ever[uid]
}

// alive returns the messages that the client can know of.
func (w *worker) alive() mailbox.UIDSet {
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	return w.m.boxes["INBOX"].uids().Intersect(mailbox.UIDSetOf(w.m.last.view...))
}

// some returns a few messages.
func (w *worker) some() mailbox.UIDSet {
	all := w.alive()
	var out mailbox.UIDSet
	for range 1 + w.rnd.IntN(8) {
		out.Add(all.At(w.rnd.IntN(all.Len())))
	}
	return out
}

// gone requires that all of the messages have been expunged.
func (w *worker) gone(set mailbox.UIDSet) {
	require.Empty(w.t, set.Intersect(w.alive()).String())
}

func (w *worker) keyword() mailbox.Flag { return mailbox.Flag(fmt.Sprint("worker", w.id)) }

// ok requires that there is no error.
func (w *worker) ok(err error) { require.NoError(w.t, err) }

func (w *worker) summaries() {
	set, seen := w.some(), mailbox.UIDSet{}
	if w.rnd.IntN(3) == 0 {
		known, err := w.box.UIDs(w.ctx) // of many, the client asks for those that it has been told of
		w.ok(err)
		set = w.alive().Intersect(known)
	}
	for msg, err := range w.box.Fetch(w.ctx, imapclient.UIDSet(set), imapclient.Envelope|imapclient.Size) {
		w.ok(err)
		require.True(w.t, set.Contains(msg.UID))
		require.False(w.t, seen.Contains(msg.UID))
		seen.Add(msg.UID)
		require.Equal(w.t, fmt.Sprint("INBOX ", msg.UID), msg.Subject())
		require.Equal(w.t, int64(len(w.body(msg.UID))), msg.Entry.Size)
		if w.rnd.IntN(8) == 0 {
			w.any(2)
		}
		if w.rnd.IntN(30) == 0 {
			return // leaves the loop
		}
	}
	w.gone(set.Subtract(seen))
}

func (w *worker) bodies() {
	set, seen := w.some(), mailbox.UIDSet{}
	items := []imapclient.Item{imapclient.Whole(), imapclient.Header(), imapclient.Part(1)}
	w.rnd.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
	items = items[:1+w.rnd.IntN(3)]
	for msg, err := range w.box.Fetch(w.ctx, imapclient.UIDSet(set), items...) {
		w.ok(err)
		seen.Add(msg.UID)
		want := w.body(msg.UID)
		head, text, _ := strings.Cut(want, "\r\n\r\n")
		for _, it := range items {
			b, err := msg.Body(it.(imapclient.Section)).Bytes(1 << 20)
			w.ok(err)
			switch { // by value: Sections can't be compared
			case fmt.Sprint(it) == fmt.Sprint(imapclient.Header()):
				require.Equal(w.t, head+"\r\n\r\n", string(b))
			case fmt.Sprint(it) == fmt.Sprint(imapclient.Part(1)):
				require.Equal(w.t, text, string(b))
			default:
				require.Equal(w.t, want, string(b))
			}
		}
		if w.rnd.IntN(4) == 0 {
			w.any(2)
		}
	}
	w.gone(set.Subtract(seen))
}

// flags changes the worker's keyword, which nobody else does, and looks at it.
func (w *worker) flags() {
	set := w.some()
	if w.rnd.IntN(2) == 0 {
		w.ok(w.box.AddFlags(w.ctx, imapclient.UIDSet(set), w.keyword()))
		w.mine = w.mine.Union(set)
	} else {
		w.ok(w.box.RemoveFlags(w.ctx, imapclient.UIDSet(set), w.keyword()))
		w.mine = w.mine.Subtract(set)
	}
	seen := mailbox.UIDSet{}
	items := imapclient.Flags
	if w.rnd.IntN(2) == 0 {
		items |= imapclient.Size
	}
	set = set.Union(w.some())
	for msg, err := range w.box.Fetch(w.ctx, imapclient.UIDSet(set), items) {
		w.ok(err)
		seen.Add(msg.UID)
		require.Equal(w.t, items, msg.Has&items)
		require.Equal(w.t, w.mine.Contains(msg.UID), msg.Entry.Flags.Has(w.keyword()), "%d: %v", msg.UID, msg.Entry.Flags)
	}
	w.gone(set.Subtract(seen))
}

func (w *worker) search() {
	found, err := w.box.Search(w.ctx, search.Keyword(w.keyword()), nil)
	w.ok(err)
	require.Empty(w.t, found.UIDs.Subtract(w.mine).String())
	w.gone(w.mine.Subtract(found.UIDs))
	set := w.some()
	found, err = w.box.Search(w.ctx, search.All{}, &imapclient.SearchOptions{In: imapclient.UIDSet(set)})
	w.ok(err)
	require.Empty(w.t, found.UIDs.Subtract(set).String())
	w.gone(set.Subtract(found.UIDs))
}

// copies copies to a mailbox of the worker's own.
func (w *worker) copies() {
	dest := fmt.Sprint("copies", w.id)
	before, err := w.c.Status(w.ctx, dest)
	w.ok(err)
	set := w.some()
	copied, err := w.box.Copy(w.ctx, imapclient.UIDSet(set), dest)
	w.ok(err)
	n := 0
	w.m.mu.Lock()
	for _, r := range copied.Moved {
		for i := range r.Source.Len() {
			n++
			require.Equal(w.t, w.m.boxes["INBOX"].ever[r.Source.First+mailbox.UID(i)], w.m.boxes[dest].ever[r.Dest.First+mailbox.UID(i)])
		}
	}
	w.m.mu.Unlock()
	after, err := w.c.Status(w.ctx, dest)
	w.ok(err)
	require.Equal(w.t, *before.Messages+uint32(n), *after.Messages)
}

func (w *worker) appends() {
	dest := fmt.Sprint("copies", w.id)
	text := fmt.Sprintf("Subject: %d\r\n\r\n%d", w.id, w.rnd.Int())
	stored, err := w.c.Append(w.ctx, dest, mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	w.ok(err)
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	require.Equal(w.t, text, w.m.boxes[dest].ever[stored.UIDs[0]])
}

func (w *worker) lists() {
	names, err := w.c.List(w.ctx, nil)
	w.ok(err)
	w.m.mu.Lock()
	defer w.m.mu.Unlock()
	require.Len(w.t, names, len(w.m.boxes))
	for _, e := range names {
		require.NotNil(w.t, w.m.boxes[e.Name])
	}
}

func (w *worker) uids() {
	before := w.alive()
	uids, err := w.box.UIDs(w.ctx)
	w.ok(err)
	w.gone(before.Intersect(mailbox.UIDRangeSet(1, uids.Max())).Subtract(uids))
	for uid := range uids.All() {
		require.NotEmpty(w.t, w.body(uid))
	}
}

func (w *worker) polls() {
	_, err := w.box.Poll(w.ctx)
	w.ok(err)
}

// any does one thing, in which others may be nested.
func (w *worker) any(depth int) {
	all := []func(){w.summaries, w.bodies, w.flags, w.search, w.copies, w.appends, w.lists, w.uids, w.polls}
	if depth > 1 {
		all = all[2:]
	}
	all[w.rnd.IntN(len(all))]()
}

// TestModel: whatever is in flight together, each call gets its own answer.
func TestModel(t *testing.T) {
	rounds, steps := 12, 40
	if testing.Short() {
		rounds, steps = 3, 20
	}
	for round := range rounds {
		caps := []string{"", " ESEARCH UIDPLUS LITERAL+", " ESEARCH MOVE", " UIDPLUS LITERAL-"}[round%4]
		t.Run(fmt.Sprint(round, caps), func(t *testing.T) {
			m := newModel(caps)
			m.rnd = rand.New(rand.NewPCG(uint64(round), 1))
			m.fill("INBOX", 150)
			for id := range 8 {
				m.fill(fmt.Sprint("copies", id), 0)
			}
			c, err := imapclient.NewClient(t.Context(), m.dial(), &imapclient.Options{Limits: imapclient.Limits{Batch: 20, Window: 64 << 10}})
			require.NoError(t, err)
			defer c.Close()
			box, err := c.Select(t.Context(), "INBOX", nil)
			require.NoError(t, err)
			var all sync.WaitGroup
			for id := range 8 {
				w := &worker{t: t, rnd: rand.New(rand.NewPCG(uint64(round), uint64(id+2))), id: id, m: m, c: c, box: box, ctx: t.Context()}
				all.Go(func() {
					for range steps {
						w.any(0)
					}
				})
			}
			all.Wait()
			require.NoError(t, c.Noop(t.Context()))
			require.Zero(t, c.Held())
		})
	}
}
