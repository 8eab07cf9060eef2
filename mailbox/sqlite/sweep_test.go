package sqlite

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// sweepAll sweeps until no garbage remains.
func sweepAll(t testing.TB, s *Store) {
	t.Helper()
	s.sweepLater(t, 0)
}

func count(t testing.TB, s *Store, table string) (n int64) {
	t.Helper()
	require.NoError(t, s.read(t.Context(), func(c *conn) (err error) {
		n, err = c.queryInt("SELECT count(*) FROM " + table)
		return err
	}))
	return n
}

// openSweeping opens a store that sweeps only on request, and without delay.
func openSweeping(t testing.TB) *Store {
	s := openStore(t, nil)
	require.NoError(t, s.write(t.Context(), func(*tx) error {
		s.tune.grace, s.tune.sweep = 0, time.Hour
		s.writer.swept = time.Now()
		return nil
	}))
	return s
}

func TestSweep(t *testing.T) {
	s := openSweeping(t)
	m := inbox(t, s, "alice")
	a := m.(*box).a
	ctx := t.Context()
	_, err := a.Create(ctx, "other", nil)
	require.NoError(t, err)
	other, err := a.Mailbox(ctx, "other")
	require.NoError(t, err)

	fill(t, m, 1200, "key", mailbox.FlagSeen)
	for range 3 {
		_, err := m.Append(ctx, mailbox.Incoming{Body: lines(6 << 20), Size: 6 << 20})
		require.NoError(t, err)
	}
	chunks := count(t, s, "chunk")
	require.Less(t, int64(sweepChunks), chunks)
	_, err = m.Copy(ctx, mailbox.UIDRangeSet(1001, 1203), "other")
	require.NoError(t, err)
	requireSound(t, s)

	_, err = m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	sweepAll(t, s)
	require.EqualValues(t, 203, count(t, s, "content"), "copies keep the content")
	require.EqualValues(t, 200, count(t, s, "body"))
	require.Equal(t, chunks, count(t, s, "chunk"))
	requireSound(t, s)

	// A reader of a large message may read it to its end.
	n := 0
	for msg, err := range other.Messages(ctx, mailbox.UIDRangeSet(200, 202), mailbox.WantContent) {
		require.NoError(t, err)
		if n++; n == 1 {
			require.NoError(t, a.Delete(ctx, "other"))
			sweepAll(t, s)
			require.EqualValues(t, 2, count(t, s, "content"))
			continue
		}
		n, err := msg.Content.(io.WriterTo).WriteTo(io.Discard)
		require.NoError(t, err)
		require.EqualValues(t, 6<<20, n)
	}
	sweepAll(t, s)
	for _, table := range []string{"content", "body", "chunk", "message", "trash"} {
		require.Zero(t, count(t, s, table), table)
	}
	require.EqualValues(t, 1, count(t, s, "keyword"), "that of INBOX")

	fill(t, m, 3, "key")
	require.NoError(t, s.DeleteAccount(ctx, "alice"))
	sweepAll(t, s)
	for _, table := range []string{"account", "mailbox", "content", "body", "message", "trash", "keyword", "vanished"} {
		require.Zero(t, count(t, s, table), table)
	}
}

// Bodies that arrived in part leave no garbage.
func TestSweepOrphans(t *testing.T) {
	s := openSweeping(t)
	m := inbox(t, s, "alice")
	gone := errors.New("connection reset")
	for _, in := range []mailbox.Incoming{
		{Body: io.MultiReader(lines(3<<20), iotest.ErrReader(gone)), Size: 5 << 20},
		{Body: lines(3 << 20), Size: 5 << 20},
		{Body: lines(5 << 20), Size: 3 << 20},
	} {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096}, in)
		require.Error(t, err)
	}
	require.EqualValues(t, 3, count(t, s, "content"))
	sweepAll(t, s)
	require.Zero(t, count(t, s, "content")+count(t, s, "chunk"))

	// After a crash in the middle, the lease runs out.
	chunk := random(1, maxChunk)
	d := &staged{}
	require.NoError(t, s.write(t.Context(), func(t *tx) error { return t.spool(1, d, 0, 0, chunk, false) }))
	sweepAll(t, s)
	require.EqualValues(t, 1, count(t, s, "chunk"), "it may still be coming")
	require.NoError(t, s.write(t.Context(), func(t *tx) error { t.now = t.now.Add(s.tune.lease + time.Minute); _, err := t.sweep(); return err }))
	require.Zero(t, count(t, s, "content")+count(t, s, "chunk"))

	// A body that arrives so slowly that its lease ended is an error, not damage.
	d.summary, d.size, d.stored = []byte{}, maxChunk, maxChunk
	err := s.write(t.Context(), func(t *tx) error { return appendStaged(t, m, d) })
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	// A lease is renewed while octets arrive.
	d = &staged{}
	require.NoError(t, s.write(t.Context(), func(t *tx) error { return t.spool(1, d, 0, 0, chunk, false) }))
	require.NoError(t, s.write(t.Context(), func(t *tx) error {
		t.now = t.now.Add(s.tune.lease - time.Minute)
		return t.spool(1, d, 0, maxChunk, chunk, false)
	}))
	require.NoError(t, s.write(t.Context(), func(t *tx) error { t.now = t.now.Add(s.tune.lease + time.Minute); _, err := t.sweep(); return err }))
	require.EqualValues(t, 2, count(t, s, "chunk"))
}

// appendStaged appends a staged message.
func appendStaged(t *tx, m mailbox.Mailbox, msg *staged) error {
	b := m.(*box)
	row, err := t.box(b.a.id, b.id)
	if err != nil {
		return err
	}
	acct, err := t.account(b.a.id)
	if err != nil {
		return err
	}
	_, err = t.append(row, acct, []*staged{msg})
	return err
}

// The writer sweeps by itself, including the garbage of an earlier process.
func TestSweepByItself(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s := openPath(t, path, nil)
	m := inbox(t, s, "alice")
	fill(t, m, 10)
	require.NoError(t, s.write(t.Context(), func(*tx) error { s.tune.grace = 0; return nil }))
	_, err := m.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	require.NoError(t, s.Close())
	s = openPath(t, path, &Options{PollInterval: time.Millisecond})
	for count(t, s, "content") > 0 {
		time.Sleep(time.Millisecond)
	}

	// A body that a crash has cut off need not wait for the end of its lease
	// where no other process can be sending it.
	require.NoError(t, s.write(t.Context(), func(t *tx) error { return t.spool(1, &staged{}, 0, 0, message4k, false) }))
	require.NoError(t, s.Close())
	s = openPath(t, path, &Options{PollInterval: time.Millisecond, Exclusive: true})
	for count(t, s, "content") > 0 {
		time.Sleep(time.Millisecond)
	}
}

// The memory of expunges stays within bounds, and Changes still returns at least
// all vanished UIDs.
func TestForgetVanished(t *testing.T) {
	s := openStore(t, &Options{MaxVanished: 10})
	m := inbox(t, s, "alice")
	rng := rand.New(rand.NewPCG(3, 4))
	model := map[mailbox.UID]bool{}
	type view struct {
		state mailbox.State
		uids  mailbox.UIDSet
	}
	var views []view
	rounds := 150
	if testing.Short() {
		rounds = 30
	}
	for range rounds {
		var msgs []mailbox.Incoming
		for range rng.IntN(4) {
			msgs = append(msgs, mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
		}
		res, err := m.Append(t.Context(), msgs...)
		require.NoError(t, err)
		for uid := range res.DestUIDs().All() {
			model[uid] = true
		}
		var gone mailbox.UIDSet
		for uid := range model {
			if rng.IntN(20) == 0 || len(model) > 15 && rng.IntN(2) == 0 {
				gone = gone.Union(mailbox.UIDSetOf(uid))
				delete(model, uid)
			}
		}
		did, err := m.Expunge(t.Context(), gone, mailbox.FlagSet{})
		require.NoError(t, err)
		require.True(t, gone.Equal(did.SourceUIDs()))

		snap, err := m.Snapshot(t.Context())
		require.NoError(t, err)
		require.Equal(t, len(model), snap.UIDs.Len())
		for uid := range model {
			require.True(t, snap.UIDs.Contains(uid))
		}
		for _, v := range views {
			ch, err := m.Changes(t.Context(), v.state)
			require.NoError(t, err)
			now := v.uids.Subtract(ch.Vanished).Union(ch.New).Union(ch.Changed)
			require.True(t, now.Equal(snap.UIDs), "since %v: %v, not %v", v.state, now, snap.UIDs)
			require.True(t, ch.Vanished.Intersect(snap.UIDs).IsEmpty())
		}
		views = append(views, view{snap.State, snap.UIDs})
		require.LessOrEqual(t, count(t, s, "vanished"), int64(10+len(model)+1))
	}
}

// Contents that are being read stay, however many there are, and keep no other from
// being freed. A large one, which takes several steps, is freed without a new look
// at them in each.
func TestSweepPassesPinned(t *testing.T) {
	s := openSweeping(t)
	m := inbox(t, s, "alice")
	ctx := t.Context()
	fill(t, m, 3*sweepContents)
	_, err := m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	require.NoError(t, s.write(ctx, func(t *tx) error {
		_, err := t.exec("UPDATE content SET free_at = 1") // they are the oldest
		return err
	}))
	for id := range int64(3 * sweepContents) {
		s.pins.add(1 + id)
	}
	const size = 3*sweepChunks*maxChunk - 1000
	for range 2 {
		_, err = m.Append(ctx, mailbox.Incoming{Body: lines(size), Size: size})
		require.NoError(t, err)
	}
	_, err = m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	steps := 0
	for more := true; more; steps++ {
		require.NoError(t, s.write(ctx, func(t *tx) (err error) { more, err = t.sweep(); return err }))
		if count(t, s, "content") == 3*sweepContents {
			break
		}
	}
	require.LessOrEqual(t, steps, 3+2*3+1, "to pass them, and for the large ones")
	require.Zero(t, count(t, s, "chunk"))
	for id := range int64(3 * sweepContents) {
		s.pins.remove(1 + id)
	}
	sweepAll(t, s) // the rest of this round
	sweepAll(t, s)
	require.Zero(t, count(t, s, "content"))
}
