package mailboxtest

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testExpunge(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	put := fill(t, m, 6)
	high := status(t, m).HighestModSeq
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1], put[2], put[4]), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagDeleted)})
	require.NoError(t, err)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put[2], put[3]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("$Junk")})
	require.NoError(t, err)

	expunge := func(set mailbox.UIDSet, want mailbox.UIDSet, having ...mailbox.Flag) {
		t.Helper()
		before := status(t, m)
		res, err := m.Expunge(f.ctx, set, mailbox.NewFlagSet(having...))
		require.NoError(t, err)
		require.Equal(t, want.String(), res.SourceUIDs().String())
		require.True(t, res.DestUIDs().IsEmpty())
		st := requireStatus(t, m)
		if want.IsEmpty() {
			require.Empty(t, res.Steps)
			require.Equal(t, before, st)
			return
		}
		require.Greater(t, st.HighestModSeq, before.HighestModSeq)
		f.requireSteps(t, res.Steps, before.HighestModSeq, st.HighestModSeq)
		require.Equal(t, before.UIDNext, st.UIDNext)
		ch := changes(t, m, before.HighestModSeq)
		require.True(t, ch.Changed.IsEmpty())
		require.Equal(t, want.String(), ch.Vanished.Intersect(want).String())
	}
	expunge(mailbox.UIDSet{}, mailbox.UIDSet{})
	expunge(mailbox.UIDRangeSet(put[5]+1, mailbox.MaxUID), mailbox.UIDSet{})
	expunge(mailbox.UIDSetOf(put[0], put[3]), mailbox.UIDSet{}, mailbox.FlagDeleted)
	expunge(mailbox.AllUIDs(), mailbox.UIDSet{}, "never")
	expunge(mailbox.AllUIDs(), mailbox.UIDSetOf(put[2]), mailbox.FlagDeleted, "$junk")
	expunge(mailbox.UIDSetOf(put[0], put[1], put[2]), mailbox.UIDSetOf(put[1]), mailbox.FlagDeleted)
	expunge(mailbox.AllUIDs(), mailbox.UIDSetOf(put[4]), mailbox.FlagDeleted)
	expunge(mailbox.UIDSetOf(put[5], put[5]+7), mailbox.UIDSetOf(put[5]))
	require.Equal(t, mailbox.UIDSetOf(put[0], put[3]).String(), uids(t, m).String())
	expunge(mailbox.AllUIDs(), mailbox.UIDSetOf(put[0], put[3]))
	require.Greater(t, fill(t, m, 1)[0], put[5])
	ch := changes(t, m, high)
	require.Equal(t, 1, ch.Changed.Len())
	require.True(t, mailbox.UIDSetOf(put...).Subtract(ch.Vanished).IsEmpty())
}

// checkTransfer checks what Copy and Move have in common: before are the
// entries of the messages of the set, as they were.
func (s *suite) checkTransfer(t testing.TB, from, to mailbox.Mailbox, before []mailbox.Entry, bodies map[mailbox.UID]string, res mailbox.Result, was mailbox.Status) {
	t.Helper()
	require.Equal(t, to.Info().ID, res.DestID)
	require.Equal(t, to.Info().UIDValidity, res.DestUIDValidity)
	require.Equal(t, len(before), res.Len())
	require.Equal(t, len(before), res.SourceUIDs().Len())
	put := arrived(res)
	require.Len(t, put, len(before))
	require.GreaterOrEqual(t, res.DestUIDs().Min(), was.UIDNext)
	got := entries(t, to, res.DestUIDs())
	require.Len(t, got, len(before))
	read := contents(t, to, res.DestUIDs())
	for i, e := range got {
		b := before[i]
		require.Equal(t, b.UID, res.SourceUIDs().At(i))
		require.Equal(t, e.UID, put[i], "in ascending order")
		require.True(t, b.Flags.Equal(e.Flags))
		sameTime(t, b.InternalDate, e.InternalDate)
		require.Equal(t, b.Size, e.Size)
		require.Equal(t, b.EmailID, e.EmailID, "same content, same ID")
		require.Equal(t, b.ThreadID, e.ThreadID)
		require.Greater(t, e.ModSeq, was.HighestModSeq)
		if !s.lacks(LackOneModSeq) {
			require.Equal(t, got[0].ModSeq, e.ModSeq, "one call, one ModSeq")
		}
		require.Equal(t, bodies[b.UID], read[e.UID])
	}
	requireStatus(t, from)
	requireStatus(t, to)
}

// several appends messages with different flags.
func several(t testing.TB, m mailbox.Mailbox) []mailbox.UID {
	t.Helper()
	put, err := m.Append(t.Context(), draft("a", mailbox.FlagSeen, "Word"), draft("b"), draft("c", mailbox.FlagDeleted, "x", "y"),
		draft("d", mailbox.FlagAnswered), draft("e", "$Forwarded"))
	require.NoError(t, err)
	return arrived(put)
}

func testCopy(t *testing.T, f *fixture) {
	m, other := f.box(t, "INBOX"), f.box(t, "other")
	fill(t, other, 2)
	put := several(t, m)

	_, err := m.Copy(f.ctx, mailbox.AllUIDs(), "nowhere")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	for _, set := range []mailbox.UIDSet{{}, mailbox.UIDRangeSet(put[4]+1, mailbox.MaxUID)} {
		was := status(t, other)
		res, err := m.Copy(f.ctx, set, "other")
		require.NoError(t, err)
		require.True(t, res.SourceUIDs().IsEmpty() && res.DestUIDs().IsEmpty())
		require.Equal(t, was, status(t, other))
		_, err = m.Copy(f.ctx, set, "nowhere")
		require.ErrorIs(t, err, mailbox.ErrNotExist)
	}

	for _, dest := range []string{"other", "OTHER", "inbox"} {
		to := f.box(t, dest)
		set := mailbox.UIDSetOf(put[0], put[2], put[4], put[4]+1000)
		before, bodies := entries(t, m, set), contents(t, m, set)
		was, wasHere := status(t, to), status(t, m)
		res, err := m.Copy(f.ctx, set, dest)
		require.NoError(t, err)
		f.checkTransfer(t, m, to, before, bodies, res, was)
		steps := res.DestSteps
		if dest == "inbox" {
			steps = res.Steps
		}
		f.requireSteps(t, steps, was.HighestModSeq, status(t, to).HighestModSeq)
		if dest != "inbox" {
			require.Empty(t, res.Steps)
			require.Equal(t, wasHere, status(t, m), "the source is as it was")
		}
		for i, e := range entries(t, m, set) {
			sameEntry(t, before[i], e)
		}
	}

	f.testOntoItself(t, func(m mailbox.Mailbox, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
		return m.Copy(f.ctx, set, dest)
	})

	// A copy is a message of its own.
	res, err := m.Copy(f.ctx, mailbox.UIDSetOf(put[0]), "other")
	require.NoError(t, err)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Op: mailbox.FlagsReplace})
	require.NoError(t, err)
	require.Equal(t, `\Seen Word`, entries(t, other, res.DestUIDs())[0].Flags.String())
	_, err = m.Expunge(f.ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	require.Equal(t, text("a"), contents(t, other, res.DestUIDs())[res.DestUIDs().Min()], "the content stays when the original goes")
	require.NoError(t, f.Delete(f.ctx, "OTHER"))
	require.Equal(t, text("a"), contents(t, other, res.DestUIDs())[res.DestUIDs().Min()])
}

// testOntoItself copies and moves messages within a mailbox by sets that name UIDs
// which the copies get, also behind gaps: the copies themselves are not copied.
func (f *fixture) testOntoItself(t *testing.T, transfer func(m mailbox.Mailbox, set mailbox.UIDSet, dest string) (mailbox.Result, error)) {
	const n = 300 // more than a store is likely to read at once
	for i, c := range []struct {
		have int
		gaps [][2]mailbox.UID // from UIDNext on
	}{
		{3, nil},
		{3, [][2]mailbox.UID{{0, 100}}},
		{3, [][2]mailbox.UID{{1, 2}}},
		{3, [][2]mailbox.UID{{2, 20}, {40, 1000}}},
		{3, [][2]mailbox.UID{{97, 200}}},
		{n, [][2]mailbox.UID{{1, 1}, {3, 3}, {30, 290}}},
		{n, [][2]mailbox.UID{{200, 2000}}},
	} {
		m := f.box(t, "itself"+strconv.Itoa(i))
		drafts := make([]mailbox.Incoming, c.have)
		for i := range drafts {
			drafts[i] = draft("o" + strconv.Itoa(i))
		}
		_, err := m.Append(f.ctx, drafts...)
		require.NoError(t, err)
		for range 3 { // the mailbox grows, or what is in it moves on
			here := uids(t, m)
			next := status(t, m).UIDNext
			set := here
			for _, gap := range c.gaps {
				set = set.Union(mailbox.UIDRangeSet(next+gap[0], next+gap[1]))
			}
			if c.gaps == nil {
				set = mailbox.AllUIDs()
			}
			res, err := transfer(m, set, m.Info().Name)
			require.NoError(t, err)
			require.Equal(t, here.String(), res.SourceUIDs().String(), "%v of %v", set, here)
			require.Equal(t, here.Len(), res.DestUIDs().Len())
			left := res.DestUIDs()
			if uids(t, m).Contains(here.Min()) {
				left = here.Union(left)
			}
			require.Equal(t, left.String(), uids(t, m).String())
			if c.have == n {
				break
			}
		}
		require.NoError(t, f.Delete(f.ctx, m.Info().Name))
	}
}

func testMove(t *testing.T, f *fixture) {
	m, other := f.box(t, "INBOX"), f.box(t, "other")
	fill(t, other, 1)
	put := several(t, m)

	_, err := m.Move(f.ctx, mailbox.AllUIDs(), "nowhere")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.Equal(t, 5, uids(t, m).Len())
	was := status(t, m)
	res, err := m.Move(f.ctx, mailbox.UIDRangeSet(put[4]+1, mailbox.MaxUID), "other")
	require.NoError(t, err)
	require.Empty(t, res.Steps)
	require.Empty(t, res.DestSteps)
	require.Equal(t, other.Info().ID, res.DestID, "also where nothing was moved")
	require.Equal(t, was, status(t, m))

	move := func(from, to mailbox.Mailbox, set mailbox.UIDSet) {
		t.Helper()
		before, bodies := entries(t, from, set), contents(t, from, set)
		was, wasHere := status(t, to), status(t, from)
		res, err := from.Move(f.ctx, set, to.Info().Name)
		require.NoError(t, err)
		f.requireSteps(t, res.Steps, wasHere.HighestModSeq, status(t, from).HighestModSeq)
		if from.Info().ID != to.Info().ID {
			f.requireSteps(t, res.DestSteps, was.HighestModSeq, status(t, to).HighestModSeq)
		}
		f.checkTransfer(t, from, to, before, bodies, res, was)
		require.True(t, uids(t, from).Intersect(set).IsEmpty())
		ch := changes(t, from, wasHere.HighestModSeq)
		require.Equal(t, set.String(), ch.Vanished.Intersect(set).String())
		for uid := range res.DestUIDs().All() {
			require.True(t, uids(t, to).Contains(uid))
		}
	}
	move(m, other, mailbox.UIDSetOf(put[0], put[2]))
	move(other, m, uids(t, other))
	here := uids(t, m)
	move(m, m, mailbox.UIDSetOf(here.Min(), here.Max()))
	require.Equal(t, 6, uids(t, m).Len())
	f.testOntoItself(t, func(m mailbox.Mailbox, set mailbox.UIDSet, dest string) (mailbox.Result, error) {
		return m.Move(f.ctx, set, dest)
	})
}
