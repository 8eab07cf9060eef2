package imapserver_test

import (
	"context"
	"net"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// closeAll closes the connection of each client that exceeds a rate.
func closeAll(context.Context, textproto.Excess) error { return textproto.ErrTooMany }

// A command before login counts as a hundred, and a client that gives too many is
// told so.
func TestCommandsRate(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	srv.Rates.Commands = textproto.Rate{N: 1000, Per: time.Hour}
	srv.OnExcess = closeAll
	addr := start(t, srv)
	c := dial(t, addr)
	for range 10 {
		c.ok("NOOP")
	}
	c.send("x NOOP\r\n")
	require.Equal(t, "* BYE [LIMIT] too many commands", c.line())

	c = login(t, addr)
	for range 900 {
		c.ok("NOOP")
	}
	c.send("x NOOP\r\n")
	require.Equal(t, "* BYE [LIMIT] too many commands", c.line())
}

// Commands that fail have a rate of their own.
func TestFailuresRate(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	srv.Rates.Failures = textproto.Rate{N: 30, Per: time.Hour}
	c := login(t, start(t, srv))
	for range 30 {
		_, status := c.cmd("SELECT nonesuch")
		require.Contains(t, status, "NO [NONEXISTENT]")
		c.ok("NOOP")
	}
	c.send("x SELECT nonesuch\r\n")
	require.Contains(t, c.line(), "x NO [NONEXISTENT]")
	require.Equal(t, "* BYE [LIMIT] too many failed commands", c.line())
}

// A failed login counts for its network though the client does not wait for the
// answer.
func TestFailedLoginOfGoneClient(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	srv.ProxyFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	srv.Rates.NetworkLogins = textproto.Rate{N: 2, Per: time.Hour}
	failed := make(chan error)
	srv.OnAuth = func(ctx context.Context, a sasl.Attempt) {
		failed <- a.Err
		<-ctx.Done() // as SlowDown, if the client goes
	}
	addr := start(t, srv)
	connect := func() *client {
		conn, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		c := newClient(t, conn)
		c.send("PROXY TCP4 192.0.2.1 192.0.2.2 1 143\r\n")
		return c
	}
	for range 3 {
		c := connect()
		require.Contains(t, c.line(), "* OK")
		c.send("x LOGIN fred wrong\r\n")
		require.ErrorIs(t, <-failed, sasl.ErrAuthFailed)
		c.conn.(*net.TCPConn).SetLinger(0)
		c.conn.Close()
		for srv.Stats().Active > 0 {
			time.Sleep(time.Millisecond)
		}
	}
	require.Equal(t, "* BYE [LIMIT] too many failures from this network, try again later", connect().line())
}
