package sqlite

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
)

func TestStore(t *testing.T) {
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return openStore(t, nil) }, &mailboxtest.Options{
		Reopen: func(t testing.TB, s mailbox.Store) mailbox.Store {
			requireSound(t, s.(*Store))
			require.NoError(t, s.(*Store).Close())
			return openPath(t, s.(*Store).path, nil)
		},
		Second: func(t testing.TB, s mailbox.Store) mailbox.Store { return openPath(t, s.(*Store).path, nil) },
		WithLimits: func(t testing.TB, lim mailbox.Limits) mailbox.Store {
			return openStore(t, &Options{Limits: lim})
		},
		Damage: damageSummary,
	})
}

// damageSummary overwrites the summary of a message, as another program could
// that has the file open.
func damageSummary(t testing.TB, s mailbox.Store, account, name string, uid mailbox.UID) {
	c, err := openConn(s.(*Store).dsn)
	require.NoError(t, err)
	defer func() { require.NoError(t, c.close()) }()
	res, err := c.exec(`UPDATE content SET summary = x'ff00ff' WHERE id = (SELECT m.content FROM message m
		JOIN mailbox b ON b.id = m.mailbox JOIN account a ON a.id = b.account WHERE a.name = ? AND b.name = ? AND m.uid = ?)`,
		account, name, int64(uid))
	require.NoError(t, err)
	n, err := res.RowsAffected()
	require.NoError(t, err)
	require.EqualValues(t, 1, n)
}

func TestCrash(t *testing.T) {
	mailboxtest.Crash(t, mailboxtest.CrashOptions{
		Open: func(dir string) (mailbox.Store, error) {
			s, err := Open(context.Background(), filepath.Join(dir, "mail.db"), nil)
			if err == nil && s.closed() == nil {
				requireSound(t, s)
			}
			return s, err
		},
	})
}

func BenchmarkStore(b *testing.B) {
	mailboxtest.Bench(b, func(t testing.TB) mailbox.Store {
		s, err := Open(b.Context(), filepath.Join(t.TempDir(), "mail.db"), nil)
		require.NoError(t, err)
		t.Cleanup(func() { s.Close() })
		return s
	})
}
