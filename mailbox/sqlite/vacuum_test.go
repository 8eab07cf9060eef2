package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// pages returns how many pages the file has, and how many of them are free.
func pages(t testing.TB, s *Store) (all, free int64) {
	t.Helper()
	require.NoError(t, s.write(t.Context(), func(t *tx) (err error) {
		if all, err = t.c.queryInt("PRAGMA page_count"); err == nil {
			free, err = t.c.queryInt("PRAGMA freelist_count")
		}
		return err
	}))
	return all, free
}

// fileSize returns the size of the database file when the log is empty.
func fileSize(t testing.TB, s *Store) int64 {
	t.Helper()
	c, err := openConn(s.dsn)
	require.NoError(t, err)
	_, err = c.queryInt("PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(t, err)
	require.NoError(t, c.close())
	fi, err := os.Stat(s.path)
	require.NoError(t, err)
	return fi.Size()
}

// The file gets shorter when mail is deleted, in steps of a bounded size, and keeps
// some free pages for the mail that comes next.
func TestVacuum(t *testing.T) {
	s := openSweeping(t)
	m := inbox(t, s, "alice")
	ctx := t.Context()
	fill(t, m, 500)
	for range 24 {
		_, err := m.Append(ctx, mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
		require.NoError(t, err)
	}
	large := fileSize(t, s)
	require.Less(t, int64(24<<20), large)
	_, err := m.Expunge(ctx, mailbox.UIDRangeSet(501, mailbox.MaxUID), mailbox.FlagSet{})
	require.NoError(t, err)

	before, _ := pages(t, s)
	steps := 0
	for more := true; more; {
		require.NoError(t, s.write(ctx, func(t *tx) (err error) { more, err = t.sweep(); return err }))
		now, _ := pages(t, s)
		require.LessOrEqual(t, before-now, int64(vacuumPages+1), "in a step")
		if now < before {
			steps++
		}
		before = now
	}
	require.Less(t, 10, steps)
	all, free := pages(t, s)
	require.InDelta(t, keepPages, free, vacuumPages)
	require.Less(t, all, free+int64(1000))
	require.Less(t, fileSize(t, s), int64(9<<20))

	// Mail of that size comes and goes without a change.
	for range 3 {
		_, err := m.Append(ctx, mailbox.Incoming{Body: lines(3 << 20), Size: 3 << 20})
		require.NoError(t, err)
		_, err = m.Expunge(ctx, mailbox.UIDRangeSet(501, mailbox.MaxUID), mailbox.FlagSet{})
		require.NoError(t, err)
		sweepAll(t, s)
		now, _ := pages(t, s)
		require.InDelta(t, all, now, 16)
	}
}

// A file of before keeps its free pages, and uses them again.
func TestVacuumOfOldFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	c, err := openConn(fileURL(path))
	require.NoError(t, err)
	require.NoError(t, c.migrate(t.Context(), migrations[:1]))
	require.NoError(t, c.close())
	s := openPath(t, path, nil)
	m := inbox(t, s, "alice")
	largest := int64(0)
	for range 4 {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(16 << 20), Size: 16 << 20})
		require.NoError(t, err)
		_, err = m.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
		require.NoError(t, err)
		s.sweepLater(t, s.tune.grace+1e9)
		all, _ := pages(t, s)
		require.True(t, largest == 0 || all <= largest+16)
		largest = max(largest, all)
	}
	require.Less(t, int64(16<<20/pageSize), largest)
}
