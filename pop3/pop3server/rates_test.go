package pop3server

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A command before login counts as a hundred, and a client that gives too many is
// told so.
func TestCommandsRate(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.Rates.Commands = textproto.Rate{N: 1000, Per: time.Hour}
	srv.OnExcess = func(context.Context, textproto.Excess) error { return textproto.ErrTooMany }
	addr := testutil.Serve(t, srv)
	p := dial(t, addr)
	p.line()
	for range 10 {
		require.Contains(t, p.do("USER mrose"), "+OK")
	}
	require.Equal(t, "-ERR [SYS/TEMP] "+textTooManyCmd, p.do("USER mrose"))
	p.closed()

	p = dial(t, addr)
	p.login() // two commands
	for range 800 {
		require.Contains(t, p.do("NOOP"), "+OK")
	}
	require.Equal(t, "-ERR [SYS/TEMP] "+textTooManyCmd, p.do("NOOP"))
	p.closed()
}

// Commands that fail have a rate of their own.
func TestFailuresRate(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.Rates.Failures = textproto.Rate{N: 30, Per: time.Hour}
	p := dial(t, testutil.Serve(t, srv))
	p.login()
	for range 30 {
		require.Contains(t, p.do("RETR 99"), "-ERR")
		require.Contains(t, p.do("NOOP"), "+OK")
	}
	require.Equal(t, "-ERR [SYS/TEMP] "+textTooManyErr, p.do("RETR 99"))
	p.closed()
}
