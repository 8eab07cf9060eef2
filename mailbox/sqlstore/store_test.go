package sqlstore

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/mailboxtest"
)

// openStore opens a database in a folder of the test's own, and closes it with
// the test.
func openStore(t testing.TB, opts *Options) *Store {
	t.Helper()
	return openPath(t, filepath.Join(t.TempDir(), "mail.db"), opts)
}

func openPath(t testing.TB, path string, opts *Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestStore(t *testing.T) {
	mailboxtest.Run(t, func(t testing.TB) mailbox.Store { return openStore(t, nil) }, &mailboxtest.Options{
		Reopen: func(t testing.TB, s mailbox.Store) mailbox.Store {
			require.NoError(t, s.(*Store).Close())
			return openPath(t, s.(*Store).path, nil)
		},
		WithLimits: func(t testing.TB, lim mailbox.Limits) mailbox.Store {
			return openStore(t, &Options{Limits: lim})
		},
	})
}
