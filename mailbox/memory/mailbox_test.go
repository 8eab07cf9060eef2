package memory

import (
	"math/rand/v2"
	"runtime"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func openInbox(t testing.TB, opts *Options) *boxHandle {
	t.Helper()
	s := New(opts)
	t.Cleanup(func() { s.Close() })
	require.NoError(t, s.CreateAccount(t.Context(), "alice"))
	a, err := s.Account(t.Context(), "alice")
	require.NoError(t, err)
	m, err := a.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	return m.(*boxHandle)
}

// grow adds n messages to the mailbox.
func grow(t testing.TB, m *boxHandle, n int) {
	t.Helper()
	put, err := m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("Subject: x\r\n\r\nbody\r\n"), Size: mailbox.SizeUnknown})
	require.NoError(t, err)
	for have := 1; have < n; {
		more := min(have, n-have)
		res, err := m.Copy(t.Context(), mailbox.UIDRangeSet(put.DestUIDs().Min(), put.DestUIDs().Min()+mailbox.UID(more)-1), "INBOX")
		require.NoError(t, err)
		have += res.Len()
	}
}

// requireSound checks the invariants of a mailbox.
func requireSound(t testing.TB, h *boxHandle) {
	t.Helper()
	m := h.box
	var last mailbox.UID
	var messages, unseen, flaggedDeleted, words int
	var firstUnseen mailbox.UID
	var size int64
	refs := map[*keywordSet]int{}
	for _, c := range m.chunks {
		require.NotEmpty(t, c.entries)
		require.LessOrEqual(t, len(c.entries), chunkSize)
		chunkUnseen := 0
		for i := range c.entries {
			e := &c.entries[i]
			require.Greater(t, e.uid, last)
			last = e.uid
			require.LessOrEqual(t, e.modSeq, c.modSeq)
			messages++
			size += e.body.size
			flaggedDeleted += bit(e.system, mailbox.SystemDeleted)
			if e.system&mailbox.SystemSeen == 0 {
				chunkUnseen++
				if firstUnseen == 0 {
					firstUnseen = e.uid
				}
			}
			if e.keywords != nil {
				refs[e.keywords]++
			}
		}
		require.Equal(t, chunkUnseen, c.unseen)
		require.LessOrEqual(t, c.modSeq, m.modSeq)
		unseen += chunkUnseen
		for _, e := range c.entries[len(c.entries):cap(c.entries)] {
			require.Nil(t, e.body, "what is removed is let go of")
		}
	}
	require.Less(t, last, m.uidNext)
	require.Equal(t, []any{messages, unseen, flaggedDeleted, firstUnseen, size},
		[]any{m.messages, m.unseen, m.flaggedDeleted, m.firstUnseen, m.size})
	require.EqualValues(t, messages, h.messages)
	require.Equal(t, size, h.size)
	for s, n := range refs {
		require.Equal(t, n, s.refs)
		require.Same(t, s, m.keywordSets[s.key])
		words += len(s.flags)
	}
	require.Len(t, m.keywordSets, len(refs))
	for _, k := range m.keywords {
		words -= k.refs
	}
	require.Zero(t, words)
	require.True(t, slices.IsSortedFunc(m.vanished, func(a, b vanished) int { return int(a.modSeq) - int(b.modSeq) }))
}

// TestChunks makes random changes to a mailbox of many chunks.
func TestChunks(t *testing.T) {
	rng := rand.New(rand.NewPCG(8, 15))
	h := openInbox(t, &Options{MaxVanished: 50})
	ctx := t.Context()
	want := mailbox.UIDSet{}
	words := []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDeleted, "a", "b", "C"}
	for step := range 400 {
		first := mailbox.UID(rng.IntN(int(h.box.uidNext) + 1))
		set := mailbox.UIDRangeSet(first, first+mailbox.UID(rng.IntN(800)))
		if rng.IntN(3) == 0 { // many small holes
			var holes mailbox.UIDSet
			for uid := range set.All() {
				if uid%3 == 0 {
					holes.Add(uid)
				}
			}
			set = holes
		}
		switch op := rng.IntN(10); {
		case op < 2 || h.box.messages == 0:
			next := h.box.uidNext
			grow(t, h, 1+rng.IntN(700))
			want.AddRange(next, h.box.uidNext-1)
		case op < 5:
			res, err := h.Expunge(ctx, set, mailbox.FlagSet{})
			require.NoError(t, err)
			require.Equal(t, want.Intersect(set).String(), res.SourceUIDs().String())
			want = want.Subtract(set).Clone()
		case op < 6:
			res, err := h.Move(ctx, set, "INBOX")
			require.NoError(t, err)
			want = want.Subtract(set).Union(res.DestUIDs())
		default:
			change := mailbox.FlagChange{Op: mailbox.FlagOp(rng.IntN(3)), Flags: mailbox.NewFlagSet(words[rng.IntN(5)], words[rng.IntN(5)])}
			res, err := h.SetFlags(ctx, set, change)
			require.NoError(t, err)
			require.Equal(t, res.Changed.String(), res.Changed.Intersect(want.Intersect(set)).String())
		}
		snap, err := h.Snapshot(ctx)
		require.NoError(t, err)
		require.Equal(t, want.String(), snap.UIDs.String())
		if step%10 == 0 {
			requireSound(t, h)
			var seen mailbox.UIDSet
			for msg, err := range h.Messages(ctx, set, mailbox.WantEntry) {
				require.NoError(t, err)
				seen.Add(msg.UID)
			}
			require.Equal(t, want.Intersect(set).String(), seen.String())
		}
	}
	require.LessOrEqual(t, len(h.box.vanished), 50)
	_, err := h.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	requireSound(t, h)
	require.Empty(t, h.box.chunks)
}

func TestForgetsTheOldest(t *testing.T) {
	h := openInbox(t, &Options{MaxVanished: 10})
	grow(t, h, 40)
	ctx := t.Context()
	var modSeqs []mailbox.ModSeq
	for uid := mailbox.UID(1); uid <= 30; uid += 2 {
		res, err := h.Expunge(ctx, mailbox.UIDSetOf(uid), mailbox.FlagSet{})
		require.NoError(t, err)
		modSeqs = append(modSeqs, res.Steps[0].To)
	}
	// Remembered expunges are exact; otherwise Vanished is as large as possible.
	ch, err := h.Changes(ctx, mailbox.State{ModSeq: modSeqs[len(modSeqs)-3], UIDNext: 41})
	require.NoError(t, err)
	require.Equal(t, "27,29", ch.Vanished.String())
	ch, err = h.Changes(ctx, mailbox.State{ModSeq: modSeqs[0], UIDNext: 41})
	require.NoError(t, err)
	require.Equal(t, "1,3,5,7,9,11,13,15,17,19,21,23,25,27,29", ch.Vanished.String())
	require.LessOrEqual(t, len(h.box.vanished), 10)
}

func TestEntryIsSmall(t *testing.T) {
	require.LessOrEqual(t, unsafe.Sizeof(entry{}), uintptr(56), "as the package comment says")
}

func TestMessagesAllocates(t *testing.T) {
	h := openInbox(t, nil)
	grow(t, h, 20_000)
	_, err := h.SetFlags(t.Context(), mailbox.UIDRangeSet(5000, 10_000), mailbox.FlagChange{Flags: mailbox.NewFlagSet("word", mailbox.FlagSeen)})
	require.NoError(t, err)
	require.Less(t, testing.AllocsPerRun(3, func() {
		for _, err := range h.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantSummary|mailbox.WantContent) {
			if err != nil {
				t.Fatal(err)
			}
		}
	}), 20.0, "not for each message")
}

func TestUIDsRunOut(t *testing.T) {
	h := openInbox(t, nil)
	grow(t, h, 4)
	h.box.uidNext = mailbox.MaxUID - 2
	_, err := h.Copy(t.Context(), mailbox.UIDRangeSet(1, 3), "INBOX")
	require.ErrorIs(t, err, mailbox.ErrLimit)
	grow(t, h, 2)
	require.Equal(t, mailbox.MaxUID, h.box.uidNext)
	_, err = h.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader(""), Size: 0})
	require.ErrorIs(t, err, mailbox.ErrLimit)
	n := 0
	for _, err := range h.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantEntry) {
		require.NoError(t, err)
		n++
	}
	require.Equal(t, 6, n)
	requireSound(t, h)
}

func TestClosed(t *testing.T) {
	h := openInbox(t, nil)
	_, err := h.Status(t.Context())
	require.NoError(t, err)
	events, err := h.Watch(t.Context())
	require.NoError(t, err)
	require.NoError(t, h.store.Close())
	require.NoError(t, h.store.Close())
	_, ok := <-events
	require.False(t, ok)
	_, err = h.Status(t.Context())
	require.ErrorIs(t, err, mailbox.ErrClosed)
	_, err = h.Watch(t.Context())
	require.ErrorIs(t, err, mailbox.ErrClosed)

	h = openInbox(t, nil)
	require.NoError(t, h.handle.Close())
	_, err = h.Status(t.Context())
	require.ErrorIs(t, err, mailbox.ErrClosed, "the handle is closed")
}

// TestMillion keeps a million messages within a fixed amount of memory, and reads
// them without further memory.
func TestMillion(t *testing.T) {
	if testing.Short() {
		t.Skip("with -short")
	}
	const n = 1_000_000
	heap := func() int64 {
		runtime.GC()
		var ms runtime.MemStats
		runtime.ReadMemStats(&ms)
		return int64(ms.HeapAlloc)
	}
	before := heap()
	h := openInbox(t, nil)
	grow(t, h, n)
	each := float64(heap()-before) / n
	t.Logf("%.1f octets of heap for each of %d entries", each, n)
	require.Less(t, each, 58.0)

	got := 0
	require.Less(t, testing.AllocsPerRun(1, func() {
		for _, err := range h.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantEntry) {
			if err != nil {
				t.Fatal(err)
			}
			got++
		}
	}), 20.0)
	require.Equal(t, 2*n, got) // AllocsPerRun runs once more to warm up
	snap, err := h.Snapshot(t.Context())
	require.NoError(t, err)
	require.Equal(t, "1:1000000", snap.UIDs.String())
}
