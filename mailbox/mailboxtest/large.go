package mailboxtest

import (
	"runtime"
	"runtime/metrics"
	"strconv"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// testListStatus asks for the counters of many mailboxes in one call.
func testListStatus(t *testing.T, f *fixture) {
	f.subscribeTo(t, "nowhere")
	for i := range 30 {
		fill(t, f.box(t, "box"+strconv.Itoa(i)), i%4, mailbox.FlagSeen)
		fill(t, f.box(t, "box"+strconv.Itoa(i)), i%3, mailbox.FlagDeleted)
	}
	list, err := f.Mailboxes(f.ctx, mailbox.ListStatus)
	require.NoError(t, err)
	require.Len(t, list, 32)
	for _, info := range list {
		if info.NonExistent {
			require.Nil(t, info.Status)
			continue
		}
		require.NotNil(t, info.Status, info.Name)
		f.sameListed(t, status(t, f.box(t, info.Name)), *info.Status)
	}
}

// sameListed checks the counters of a list.
func (s *suite) sameListed(t testing.TB, want, got mailbox.Status) {
	t.Helper()
	if s.lacks(LackCounters) {
		require.Contains(t, []mailbox.UID{0, want.FirstUnseen}, got.FirstUnseen)
		require.Contains(t, []uint32{0, want.Deleted}, got.Deleted)
		require.Contains(t, []int64{0, want.Size}, got.Size)
		require.LessOrEqual(t, got.HighestModSeq, want.HighestModSeq)
		want.FirstUnseen, want.Deleted, want.Size, want.HighestModSeq = got.FirstUnseen, got.Deleted, got.Size, got.HighestModSeq
	}
	require.Equal(t, want, got)
}

// testLarge calls what touches all messages of a large mailbox, and checks that
// none of it needs memory that grows with the mailbox, or holds up the writes
// of another account.
func testLarge(t *testing.T, f *fixture) {
	limit := int64(8 << 20) // for any number of messages
	if f.lacks(LackOwnHeap) {
		limit *= 3 // what the server holds counts, too
	}
	n := 100_000
	if testing.Short() {
		n = 20_000
	}
	m := f.box(t, "INBOX")
	grow(t, m, text("large"), n)
	require.NoError(t, f.create("bob"))
	bob := f.empty(t, f.store)
	bob.Account = f.account(t, "bob")
	inbox := bob.box(t, "INBOX")
	all := mailbox.AllUIDs()
	flags := mailbox.NewFlagSet(mailbox.FlagSeen, "Word")
	set := func(op mailbox.FlagOp) mailbox.FlagResult {
		res, err := m.SetFlags(f.ctx, all, mailbox.FlagChange{Op: op, Flags: flags})
		require.NoError(t, err)
		require.Equal(t, n, res.Changed.Len())
		return res
	}
	set(mailbox.FlagsAdd) // what is allocated once is allocated now

	before := status(t, m)
	grew := heapGrowth(func() { set(mailbox.FlagsRemove) })
	require.Less(t, grew, limit, "SetFlags of %d messages", n)
	require.EqualValues(t, n, status(t, m).Unseen)
	grew = heapGrowth(func() {
		require.Equal(t, n, changesSince(t, m, before.State()).Changed.Len())
		require.Equal(t, n, changesSince(t, m, mailbox.State{}).New.Len())
	})
	require.Less(t, grew, limit, "Changes of %d messages", n)
	if f.lacks(LackOwnHeap) {
		base, step := liveHeap(), 0
		for _, err := range m.Messages(f.ctx, all, mailbox.WantEntry|mailbox.WantSummary) {
			require.NoError(t, err)
			if step++; step%(n/20) == 0 {
				require.Less(t, liveHeap()-base, limit, "Messages of %d messages", n)
			}
		}
	}
	grew = heapGrowth(func() {
		for _, err := range m.Messages(f.ctx, all, mailbox.WantEntry|mailbox.WantSummary) {
			if err != nil {
				t.Error(err)
				return
			}
		}
	})
	if !f.lacks(LackOwnHeap) {
		require.Less(t, grew, limit, "Messages of %d messages", n)
	}
	list, err := f.Mailboxes(f.ctx, mailbox.ListStatus)
	require.NoError(t, err)
	f.sameListed(t, status(t, m), *list[0].Status)

	// The call is seen to be done in slices, between which others can write; or
	// another account appends meanwhile, mostly: a few of its calls may return
	// after the start is told and before the end is.
	const attempts = 10
	passed := 0
	for attempt := range attempts {
		res, appended := setAndAppend(t, m, inbox, mailbox.FlagChange{Op: mailbox.FlagOp(attempt % 2), Flags: flags})
		if res.Steps[len(res.Steps)-1].To-res.Steps[0].From > 3 {
			passed = attempts
			break
		}
		if appended > 3 {
			passed++
		}
	}
	require.GreaterOrEqual(t, passed, attempts/2, "SetFlags of %d messages holds up the writes of another account", n)
	grew = heapGrowth(func() {
		res, err := m.Expunge(f.ctx, all, mailbox.FlagSet{})
		require.NoError(t, err)
		require.Equal(t, n, res.Len())
	})
	require.Less(t, grew, limit, "Expunge of %d messages", n)
	require.Zero(t, requireStatus(t, m).Messages)
}

// setAndAppend changes the flags of all messages of a mailbox, and returns how
// often it has appended to another meanwhile.
func setAndAppend(t *testing.T, m, other mailbox.Mailbox, change mailbox.FlagChange) (res mailbox.FlagResult, appended int) {
	t.Helper()
	var started, done atomic.Bool
	w := workers{t: t}
	w.do(func() (err error) {
		defer done.Store(true)
		started.Store(true)
		res, err = m.SetFlags(t.Context(), mailbox.AllUIDs(), change)
		return err
	})
	for !started.Load() {
		runtime.Gosched()
	}
	for !done.Load() {
		_, err := other.Append(t.Context(), draft("meanwhile"))
		require.NoError(t, err)
		if !done.Load() {
			appended++
		}
	}
	w.wait()
	return res, appended
}

// heapGrowth returns by how much the live heap is larger at most, while f runs,
// than it was before.
func heapGrowth(f func()) int64 {
	base := liveHeap()
	stop, most := make(chan struct{}), make(chan int64)
	go func() {
		peak := int64(0)
		for {
			select {
			case <-stop:
				most <- peak
				return
			case <-time.After(time.Millisecond):
				peak = max(peak, liveHeap())
			}
		}
	}()
	f()
	close(stop)
	return <-most - base
}

// liveHeap returns the size of the live heap. Unlike MemStats.HeapAlloc, it leaves out
// what has been allocated since the collection, which a busy call makes megabytes of.
func liveHeap() int64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	runtime.GC()
	metrics.Read(sample)
	return int64(sample[0].Value.Uint64())
}
