package mailboxtest

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func testChanges(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	start := status(t, m).HighestModSeq
	ch := changes(t, m, 0)
	require.Empty(t, ch.Changed)
	require.True(t, ch.Vanished.IsEmpty())
	require.Equal(t, start, ch.HighestModSeq)

	put := fill(t, m, 4)
	ch = changes(t, m, start)
	require.Len(t, ch.Changed, 4)
	for i, e := range entries(t, m, mailbox.AllUIDs()) {
		sameEntry(t, e, ch.Changed[i])
	}
	require.Equal(t, status(t, m).UIDNext, ch.UIDNext)

	mid := ch.HighestModSeq
	require.Empty(t, changes(t, m, mid).Changed, "nothing is new")
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1], put[2]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("A")})
	require.NoError(t, err)
	_, _, err = m.Expunge(f.ctx, mailbox.UIDSetOf(put[1], put[3]), mailbox.FlagSet{})
	require.NoError(t, err)
	short := fill(t, m, 1)
	_, _, err = m.Expunge(f.ctx, mailbox.UIDSetOf(short...), mailbox.FlagSet{})
	require.NoError(t, err)
	ch = changes(t, m, mid)
	require.Len(t, ch.Changed, 1)
	require.Equal(t, put[2], ch.Changed[0].UID)
	require.True(t, ch.Vanished.Contains(put[1]) && ch.Vanished.Contains(put[3]))
	require.False(t, ch.Vanished.Contains(put[0]) || ch.Vanished.Contains(put[2]))

	ch = changes(t, m, ch.HighestModSeq+1000)
	require.Empty(t, ch.Changed, "a ModSeq of the future")
	require.NotZero(t, ch.HighestModSeq)
}

// A view is what a client knows of a mailbox as of a ModSeq.
type view struct {
	modSeq   mailbox.ModSeq
	messages map[mailbox.UID]mailbox.ModSeq
}

// look takes a view of the mailbox from the entries.
func look(t testing.TB, m mailbox.Mailbox) view {
	v := view{status(t, m).HighestModSeq, map[mailbox.UID]mailbox.ModSeq{}}
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		v.messages[e.UID] = e.ModSeq
	}
	return v
}

// update brings a view up to date as a client does, and checks the rules that
// hold for all changes.
func (v *view) update(t testing.TB, ch mailbox.Changes) {
	t.Helper()
	require.GreaterOrEqual(t, ch.HighestModSeq, v.modSeq)
	for i, e := range ch.Changed {
		switch {
		case i > 0 && ch.Changed[i-1].UID >= e.UID:
			t.Fatalf("changes come out of order: UID %d, then %d", ch.Changed[i-1].UID, e.UID)
		case e.ModSeq <= v.modSeq || e.ModSeq > ch.HighestModSeq:
			t.Fatalf("a change of ModSeq %d, between %d and %d", e.ModSeq, v.modSeq, ch.HighestModSeq)
		case e.UID >= ch.UIDNext:
			t.Fatalf("UID %d is not below UIDNext %d", e.UID, ch.UIDNext)
		case ch.Vanished.Contains(e.UID):
			t.Fatalf("UID %d is changed and vanished", e.UID)
		}
		v.messages[e.UID] = e.ModSeq
	}
	require.Less(t, ch.Vanished.Max(), ch.UIDNext)
	for uid := range v.messages {
		if ch.Vanished.Contains(uid) {
			delete(v.messages, uid)
		}
	}
	v.modSeq = ch.HighestModSeq
}

// The model of a mailbox: what it must hold.
type model struct {
	mailbox.Mailbox
	entries map[mailbox.UID]mailbox.Entry
	bodies  map[mailbox.UID]string
	uidNext mailbox.UID
	high    mailbox.ModSeq
	past    []view
}

func (m *model) uids() mailbox.UIDSet {
	var all []mailbox.UID
	for uid := range m.entries {
		all = append(all, uid)
	}
	return mailbox.UIDSetOf(all...)
}

// changed takes over what the store says of messages that a call has touched,
// after checking all that is known beforehand.
func (m *model) changed(t testing.TB, set mailbox.UIDSet, modSeq mailbox.ModSeq) {
	t.Helper()
	require.Greater(t, modSeq, m.high)
	require.LessOrEqual(t, modSeq, status(t, m).HighestModSeq)
	for uid := range set.All() {
		e := m.entries[uid]
		e.ModSeq = modSeq
		m.entries[uid] = e
	}
}

// arrived takes over messages that were appended or copied here.
func (m *model) arrived(t testing.TB, uids []mailbox.UID, flags []mailbox.FlagSet, bodies []string) {
	t.Helper()
	got := entries(t, m, mailbox.UIDSetOf(uids...))
	require.Len(t, got, len(uids))
	for i, e := range got {
		require.Equal(t, uids[i], e.UID)
		require.GreaterOrEqual(t, e.UID, m.uidNext)
		require.Greater(t, e.ModSeq, m.high)
		require.Equal(t, got[0].ModSeq, e.ModSeq)
		require.True(t, flags[i].Equal(e.Flags), "%v, %v", flags[i], e.Flags)
		require.EqualValues(t, len(bodies[i]), e.Size)
		m.entries[e.UID] = e
		m.bodies[e.UID] = bodies[i]
	}
}

func (m *model) remove(set mailbox.UIDSet) {
	for uid := range m.entries {
		if set.Contains(uid) {
			delete(m.entries, uid)
			delete(m.bodies, uid)
		}
	}
}

// check compares the mailbox with the model, and a view of the past, brought
// up to date, with both.
func (m *model) check(t testing.TB, rng *rand.Rand) {
	t.Helper()
	st := requireStatus(t, m)
	require.GreaterOrEqual(t, st.HighestModSeq, m.high)
	require.GreaterOrEqual(t, st.UIDNext, m.uidNext)
	m.high, m.uidNext = st.HighestModSeq, st.UIDNext
	require.Equal(t, m.uids().String(), uids(t, m).String())
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		sameEntry(t, m.entries[e.UID], e)
	}

	now := look(t, m)
	i := rng.IntN(len(m.past))
	then := m.past[i]
	ch := changes(t, m, then.modSeq)
	v := view{then.modSeq, make(map[mailbox.UID]mailbox.ModSeq)}
	for uid, modSeq := range then.messages {
		v.messages[uid] = modSeq
	}
	v.update(t, ch)
	if !maps.Equal(now.messages, v.messages) || now.modSeq != v.modSeq {
		require.Equal(t, now, v, "the view of ModSeq %d brought up to date", then.modSeq)
	}
	for _, e := range ch.Changed {
		sameEntry(t, m.entries[e.UID], e)
	}
	if rng.IntN(4) == 0 {
		m.past = append(m.past, now)
	}
}

// testHistory does random things to three mailboxes and compares them with a
// model after each.
func testHistory(t *testing.T, f *fixture) {
	seeds := uint64(4)
	if testing.Short() {
		seeds = 1
	}
	for seed := range seeds {
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			name := func(i int) string { return fmt.Sprintf("box-%d-%d", seed, i) }
			history(t, f, rand.New(rand.NewPCG(seed, 1)), name)
		})
	}
}

func history(t *testing.T, f *fixture, rng *rand.Rand, name func(int) string) {
	models := make([]*model, 3)
	for i := range models {
		m := f.box(t, name(i))
		st := status(t, m)
		models[i] = &model{m, map[mailbox.UID]mailbox.Entry{}, map[mailbox.UID]string{}, st.UIDNext, st.HighestModSeq, []view{look(t, m), {0, nil}}}
	}
	allFlags := []mailbox.Flag{mailbox.FlagSeen, mailbox.FlagDeleted, mailbox.FlagFlagged, mailbox.FlagDraft, "One", "Two", "Three"}
	someFlags := func() mailbox.FlagSet {
		var flags []mailbox.Flag
		for range rng.IntN(4) {
			flags = append(flags, allFlags[rng.IntN(len(allFlags))])
		}
		return mailbox.NewFlagSet(flags...)
	}
	someUIDs := func(m *model) mailbox.UIDSet {
		var ranges []mailbox.UIDRange
		switch rng.IntN(6) {
		case 0:
			return mailbox.AllUIDs()
		case 1:
			ranges = append(ranges, mailbox.UIDRange{First: mailbox.UID(rng.IntN(int(m.uidNext) + 1)), Last: mailbox.MaxUID})
		}
		for range rng.IntN(3) {
			first := mailbox.UID(rng.IntN(int(m.uidNext) + 2))
			ranges = append(ranges, mailbox.UIDRange{First: first, Last: first + mailbox.UID(rng.IntN(4))})
		}
		return mailbox.UIDSetOfRanges(ranges...)
	}

	for step := range 250 {
		m := models[rng.IntN(len(models))]
		to := models[rng.IntN(len(models))]
		set := someUIDs(m)
		have := set.Intersect(m.uids())
		switch op := rng.IntN(12); {
		case op < 4 || len(m.entries) == 0: // Append
			var drafts []mailbox.Draft
			var flags []mailbox.FlagSet
			var bodies []string
			for i := range 1 + rng.IntN(3) {
				body := text(fmt.Sprintf("step-%d-%d", step, i)) + strings.Repeat("x", rng.IntN(3000))
				bodies = append(bodies, body)
				flags = append(flags, someFlags())
				drafts = append(drafts, mailbox.Draft{Body: strings.NewReader(body), Size: int64(len(body)), Flags: flags[i]})
			}
			got, err := m.Append(f.ctx, drafts...)
			require.NoError(t, err)
			require.Len(t, got, len(drafts))
			require.True(t, slices.IsSorted(got))
			m.arrived(t, got, flags, bodies)

		case op < 8: // SetFlags
			change := mailbox.FlagChange{Op: mailbox.FlagOp(rng.IntN(3)), Flags: someFlags()}
			conflicts := mailbox.UIDSet{}
			if rng.IntN(3) == 0 {
				since := m.past[rng.IntN(len(m.past))].modSeq
				change.UnchangedSince = &since
			}
			var touched mailbox.UIDSet
			for uid := range have.All() {
				e := m.entries[uid]
				if change.UnchangedSince != nil && e.ModSeq > *change.UnchangedSince {
					conflicts.Add(uid)
					continue
				}
				flags := e.Flags
				switch change.Op {
				case mailbox.FlagsAdd:
					flags = flags.With(change.Flags)
				case mailbox.FlagsRemove:
					flags = flags.Without(change.Flags)
				case mailbox.FlagsReplace:
					flags = change.Flags
				}
				if !flags.Equal(e.Flags) {
					touched.Add(uid)
					e.Flags = flags
					m.entries[uid] = e
				}
			}
			res, err := m.SetFlags(f.ctx, set, change)
			require.NoError(t, err)
			require.Equal(t, conflicts.String(), res.Conflicts.String())
			if touched.IsEmpty() {
				require.Zero(t, res.ModSeq)
			} else {
				m.changed(t, touched, res.ModSeq)
			}
			require.Equal(t, have.Len()-conflicts.Len(), len(res.Entries))
			for _, e := range res.Entries {
				sameEntry(t, m.entries[e.UID], e)
			}

		case op < 10: // Expunge
			having := mailbox.NewFlagSet(mailbox.FlagDeleted)
			if rng.IntN(4) == 0 {
				having = mailbox.FlagSet{}
			}
			var want mailbox.UIDSet
			for uid := range have.All() {
				if m.entries[uid].Flags.HasAll(having) {
					want.Add(uid)
				}
			}
			gone, modSeq, err := m.Expunge(f.ctx, set, having)
			require.NoError(t, err)
			require.Equal(t, want.String(), gone.String())
			require.Equal(t, want.IsEmpty(), modSeq == 0)
			m.remove(gone)

		default: // Copy, Move
			do := m.Copy
			if op == 11 {
				do = m.Move
			}
			var flags []mailbox.FlagSet
			var bodies []string
			for uid := range have.All() {
				flags = append(flags, m.entries[uid].Flags)
				bodies = append(bodies, m.bodies[uid])
			}
			res, err := do(f.ctx, set, to.Info().Name)
			require.NoError(t, err)
			require.Equal(t, have.String(), res.Source.String())
			if op == 11 {
				m.remove(res.Source)
			}
			to.arrived(t, slices.Collect(res.Dest.All()), flags, bodies)
		}
		m.check(t, rng)
		if to != m {
			to.check(t, rng)
		}
	}
	for _, m := range models {
		require.Equal(t, m.bodies, contents(t, m, mailbox.AllUIDs()))
	}
}
