package pop3server

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/textproto"
)

// What is done for each message of a maildrop, and for each kilobyte of one, is work.
// A login that costs too much leaves the maildrop to another.
func TestWork(t *testing.T) {
	many := make([]string, 600)
	for i := range many {
		many[i] = "Subject: x\r\n\r\nx\r\n"
	}
	store, _ := openStore(t, many...)
	srv := newServer(t, store)
	srv.MaxWork = 300
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	for range 2 {
		require.Contains(t, p.do("USER mrose"), "+OK")
		require.Equal(t, "-ERR [SYS/TEMP] "+textTooCostly, p.do("PASS tanstaaf"))
	}
	require.EqualValues(t, 2, srv.Stats().TooMuchWork)
	require.Zero(t, srv.Stats().Bounds.Accounts)

	srv = newServer(t, store)
	srv.MaxWork = 600
	p = dial(t, testutil.Serve(t, srv))
	p.login()
	require.Contains(t, p.do("UIDL"), "+OK")
	require.Equal(t, 600, strings.Count(p.body(), "\r\n"))
	require.Zero(t, srv.Stats().TooMuchWork)

	store, _ = openStore(t, "Subject: x\r\n\r\n"+strings.Repeat(strings.Repeat("x", 78)+"\r\n", 10_000)) // 800 KB
	srv = newServer(t, store)
	srv.MaxWork = 500
	p = dial(t, testutil.Serve(t, srv))
	p.login()
	require.Contains(t, p.do("TOP 1 10"), "+OK")
	p.body()
	require.Contains(t, p.do("RETR 1"), "+OK")
	for line, err := p.r.ReadString('\n'); err == nil; line, err = p.r.ReadString('\n') {
		require.NotEqual(t, ".\r\n", line)
	}
}

// A login beyond the connections of an account finds the maildrop in use.
func TestMaxConnsPerAccount(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.Shared = true
	srv.Bounds = &textproto.Bounds{MaxConnsPerAccount: 1}
	addr := testutil.Serve(t, srv)
	p, q := dial(t, addr), dial(t, addr)
	p.login()
	q.line()
	require.Contains(t, q.do("USER mrose"), "+OK")
	require.Equal(t, "-ERR [IN-USE] "+textTooMany, q.do("PASS tanstaaf"))
	require.Contains(t, q.do("USER tim"), "+OK")
	require.Contains(t, q.do("PASS tanstaaf"), "+OK")
}
