package imapserver_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A login beyond the connections of an account is refused, and the connection can go
// on. One that has left makes room.
func TestMaxConnsPerAccount(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	srv.Bounds = &textproto.Bounds{MaxConnsPerAccount: 1}
	addr := start(t, srv)
	first, second := login(t, addr), dial(t, addr)
	_, status := second.cmd("LOGIN fred secret")
	require.Equal(t, "NO [LIMIT] too many connections of this user", status)
	second.ok("NOOP")
	first.ok("LOGOUT")
	_, err := first.r.ReadByte()
	require.Error(t, err)
	require.Eventually(t, func() bool { return srv.Stats().Bounds.Accounts == 0 }, 10*time.Second, time.Millisecond)
	second.ok("LOGIN fred secret")
	require.EqualValues(t, 1, srv.Stats().Bounds.AccountsRefused)
}
