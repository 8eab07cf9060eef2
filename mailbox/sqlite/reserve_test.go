package sqlite

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func add(m mailbox.Mailbox, size int64) error {
	_, err := m.Append(context.Background(), mailbox.Incoming{Body: lines(size), Size: size})
	return err
}

// The reserve grows with the database, within bounds, and is not made smaller.
func TestReserveSize(t *testing.T) {
	s := openStore(t, &Options{PollInterval: time.Hour})
	m := inbox(t, s, "alice")
	for _, step := range []struct{ octets, want int64 }{{0, 1 << 20}, {3 << 20, 3 << 20}, {20 << 20, 16 << 20}} {
		if step.octets > 0 {
			require.NoError(t, add(m, step.octets))
		}
		fileSize(t, s) // of the database, without log
		s.writer.keepReserve()
		require.Equal(t, step.want, fileLen(s.reservePath()))
	}
	_, err := m.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	s.sweepLater(t, time.Hour)
	require.Less(t, fileSize(t, s), int64(9<<20))
	s.writer.keepReserve()
	require.EqualValues(t, maxReserve, fileLen(s.reservePath()))
	fi, err := os.Stat(s.reservePath())
	require.NoError(t, err)
	require.Zero(t, fi.Mode().Perm()&0o077)

	none := openStore(t, &Options{PollInterval: time.Hour, Reserve: -1})
	none.writer.keepReserve()
	require.NoFileExists(t, none.reservePath())
}

// A store without its reserve adds nothing. One whose reserve can't be made for
// another reason than a full disk says so once, and goes on.
func TestReserveLow(t *testing.T) {
	s, logged := openWithLog(t, 0)
	m := inbox(t, s, "alice")
	require.NoError(t, os.Mkdir(s.reservePath(), 0o700))
	for range 3 {
		s.reserve.left = 0
		s.writer.keepReserve()
	}
	require.False(t, s.reserve.low.Load())
	require.Equal(t, 1, strings.Count(logged.String(), "reserve space"), "%s", logged)

	s.writer.beLow()
	require.ErrorIs(t, add(m, 10), mailbox.ErrUnavailable)
	_, err := m.(*box).a.Create(t.Context(), "other", nil)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	require.ErrorIs(t, m.(*box).a.Subscribe(t.Context(), "other", true), mailbox.ErrUnavailable)
	require.NoError(t, m.(*box).a.Subscribe(t.Context(), "other", false))
	require.NoError(t, os.RemoveAll(s.reservePath()))
	s.opts.Reserve = 1 << 20
	s.reserve.left = 0
	s.writer.keepReserve()
	require.NoError(t, add(m, 10))
	pages, err := s.writer.c.queryInt("PRAGMA wal_autocheckpoint")
	require.NoError(t, err)
	require.EqualValues(t, s.tune.copyLog, pages)
}

// What can't be written in whole is not left in part.
func TestGrowFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "f")
	require.NoError(t, growFile(path, 0, 300<<10))
	require.EqualValues(t, 300<<10, fileLen(path))
	require.NoError(t, growFile(path, 300<<10, 100))
	require.EqualValues(t, 300<<10, fileLen(path))
	require.NoError(t, growFile(path, 300<<10, 900<<10))
	require.EqualValues(t, 900<<10, fileLen(path))
	require.Error(t, growFile(path+"/x", 0, 10))
	require.Zero(t, fileLen(path+"/x"))
}
