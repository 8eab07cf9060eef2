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
	})
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
