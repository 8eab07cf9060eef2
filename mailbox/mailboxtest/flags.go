package mailboxtest

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// requireStatus checks the counters against the messages.
func requireStatus(t testing.TB, m mailbox.Mailbox) mailbox.Status {
	t.Helper()
	st := status(t, m)
	want := st
	want.Messages, want.Unseen, want.Deleted, want.FirstUnseen, want.Size = 0, 0, 0, 0, 0
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		want.Messages++
		want.Size += e.Size
		if !e.Flags.Has(mailbox.FlagSeen) {
			if want.Unseen++; want.FirstUnseen == 0 {
				want.FirstUnseen = e.UID
			}
		}
		if e.Flags.Has(mailbox.FlagDeleted) {
			want.Deleted++
		}
		if e.ModSeq > st.HighestModSeq || e.UID >= st.UIDNext {
			t.Fatalf("entry %+v is beyond status %+v", e, st)
		}
	}
	require.Equal(t, want, st)
	require.Equal(t, m.Info().UIDValidity, st.UIDValidity)
	return st
}

func testStatus(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	requireStatus(t, m)
	put := fill(t, m, 10)
	set := func(op mailbox.FlagOp, flag mailbox.Flag, at ...int) {
		var s mailbox.UIDSet
		for _, i := range at {
			s.Add(put[i])
		}
		_, err := m.SetFlags(f.ctx, s, mailbox.FlagChange{Op: op, Flags: mailbox.NewFlagSet(flag)})
		require.NoError(t, err)
		requireStatus(t, m)
	}
	require.Equal(t, put[0], requireStatus(t, m).FirstUnseen)
	set(mailbox.FlagsAdd, mailbox.FlagSeen, 0, 1, 2, 5)
	require.Equal(t, put[3], status(t, m).FirstUnseen)
	set(mailbox.FlagsRemove, mailbox.FlagSeen, 1)
	set(mailbox.FlagsAdd, mailbox.FlagDeleted, 1, 2)
	set(mailbox.FlagsReplace, mailbox.FlagDeleted, 0, 3)
	_, err := m.Expunge(f.ctx, mailbox.AllUIDs(), mailbox.NewFlagSet(mailbox.FlagDeleted))
	require.NoError(t, err)
	require.EqualValues(t, 6, requireStatus(t, m).Messages)
	set(mailbox.FlagsAdd, mailbox.FlagSeen, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	require.Zero(t, status(t, m).FirstUnseen)
	require.Zero(t, status(t, m).Unseen)
	last := fill(t, m, 2)
	require.Equal(t, last[0], requireStatus(t, m).FirstUnseen)
	_, err = m.Expunge(f.ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	st := requireStatus(t, m)
	require.Zero(t, st.Messages)
	require.Zero(t, st.Size)
	require.Greater(t, st.UIDNext, last[1], "UIDs are never used again")
	require.Greater(t, fill(t, m, 1)[0], last[1])
}

func testFlags(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	put := fill(t, m, 3)
	fill(t, m, 1, mailbox.FlagSeen)
	set := mailbox.UIDSetOf(put...)
	high := status(t, m).HighestModSeq

	for _, c := range []struct {
		op      mailbox.FlagOp
		flags   []mailbox.Flag
		want    string
		changes bool
	}{
		{mailbox.FlagsAdd, []mailbox.Flag{mailbox.FlagSeen, "Work"}, `\Seen Work`, true},
		{mailbox.FlagsAdd, []mailbox.Flag{mailbox.FlagSeen}, `\Seen Work`, false},
		{mailbox.FlagsAdd, []mailbox.Flag{"work"}, `\Seen Work`, false},
		{mailbox.FlagsAdd, nil, `\Seen Work`, false},
		{mailbox.FlagsRemove, []mailbox.Flag{mailbox.FlagDraft, "Home"}, `\Seen Work`, false},
		{mailbox.FlagsRemove, nil, `\Seen Work`, false},
		{mailbox.FlagsReplace, []mailbox.Flag{"WORK", `\SEEN`}, `\Seen Work`, false},
		{mailbox.FlagsAdd, []mailbox.Flag{"$Junk", mailbox.FlagFlagged}, `\Flagged \Seen $Junk Work`, true},
		{mailbox.FlagsRemove, []mailbox.Flag{"WORK", mailbox.FlagSeen}, `\Flagged $Junk`, true},
		{mailbox.FlagsReplace, []mailbox.Flag{mailbox.FlagDeleted, mailbox.FlagDraft, mailbox.FlagAnswered}, `\Answered \Deleted \Draft`, true},
		{mailbox.FlagsReplace, nil, ``, true},
		{mailbox.FlagsReplace, nil, ``, false},
	} {
		res, err := m.SetFlags(f.ctx, set, mailbox.FlagChange{Op: c.op, Flags: mailbox.NewFlagSet(c.flags...)})
		require.NoError(t, err)
		require.True(t, res.Conflicts.IsEmpty())
		if !c.changes {
			require.True(t, res.Changed.IsEmpty(), "%v: nothing changed", c)
			require.Empty(t, res.Steps)
			require.Equal(t, high, status(t, m).HighestModSeq)
		} else {
			require.Equal(t, set.String(), res.Changed.String())
			now := status(t, m).HighestModSeq
			f.requireSteps(t, res.Steps, high, now)
			require.Greater(t, now, high)
			high = now
		}
		for _, e := range entries(t, m, set) {
			require.True(t, e.Flags.Equal(mailbox.NewFlagSet(c.flags...)) || c.op != mailbox.FlagsReplace)
			require.Equal(t, c.want, fold(e.Flags), "%v", c)
			if c.changes {
				f.requireOwn(t, res.Steps, e.ModSeq)
			}
		}
	}

	// Messages whose flags are already so keep their ModSeq.
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("x")})
	require.NoError(t, err)
	before := entries(t, m, mailbox.AllUIDs())
	res, err := m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet("x")})
	require.NoError(t, err)
	require.Equal(t, uids(t, m).Subtract(mailbox.UIDSetOf(put[1])).String(), res.Changed.String())
	for i, e := range entries(t, m, mailbox.AllUIDs()) {
		if i == 1 {
			sameEntry(t, before[i], e)
		} else {
			f.requireOwn(t, res.Steps, e.ModSeq)
		}
		before[i].Flags, before[i].ModSeq = e.Flags, e.ModSeq
		sameEntry(t, before[i], e) // nothing else has changed
	}

	// UIDs that don't exist are ignored.
	res, err = m.SetFlags(f.ctx, mailbox.UIDRangeSet(put[2]+100, mailbox.MaxUID), mailbox.FlagChange{Flags: mailbox.NewFlagSet("y")})
	require.NoError(t, err)
	require.True(t, res.Changed.IsEmpty())
	require.Empty(t, res.Steps)
	res, err = m.SetFlags(f.ctx, mailbox.UIDSet{}, mailbox.FlagChange{Flags: mailbox.NewFlagSet("y")})
	require.NoError(t, err)
	require.True(t, res.Changed.IsEmpty())
	requireStatus(t, m)
}

// fold spells the keywords of testFlags as they were spelt first.
func fold(flags mailbox.FlagSet) string {
	var s mailbox.FlagSet
	for f := range flags.All() {
		if f.Equal("Work") {
			f = "Work"
		}
		s = s.With(mailbox.NewFlagSet(f))
	}
	return s.String()
}

func testKeywords(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	require.Empty(t, snapshotKeywords(t, m).String())
	odd := []mailbox.Flag{`a"quote`, "日本"}
	if f.lacks(LackKeywords) {
		odd = nil
	}
	put := fill(t, m, 1, append(odd, "$Forwarded", "css3-page")...)
	put = append(put, fill(t, m, 1, "other", "$forwarded")...)
	e := entries(t, m, mailbox.UIDSetOf(put[0]))[0]
	require.True(t, e.Flags.Equal(mailbox.NewFlagSet(append(odd, "$Forwarded", "css3-page")...)), "%v", e.Flags)
	all := mailbox.NewFlagSet(append(odd, "$Forwarded", "css3-page", "other")...)
	require.True(t, snapshotKeywords(t, m).HasAll(all), "%v", snapshotKeywords(t, m))

	var many []mailbox.Flag
	for c := 'a'; c <= 'z'; c++ {
		many = append(many, mailbox.Flag("kw-"+string(c)))
	}
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1]), mailbox.FlagChange{Flags: mailbox.NewFlagSet(many...)})
	require.NoError(t, err)
	require.True(t, snapshotKeywords(t, m).HasAll(all.With(mailbox.NewFlagSet(many...))))
	require.Equal(t, 28, entries(t, m, mailbox.UIDSetOf(put[1]))[0].Flags.Len())

	// Keywords travel with copies.
	f.box(t, "other")
	_, err = m.Move(f.ctx, mailbox.UIDSetOf(put[1]), "other")
	require.NoError(t, err)
	other := f.box(t, "other")
	require.True(t, entries(t, other, mailbox.AllUIDs())[0].Flags.HasAll(mailbox.NewFlagSet(many...)))
	require.True(t, snapshotKeywords(t, other).HasAll(mailbox.NewFlagSet(many...)))
}

// snapshotKeywords returns the keywords that Snapshot tells of.
func snapshotKeywords(t testing.TB, m mailbox.Mailbox) mailbox.FlagSet {
	t.Helper()
	snap, err := m.Snapshot(t.Context())
	require.NoError(t, err)
	return mailbox.NewFlagSet(snap.Keywords...)
}

func testUnchangedSince(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	put := fill(t, m, 5)
	since := status(t, m).HighestModSeq
	touched := mailbox.UIDSetOf(put[1], put[3])
	_, err := m.SetFlags(f.ctx, touched, mailbox.FlagChange{Flags: mailbox.NewFlagSet("A")})
	require.NoError(t, err)

	res, err := m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet("B"), UnchangedSince: &since})
	require.NoError(t, err)
	require.Equal(t, touched.String(), res.Conflicts.String())
	require.Equal(t, uids(t, m).Subtract(touched).String(), res.Changed.String(), "conflicts are not changed")
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		if touched.Contains(e.UID) {
			require.Equal(t, "A", e.Flags.String())
		} else {
			require.Equal(t, "B", e.Flags.String())
			f.requireOwn(t, res.Steps, e.ModSeq)
		}
	}

	// Zero is older than any message.
	zero := mailbox.ModSeq(0)
	high := status(t, m).HighestModSeq
	res, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet("C"), UnchangedSince: &zero})
	require.NoError(t, err)
	require.Equal(t, 5, res.Conflicts.Len())
	require.True(t, res.Changed.IsEmpty())
	require.Empty(t, res.Steps)
	require.Equal(t, high, status(t, m).HighestModSeq)

	// What would change nothing can conflict as well.
	res, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("A"), UnchangedSince: &since})
	require.NoError(t, err)
	require.Equal(t, 1, res.Conflicts.Len())

	now := status(t, m).HighestModSeq
	res, err = m.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagsReplace, UnchangedSince: &now})
	require.NoError(t, err)
	require.True(t, res.Conflicts.IsEmpty())
	require.Equal(t, 5, res.Changed.Len())
}
