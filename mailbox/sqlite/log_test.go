package sqlite

import (
	"bytes"
	"log/slog"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// holdState opens another connection, as another process could, that reads the
// present state until it is closed.
func holdState(t *testing.T, s *Store) *conn {
	t.Helper()
	c, err := openConn(s.dsn)
	require.NoError(t, err)
	require.NoError(t, c.script("BEGIN"))
	_, err = c.queryInt("SELECT count(*) FROM account")
	require.NoError(t, err)
	return c
}

// openWithLog opens a store whose log is large from 1 MB on, and which looks at it
// only when the test says so.
func openWithLog(t *testing.T, maxLog int64) (s *Store, logged *bytes.Buffer) {
	t.Helper()
	logged = new(bytes.Buffer)
	s = openStore(t, &Options{PollInterval: time.Hour, MaxLog: maxLog, Logger: slog.New(slog.NewTextHandler(logged, nil))})
	s.tune.maxLog, s.tune.warnLog, s.tune.sweep = 1<<20, 2<<20, time.Hour
	return s, logged
}

// A reader in another process that holds an old state makes the log grow. Nothing
// waits for it.
func TestLogWithReader(t *testing.T) {
	s, logged := openWithLog(t, 0)
	m := inbox(t, s, "alice")
	reader := holdState(t, s)
	size := func() int64 {
		fi, err := os.Stat(s.path + "-wal")
		require.NoError(t, err)
		return fi.Size()
	}
	const rounds = 1000
	for i := range rounds {
		if i < 20 {
			fill(t, m, 50)
		}
		s.writer.boundLog()
	}
	require.Greater(t, size(), s.tune.warnLog)
	require.Equal(t, 1, strings.Count(logged.String(), "the log grows"), "%s", logged)
	require.Less(t, s.writer.log.tries, 20, "of %d rounds", rounds)
	require.LessOrEqual(t, 8, s.writer.log.tries)
	timeout, err := s.writer.c.queryInt("PRAGMA busy_timeout")
	require.NoError(t, err)
	require.Zero(t, timeout, "a checkpoint waits for nobody")

	require.NoError(t, reader.close())
	n := 0
	for ; size() > s.tune.maxLog; n++ {
		require.Less(t, n, maxLogPause)
		s.writer.boundLog()
	}
	s.writer.boundLog()
	require.Equal(t, 1, strings.Count(logged.String(), "reused again"), "%s", logged)
	require.NotContains(t, logged.String(), "ERROR")
	tries := s.writer.log.tries
	for range rounds {
		s.writer.boundLog()
	}
	require.Equal(t, tries, s.writer.log.tries, "there is nothing to do")
}

// A log that grows without end ends the growing, not the disk.
func TestLogLimit(t *testing.T) {
	s, _ := openWithLog(t, 4<<20)
	m := inbox(t, s, "alice")
	fill(t, m, 10)
	reader := holdState(t, s)
	message := func() error {
		_, err := m.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
		s.writer.boundLog()
		return err
	}
	var err error
	for range 2000 {
		if err = message(); err != nil {
			break
		}
	}
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	require.ErrorContains(t, err, "log")
	_, err = m.Copy(t.Context(), mailbox.UIDSetOf(1), mailbox.Inbox)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	_, err = m.Append(t.Context(), mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
	require.ErrorIs(t, err, mailbox.ErrUnavailable)

	// What frees space is possible for longer.
	change := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.FlagDeleted)}
	_, err = m.SetFlags(t.Context(), mailbox.UIDSetOf(1), change)
	require.NoError(t, err)
	_, err = m.Expunge(t.Context(), mailbox.UIDSetOf(1), change.Flags)
	require.NoError(t, err)
	s.logSize.Store(8<<20 + 1)
	_, err = m.SetFlags(t.Context(), mailbox.UIDSetOf(2), change)
	require.ErrorIs(t, err, mailbox.ErrUnavailable)

	require.NoError(t, reader.close())
	for range maxLogPause {
		s.writer.boundLog()
	}
	require.NoError(t, message())
}
