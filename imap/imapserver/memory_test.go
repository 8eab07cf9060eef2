package imapserver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// The memory of a command is counted before it is taken, and one that needs too much
// is refused; the next command finds all as before.
func TestCommandMemory(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", manyAddresses(3000))
	appendTo(t, acct, "INBOX", manyParts(1000))
	appendTo(t, acct, "INBOX", testMessage(1))
	appendTo(t, acct, "INBOX", "\r\n"+strings.Repeat("x\r\n", 100_000))
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.Bounds = &textproto.Bounds{Memory: -1, MemoryPerConn: 100 << 10}
	c := login(t, start(t, srv))
	c.ok("SELECT INBOX")
	held := func() int64 { return srv.Stats().Bounds.MemoryHeld }
	const refused = "NO [LIMIT] no memory for this now; try again later or ask for less"
	for i, tc := range []struct {
		name, cmd string
		refused   bool
	}{
		{"a literal", "SEARCH TEXT {60000}", true},
		{"a long line", "SEARCH TEXT " + strings.Repeat("x", 60_000), true},
		{"many elements", "SEARCH" + strings.Repeat(" ALL", 1000), true},
		{"many ranges", "SEARCH " + strings.Repeat("1,3,", 4000) + "1", true},
		{"less", "SEARCH" + strings.Repeat(" ALL", 400), false},
		{"a large envelope", "FETCH 3,1 ENVELOPE", true},
		{"a large structure", "FETCH 2 BODY", true},
		{"its text", "FETCH 2 BODY.PEEK[]", false},
		{"an envelope", "FETCH 3 ENVELOPE", false},
		{"a large text", "FETCH 4 BODY.PEEK[]", true},
	} {
		before := srv.Stats().Bounds.MemoryRefused
		if strings.HasPrefix(tc.name, "its text") {
			c.send("f " + tc.cmd + "\r\n")
			for !strings.HasPrefix(c.line(), "f OK") {
			}
		} else if _, status := c.cmd(tc.cmd); tc.refused {
			require.Equal(t, refused, status, tc.name)
			require.Equal(t, before+1, srv.Stats().Bounds.MemoryRefused)
		} else {
			require.Contains(t, status, "OK", tc.name)
		}
		c.ok("NOOP")
		require.Zero(t, held(), "%d %s", i, tc.name)
	}
}

// A view with many gaps is counted for as long as the mailbox is selected.
func TestViewMemory(t *testing.T) {
	const n = 8000
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	in, err := acct.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	var odd mailbox.UIDSet
	for i := range n {
		uid := appendTo(t, acct, "INBOX", "\r\n")
		if i%2 == 1 {
			odd.Add(uid)
		}
	}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.Bounds = &textproto.Bounds{Memory: -1, MemoryPerConn: 128 << 10}
	addr := start(t, srv)
	c := login(t, addr)
	held := func() int64 { return srv.Stats().Bounds.MemoryHeld }
	c.ok("SELECT INBOX")
	require.Zero(t, held(), "one run")
	_, err = in.Expunge(t.Context(), odd, mailbox.FlagSet{})
	require.NoError(t, err)
	c.ok("CHECK")
	c.ok("CHECK")
	require.GreaterOrEqual(t, held(), int64(n/2*12))
	c.ok("UNSELECT")
	require.Zero(t, held())
	c.ok("SELECT INBOX")
	require.GreaterOrEqual(t, held(), int64(n/2*12))
	c.ok("LOGOUT")
	_, err = c.r.ReadByte()
	require.Error(t, err)
	require.Eventually(t, func() bool { return held() == 0 }, 10*time.Second, time.Millisecond)

	srv = &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.Bounds = &textproto.Bounds{MemoryPerConn: n / 2 * 8}
	c = login(t, start(t, srv))
	_, status := c.cmd("SELECT INBOX")
	require.Contains(t, status, "NO [LIMIT]")
	_, status = c.cmd("FETCH 1 FLAGS")
	require.Contains(t, status, "BAD", "nothing is selected")
	require.Zero(t, held())
}

// Answers that nobody reads end the session after a time. Meanwhile nothing gathers:
// the server takes no more commands than fit into a buffer.
func TestUnreadOutput(t *testing.T) {
	for _, every := range []time.Duration{0, 10 * time.Second} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			users := testUsers()
			synctest.Test(t, func(t *testing.T) {
				store := newStore(t, nil)
				acct, err := store.Account(t.Context(), "fred")
				require.NoError(t, err)
				appendTo(t, acct, "INBOX", manyAddresses(3000))
				srv := &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true, OnAuth: func(context.Context, sasl.Attempt) {}}
				l := testutil.NewPipeListener()
				done := make(chan error, 1)
				go func() { done <- srv.Serve(l) }()
				nc := l.Dial()
				c := newClient(t, nc)
				c.line()
				c.ok("LOGIN fred secret")
				c.ok("SELECT INBOX")
				nc.SetDeadline(time.Time{})
				flood := testutil.NewFlood(nc, "x FETCH 1 (ENVELOPE BODY[])\r\n", every)
				synctest.Wait()
				st := srv.Stats().Bounds
				require.LessOrEqual(t, st.MemoryBuffers, int64(2*64<<10))
				require.LessOrEqual(t, st.MemoryHeld, int64(3000*128+len(manyAddresses(3000))+64<<10))
				require.Positive(t, st.MemoryHeld)
				flood.Wait()
				require.Less(t, flood.Sent(), int64(8<<10))
				synctest.Wait()
				require.Zero(t, srv.Stats().Active)
				require.EqualValues(t, 1, srv.Stats().Unread)
				st = srv.Stats().Bounds
				require.Zero(t, st.MemoryHeld)
				require.Zero(t, st.MemoryBuffers)
				require.Zero(t, st.Accounts)
				nc.Close()
				require.NoError(t, srv.Close())
				require.Equal(t, textproto.ErrServerClosed, <-done)
				acct.Close()
				store.Close()
			})
		})
	}
}
