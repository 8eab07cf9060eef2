package imapserver_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
)

func TestHooks(t *testing.T) {
	var refuse atomic.Pointer[error]
	var seen []string
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true, Authenticator: plainUsers{},
		ID: imap.IDFields{{Name: "name", Value: "test"}, {Name: "vendor"}}}
	srv.OnConnect = func(_ context.Context, c *imapserver.Conn) error {
		require.NotEmpty(t, c.ID())
		require.Nil(t, c.TLS())
		require.True(t, c.RemoteAddr().(*net.TCPAddr).IP.IsLoopback())
		require.True(t, c.LocalAddr().(*net.TCPAddr).IP.IsLoopback())
		if err := refuse.Load(); err != nil {
			return *err
		}
		return nil
	}
	srv.OnID = func(c *imapserver.Conn, id imap.IDFields) {
		require.Equal(t, id, c.ClientID())
		seen = append(seen, id.Get("NAME"))
	}
	addr := start(t, srv)

	other := dial(t, addr)
	require.Equal(t, []string{`* ID ("name" "test" "vendor" NIL)`}, other.ok(`ID ("name" "client" "version" NIL)`))
	other.ok("ID NIL")
	require.Equal(t, []string{"client"}, seen)

	for _, tc := range []struct {
		err  error
		want string
	}{
		{errors.New("internal reasons"), "* BYE [UNAVAILABLE] no service for this client"},
		{&imap.Error{Status: imap.NO, Code: imap.CodeContactAdmin, Text: "you are\r\n* blocked"}, "* BYE [CONTACTADMIN] you are  * blocked"},
	} {
		refuse.Store(&tc.err)
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		defer conn.Close()
		require.Equal(t, tc.want, newClient(t, conn).line())
	}
}

// TestLargeHeader: fields of a header that is too large to be held, in whole
// and in part.
func TestLargeHeader(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	// Within the limit of what is taken for the header (mailbox/message).
	many := strings.Repeat("X-Many: "+strings.Repeat("z", 990)+"\r\n", 400)
	appendTo(t, acct, "INBOX", "Subject: short\r\n"+many+"\r\nbody\r\n")
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}))
	c.ok("SELECT INBOX")
	lines := c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (X-Many)]")
	require.Equal(t, fmt.Sprintf("* 1 FETCH (BODY[HEADER.FIELDS (X-Many)] {%d}", len(many)+2), lines[0])
	require.Equal(t, many+"\r\n)", strings.Join(lines[1:], "\r\n"))
	lines = c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (X-Many)]<998.10>")
	require.Equal(t, []string{"* 1 FETCH (BODY[HEADER.FIELDS (X-Many)]<998> {10}", "", "X-Many: )"}, lines)
	lines = c.ok("FETCH 1 BODY.PEEK[HEADER.FIELDS (X-Many)]<900000.10>")
	require.Equal(t, []string{`* 1 FETCH (BODY[HEADER.FIELDS (X-Many)]<900000> "")`}, lines)
	require.Equal(t, []string{"* SEARCH 1"}, c.ok("SEARCH HEADER X-Many zzz BODY body"))
}
