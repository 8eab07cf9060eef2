package sqlite

import (
	"context"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// stored returns the octets of all contents in the database.
func stored(t testing.TB, s *Store) (n int64) {
	t.Helper()
	require.NoError(t, s.read(t.Context(), func(c *conn) (err error) {
		n, err = c.queryInt(`SELECT (SELECT ifnull(sum(length(summary)), 0) FROM content) + (SELECT ifnull(sum(length(data)), 0) FROM body)
			+ (SELECT ifnull(sum(length(data)), 0) FROM chunk)`)
		return err
	}))
	return n
}

func setQuota(t testing.TB, m mailbox.Mailbox, storage int64) {
	t.Helper()
	require.NoError(t, m.(*box).a.SetQuota(t.Context(), QuotaRoot, map[mailbox.QuotaName]int64{mailbox.QuotaStorage: storage}))
}

// waitingOf returns what waits to be freed in the account of a mailbox.
func waitingOf(t testing.TB, m mailbox.Mailbox) (n int64) {
	t.Helper()
	a := m.(*box).a
	require.NoError(t, a.read(t.Context(), func(c *conn) error {
		row, err := loadAccount(c, a.id)
		if err == nil {
			n = row.waiting
		}
		return err
	}))
	return n
}

// tuned sets the times of a store, which sweeps only on request.
func tuned(t testing.TB, s *Store, hurry, patience time.Duration) {
	t.Helper()
	require.NoError(t, s.write(t.Context(), func(*tx) error {
		s.tune.hurry, s.tune.patience, s.tune.sweep = hurry, patience, time.Hour
		s.writer.swept = time.Now()
		return nil
	}))
}

// sweepLater sweeps what is to be freed after a time.
func (s *Store) sweepLater(t testing.TB, d time.Duration) {
	t.Helper()
	for more := true; more; {
		require.NoError(t, s.write(t.Context(), func(t *tx) (err error) {
			t.now = t.now.Add(d)
			more, err = t.sweep()
			return err
		}))
	}
}

// What an account appends and removes again and again stays within its quota and
// the allowance, however it is removed.
func TestWaitingIsBounded(t *testing.T) {
	const quota, allowance = 3 << 20, 2 << 20
	ctx := t.Context()
	remove := func(t *testing.T, m mailbox.Mailbox) {
		_, err := m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
		require.NoError(t, err)
	}
	for name, test := range map[string]struct {
		size, n int64
		remove  func(*testing.T, mailbox.Mailbox)
	}{
		"large": {quota - 1, 1, remove},
		"small": {60 << 10, 40, remove},
		"tiny":  {1, 200, remove},
		"copied": {1 << 20, 1, func(t *testing.T, m mailbox.Mailbox) {
			_, err := m.Copy(ctx, mailbox.AllUIDs(), "INBOX")
			require.NoError(t, err)
			remove(t, m)
		}},
		"moved": {1 << 20, 2, func(t *testing.T, m mailbox.Mailbox) {
			a := m.(*box).a
			_, err := a.Create(ctx, "other", nil)
			require.NoError(t, err)
			_, err = m.Move(ctx, mailbox.AllUIDs(), "other")
			require.NoError(t, err)
			require.NoError(t, a.Delete(ctx, "other"))
		}},
		"replaced": {1 << 20, 1, func(t *testing.T, m mailbox.Mailbox) {
			snap, err := m.Snapshot(ctx)
			require.NoError(t, err)
			_, err = m.(mailbox.Replacer).Replace(ctx, snap.UIDs.Min(), "INBOX", mailbox.Incoming{Body: lines(1 << 20), Size: mailbox.SizeUnknown})
			require.NoError(t, err)
			remove(t, m)
		}},
		"given up": {1 << 20, 1, func(t *testing.T, m mailbox.Mailbox) {
			remove(t, m)
			_, err := m.Append(ctx, mailbox.Incoming{Body: lines(1 << 20), Size: 2 << 20})
			require.ErrorIs(t, err, mailbox.ErrSize)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			s := openStore(t, &Options{MaxWaiting: allowance})
			tuned(t, s, 0, time.Hour)
			m := inbox(t, s, "alice")
			setQuota(t, m, quota)
			largest := int64(0)
			for range 20 {
				var msgs []mailbox.Incoming
				for range test.n {
					msgs = append(msgs, mailbox.Incoming{Body: lines(test.size), Size: test.size})
				}
				_, err := m.Append(ctx, msgs...)
				require.NoError(t, err)
				largest = max(largest, stored(t, s))
				test.remove(t, m)
				largest = max(largest, stored(t, s))
				require.LessOrEqual(t, stored(t, s), waitingOf(t, m))
			}
			require.LessOrEqual(t, largest, int64(quota+allowance))
			s.sweepLater(t, 0) // deleted mailboxes
			s.sweepLater(t, s.tune.grace+time.Minute)
			require.Zero(t, waitingOf(t, m))
			require.Zero(t, stored(t, s))
		})
	}
}

// Where the space cannot be freed soon, an Append is refused, and says why. That of
// other accounts is not.
func TestWaitingIsRefused(t *testing.T) {
	s := openStore(t, &Options{MaxWaiting: -1})
	tuned(t, s, time.Hour, time.Minute)
	m := inbox(t, s, "alice")
	setQuota(t, m, 3<<20)
	ctx := t.Context()
	add := func(m mailbox.Mailbox, size, announced int64) error {
		_, err := m.Append(ctx, mailbox.Incoming{Body: lines(size), Size: announced})
		return err
	}
	require.NoError(t, add(m, 2<<20, 2<<20))
	_, err := m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	held := stored(t, s)
	for _, announced := range []int64{2 << 20, mailbox.SizeUnknown} {
		err = add(m, 2<<20, announced)
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
		require.ErrorContains(t, err, "not free yet")
	}
	require.Less(t, stored(t, s), held+1<<20, "refused as soon as it is known")
	require.NoError(t, add(m, 1000, 1000), "there is space for a smaller one")
	require.NoError(t, add(inbox(t, s, "bob"), 2<<20, 2<<20))
	// Small contents need not be kept for readers.
	_, err = m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	before := waitingOf(t, m)
	require.EqualValues(t, 1, count(t, s, "body"))
	sweepAll(t, s)
	require.Zero(t, count(t, s, "body"))
	require.Less(t, waitingOf(t, m), before-1000)
	require.Less(t, int64(2<<20), waitingOf(t, m))
}

// Bodies that arrive at the same time, in several processes, are admitted to
// different space.
func TestArrivingIsReserved(t *testing.T) {
	const quota, allowance, size = 4 << 20, 4 << 20, 3 << 20
	for _, announced := range []int64{size, mailbox.SizeUnknown} {
		path := filepath.Join(t.TempDir(), "mail.db")
		s := openPath(t, path, &Options{MaxWaiting: allowance})
		another := openPath(t, path, &Options{MaxWaiting: allowance})
		tuned(t, s, time.Hour, time.Minute)
		tuned(t, another, time.Hour, time.Minute)
		m := inbox(t, s, "alice")
		setQuota(t, m, quota)
		boxes := []mailbox.Mailbox{m, inbox(t, another, "alice")}
		const n = 10
		errs := make(chan error)
		end := make(chan struct{})
		for i := range n {
			body := io.MultiReader(lines(size-1), waitFor(end), strings.NewReader("x"))
			go func() {
				_, err := boxes[i%2].Append(context.Background(), mailbox.Incoming{Body: body, Size: announced})
				errs <- err
			}()
		}
		if announced == mailbox.SizeUnknown {
			close(end)
		}
		made := 0
		for i := range n {
			if announced == size && i == n-2 {
				// Two fit into quota and allowance. The others were refused while
				// these wait for their last octet.
				close(end)
			}
			if err := <-errs; err == nil {
				made++
			} else {
				require.ErrorIs(t, err, mailbox.ErrOverQuota)
			}
			require.LessOrEqual(t, stored(t, s), int64(quota+allowance))
		}
		require.LessOrEqual(t, made, 1, "the quota has room for one")
		if announced == size {
			require.Equal(t, 1, made)
		}
		for _, s := range []*Store{s, another} { // what was given up is told by now
			require.NoError(t, s.write(t.Context(), func(*tx) error { return nil }))
		}
		s.sweepLater(t, 0)
		require.Zero(t, waitingOf(t, m))
	}
}

// waitFor is an empty body that ends when a channel is closed.
type waitFor chan struct{}

func (w waitFor) Read([]byte) (int, error) { <-w; return 0, io.EOF }

// A database of the version before the count of waiting octets gets it.
func TestMigrateWaiting(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	c, err := openConn(fileURL(path))
	require.NoError(t, err)
	require.NoError(t, c.migrate(t.Context(), migrations[:1]))
	require.NoError(t, c.script(`
		INSERT INTO account VALUES (1, 'alice', 1, 1, 1, 0, 0, -1, -1, 1000), (2, 'bob', 1, 1, 1, 0, 0, -1, -1, -1);
		INSERT INTO mailbox VALUES (1, 1, 'INBOX', 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0), (2, 2, 'INBOX', 0, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0);
		INSERT INTO content VALUES (1, 1, 0, 0, 0, x'0102'), (2, 1, 0, 0, 0, x''), (3, 1, 1, 0, 0, x'01');
		INSERT INTO body VALUES (1, 1, zeroblob(100)), (3, 1, zeroblob(30));
		INSERT INTO chunk VALUES (1, 1, 2, 0, zeroblob(2000)), (2, 1, 2, 2000, zeroblob(3000));
		INSERT INTO message VALUES (1, 7, 1, 1, 0, '', 0, 0, 0, 30, 3);
		INSERT INTO trash VALUES (1, 7);`))
	require.NoError(t, c.close())
	s := openPath(t, path, nil)
	requireSound(t, s)
	m := inbox(t, s, "alice")
	require.EqualValues(t, 3*rowSize+102+5000+30, waitingOf(t, m))
	sweepAll(t, s)
	require.Zero(t, waitingOf(t, m))
	require.Zero(t, stored(t, s))
}
