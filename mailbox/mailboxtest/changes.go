package mailboxtest

import (
	"context"
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
	start := status(t, m).State()
	ch := changesSince(t, m, mailbox.State{})
	require.True(t, ch.New.IsEmpty() && ch.Changed.IsEmpty() && ch.Vanished.IsEmpty())
	require.Equal(t, start, ch.State)

	put := fill(t, m, 4)
	all := mailbox.UIDSetOf(put...)
	ch = changesSince(t, m, start)
	require.Equal(t, all.String(), ch.New.String())
	require.True(t, ch.Changed.IsEmpty(), "a new message is not a changed one")
	require.Equal(t, status(t, m).State(), ch.State)
	require.Equal(t, all.String(), changesSince(t, m, mailbox.State{}).New.String())
	require.Equal(t, all.String(), changes(t, m, start.ModSeq).Changed.String(), "without a UIDNext")

	mid := ch.State
	ch = changesSince(t, m, mid)
	require.True(t, ch.New.IsEmpty() && ch.Changed.IsEmpty() && ch.Vanished.IsEmpty(), "nothing is new")
	_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[1], put[2]), mailbox.FlagChange{Flags: mailbox.NewFlagSet("A")})
	require.NoError(t, err)
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(put[1], put[3]), mailbox.FlagSet{})
	require.NoError(t, err)
	short := fill(t, m, 1)
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(short...), mailbox.FlagSet{})
	require.NoError(t, err)
	long := fill(t, m, 1)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(long...), mailbox.FlagChange{Flags: mailbox.NewFlagSet("B")})
	require.NoError(t, err)
	ch = changesSince(t, m, mid)
	require.Equal(t, mailbox.UIDSetOf(put[2]).String(), ch.Changed.String())
	require.Equal(t, mailbox.UIDSetOf(long...).String(), ch.New.String())
	require.True(t, ch.Vanished.Contains(put[1]) && ch.Vanished.Contains(put[3]))
	require.False(t, ch.Vanished.Contains(put[0]) || ch.Vanished.Contains(put[2]) || ch.Vanished.Contains(long[0]))

	ch = changes(t, m, ch.State.ModSeq+1000)
	require.True(t, ch.Changed.IsEmpty(), "a ModSeq of the future")
	require.NotZero(t, ch.State.ModSeq)
}

// testSteps moves a view along by the results of its own calls, and asks for
// changes only where another handle has made some: it must see what a fresh
// look sees.
func testSteps(t *testing.T, f *fixture) {
	f.box(t, "other")
	m, second := f.box(t, "INBOX"), f.box(t, "INBOX")
	put := fill(t, m, 6)
	state := status(t, m).State()
	known := uids(t, m)
	own, asked := 0, 0
	advance := func(steps mailbox.Steps, gone, come mailbox.UIDSet) {
		t.Helper()
		to, ok := steps.Advance(state.ModSeq)
		if ok {
			own++
			state.ModSeq = to
			known = known.Subtract(gone).Union(come)
			state.UIDNext = max(state.UIDNext, come.Max()+1)
		} else {
			asked++
			ch := changesSince(t, m, state)
			state, known = ch.State, known.Union(ch.New).Subtract(ch.Vanished)
		}
		require.Equal(t, status(t, m).State(), state)
		require.Equal(t, uids(t, m).String(), known.String())
	}
	none := mailbox.UIDSet{}
	for i := range 8 {
		interfere := func() {
			if i%2 == 1 {
				fill(t, second, 1)
				_, err := second.SetFlags(f.ctx, mailbox.AllUIDs(), mailbox.FlagChange{Op: mailbox.FlagOp(i / 2 % 2), Flags: mailbox.NewFlagSet("Second")})
				require.NoError(t, err)
			}
		}
		interfere()
		flags, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Op: mailbox.FlagOp(i % 2), Flags: mailbox.NewFlagSet("Mine")})
		require.NoError(t, err)
		advance(flags.Steps, none, none)
		interfere()
		res, err := m.Append(f.ctx, draft("step"))
		require.NoError(t, err)
		advance(res.Steps, none, res.DestUIDs())
		interfere()
		res, err = m.Copy(f.ctx, mailbox.UIDSetOf(put[1]), "INBOX")
		require.NoError(t, err)
		advance(res.Steps, none, res.DestUIDs())
		interfere()
		res, err = m.Move(f.ctx, res.DestUIDs(), "INBOX")
		require.NoError(t, err)
		advance(res.Steps, res.SourceUIDs(), res.DestUIDs())
		interfere()
		res, err = m.Move(f.ctx, res.DestUIDs(), "other")
		require.NoError(t, err)
		advance(res.Steps, res.SourceUIDs(), none)
		interfere()
		res, err = m.Expunge(f.ctx, mailbox.UIDSetOf(known.Max()), mailbox.FlagSet{})
		require.NoError(t, err)
		advance(res.Steps, res.SourceUIDs(), none)
	}
	if f.lacks(LackSteps) {
		require.GreaterOrEqual(t, asked, 24)
		return
	}
	require.Equal(t, 24, own, "where nobody interfered the view moves on by itself")
	require.Equal(t, 24, asked, "where another handle did it is told so")
}

// A view is what a client knows of a mailbox as of a state.
type view struct {
	state    mailbox.State
	messages map[mailbox.UID]mailbox.ModSeq
}

// look takes a view of the mailbox from the entries.
func look(t testing.TB, m mailbox.Mailbox) view {
	v := view{status(t, m).State(), map[mailbox.UID]mailbox.ModSeq{}}
	for _, e := range entries(t, m, mailbox.AllUIDs()) {
		v.messages[e.UID] = e.ModSeq
	}
	return v
}

// update brings a view up to date as a client does, and checks the rules that
// hold for all changes.
func (v *view) update(t testing.TB, m mailbox.Mailbox, ch mailbox.Changes) {
	t.Helper()
	require.NoError(t, v.take(t.Context(), m, ch))
}

// take is update for goroutines that must not end the test.
func (v *view) take(ctx context.Context, m mailbox.Mailbox, ch mailbox.Changes) error {
	touched := ch.New.Union(ch.Changed)
	switch {
	case ch.State.ModSeq < v.state.ModSeq || ch.State.UIDNext < v.state.UIDNext:
		return fmt.Errorf("the state went back from %v to %v", v.state, ch.State)
	case !ch.New.IsEmpty() && ch.New.Min() < v.state.UIDNext:
		return fmt.Errorf("new UID %d is below UIDNext %d", ch.New.Min(), v.state.UIDNext)
	case ch.Changed.Max() >= v.state.UIDNext && !ch.Changed.IsEmpty():
		return fmt.Errorf("changed UID %d is not below UIDNext %d", ch.Changed.Max(), v.state.UIDNext)
	case touched.Max() >= ch.State.UIDNext || ch.Vanished.Max() >= ch.State.UIDNext:
		return fmt.Errorf("changes are beyond UIDNext %d", ch.State.UIDNext)
	case !touched.Intersect(ch.Vanished).IsEmpty():
		return fmt.Errorf("UIDs %v are changed and vanished", touched.Intersect(ch.Vanished))
	}
	for uid := range ch.Changed.All() {
		if _, ok := v.messages[uid]; !ok {
			return fmt.Errorf("UID %d appeared after UIDNext %d had been seen", uid, v.state.UIDNext)
		}
	}
	for uid := range touched.All() {
		v.messages[uid] = 0 // to be read
	}
	for msg, err := range m.Messages(ctx, touched, mailbox.WantFlags) {
		if err != nil {
			return err
		}
		if msg.ModSeq <= v.state.ModSeq {
			return fmt.Errorf("a change of ModSeq %d appeared after HighestModSeq %d had been seen", msg.ModSeq, v.state.ModSeq)
		}
		v.messages[msg.UID] = msg.ModSeq
	}
	for uid := range v.messages {
		if ch.Vanished.Contains(uid) {
			delete(v.messages, uid)
		}
	}
	v.state = ch.State
	return nil
}

// The model of a mailbox: what it must hold.
type model struct {
	mailbox.Mailbox
	suite   *suite
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

// stepped checks that the steps of a call lead from the state before it to the
// one after it.
func (m *model) stepped(t testing.TB, steps mailbox.Steps) {
	t.Helper()
	m.suite.requireSteps(t, steps, m.high, status(t, m).HighestModSeq)
}

// changed takes over the ModSeqs of messages whose flags a call has changed.
func (m *model) changed(t testing.TB, res mailbox.FlagResult) {
	t.Helper()
	m.stepped(t, res.Steps)
	for _, got := range entries(t, m, res.Changed) {
		m.suite.requireOwn(t, res.Steps, got.ModSeq)
		e := m.entries[got.UID]
		e.ModSeq = got.ModSeq
		m.entries[got.UID] = e
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
		if !m.suite.lacks(LackOneModSeq) {
			require.Equal(t, got[0].ModSeq, e.ModSeq)
		}
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
	ch := changesSince(t, m, then.state)
	v := view{then.state, make(map[mailbox.UID]mailbox.ModSeq)}
	for uid, modSeq := range then.messages {
		v.messages[uid] = modSeq
	}
	v.update(t, m, ch)
	if !maps.Equal(now.messages, v.messages) || now.state != v.state {
		require.Equal(t, now, v, "the view of %v brought up to date", then.state)
	}
	require.Equal(t, ch.New.Union(ch.Changed).String(), changes(t, m, then.state.ModSeq).Changed.String(), "without a UIDNext")
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
		models[i] = &model{m, f.suite, map[mailbox.UID]mailbox.Entry{}, map[mailbox.UID]string{}, st.UIDNext, st.HighestModSeq, []view{look(t, m), {}}}
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
			var drafts []mailbox.Incoming
			var flags []mailbox.FlagSet
			var bodies []string
			for i := range 1 + rng.IntN(3) {
				body := text(fmt.Sprintf("step-%d-%d", step, i)) + strings.Repeat("x", rng.IntN(3000))
				bodies = append(bodies, body)
				flags = append(flags, someFlags())
				drafts = append(drafts, mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body)), Flags: flags[i]})
			}
			res, err := m.Append(f.ctx, drafts...)
			require.NoError(t, err)
			m.stepped(t, res.Steps)
			got := arrived(res)
			require.Len(t, got, len(drafts))
			require.True(t, slices.IsSorted(got))
			m.arrived(t, got, flags, bodies)

		case op < 8: // SetFlags
			change := mailbox.FlagChange{Op: mailbox.FlagOp(rng.IntN(3)), Flags: someFlags()}
			conflicts := mailbox.UIDSet{}
			if rng.IntN(3) == 0 {
				since := m.past[rng.IntN(len(m.past))].state.ModSeq
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
			require.Equal(t, touched.String(), res.Changed.String())
			m.changed(t, res)

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
			res, err := m.Expunge(f.ctx, set, having)
			require.NoError(t, err)
			require.Equal(t, want.String(), res.SourceUIDs().String())
			m.stepped(t, res.Steps)
			m.remove(want)

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
			require.Equal(t, have.String(), res.SourceUIDs().String())
			m.stepped(t, res.Steps)
			if to != m {
				to.stepped(t, res.DestSteps)
			}
			if op == 11 {
				m.remove(res.SourceUIDs())
			}
			to.arrived(t, arrived(res), flags, bodies)
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
