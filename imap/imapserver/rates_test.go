package imapserver_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
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
