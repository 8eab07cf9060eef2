package imapclient_test

import (
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// An Update has no flags of messages that have vanished meanwhile, such as the
// \\Deleted that preceded their end.
func TestUpdateFlagsOfVanished(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := newFake(t)
		f.on = func(_ *fakeConn, cmd string) string {
			if cmd != "NOOP" {
				return ""
			}
			return "* 2 FETCH (FLAGS (\\Deleted))\n* 3 FETCH (FLAGS (\\Seen))\n* 2 EXPUNGE\n${tag} OK done"
		}
		c, err := f.dial(t.Context())
		require.NoError(t, err)
		defer c.Close()
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		_, err = m.UIDs(t.Context())
		require.NoError(t, err)
		u, err := m.Poll(t.Context())
		require.NoError(t, err)
		require.Equal(t, "2 gone 2 3\\Seen", describe(u))
	})
}
