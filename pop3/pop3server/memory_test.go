package pop3server

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/textproto"
)

// What a maildrop takes is counted for as long as the session has it. One that takes
// too much is refused, and the account is free for another session.
func TestMaildropMemory(t *testing.T) {
	const n = 1000
	many := make([]string, n)
	for i := range many {
		many[i] = "Subject: x\r\n\r\nx\r\n"
	}
	store, _ := openStore(t, many...)
	srv := newServer(t, store)
	srv.Bounds = &textproto.Bounds{MemoryPerConn: n * (msgMemory + uidMemory/2)}
	held := func() int64 { return srv.Stats().Bounds.MemoryHeld }
	p := dial(t, testutil.Serve(t, srv))
	p.login()
	kept := held()
	require.GreaterOrEqual(t, kept, int64(n*msgMemory))
	for range 2 { // what was counted for the first is given back
		require.Equal(t, "-ERR [SYS/TEMP] "+textNoMemory, p.do("UIDL"))
	}
	require.Contains(t, p.do("STAT"), "+OK")
	require.Equal(t, kept, held())
	require.EqualValues(t, 2, srv.Stats().Bounds.MemoryRefused)
	require.Contains(t, p.do("QUIT"), "+OK")
	p.closed()
	require.Eventually(t, func() bool { return held() == 0 }, 10*time.Second, time.Millisecond)

	srv = newServer(t, store)
	srv.Bounds = &textproto.Bounds{MemoryPerConn: n * msgMemory / 2}
	p = dial(t, testutil.Serve(t, srv))
	p.line()
	for range 2 {
		require.Contains(t, p.do("USER mrose"), "+OK")
		require.Equal(t, "-ERR [SYS/TEMP] "+textNoMemory, p.do("PASS tanstaaf"))
	}
	require.Zero(t, held())
	require.Contains(t, p.do("USER tim"), "+OK")
	require.Contains(t, p.do("PASS tanstaaf"), "+OK", "a small one")
}

// What is held of a message while it is sent is counted until it has been.
func TestContentMemory(t *testing.T) {
	store, _ := openStore(t, "\r\n"+strings.Repeat("x\r\n", 100_000), "\r\n"+strings.Repeat("x\r\n", 10_000))
	srv := newServer(t, store)
	srv.Bounds = &textproto.Bounds{MemoryPerConn: 100 << 10}
	p := dial(t, testutil.Serve(t, srv))
	p.login()
	for _, cmd := range []string{"RETR 1", "TOP 1 1"} {
		require.Equal(t, "-ERR [SYS/TEMP] "+textNoMemory, p.do(cmd))
	}
	require.Contains(t, p.do("RETR 2"), "+OK")
	for p.line() != "." {
	}
	require.Contains(t, p.do("NOOP"), "+OK")
	require.Zero(t, srv.Stats().Bounds.MemoryHeld)
	require.GreaterOrEqual(t, srv.Stats().Bounds.MemoryPeak, int64(30_000))
}

// Answers that nobody reads end the session after a time. Meanwhile nothing gathers:
// the server takes no more commands than fit into a buffer.
func TestUnreadOutput(t *testing.T) {
	for _, every := range []time.Duration{0, 10 * time.Second} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store, _ := openStore(t, "Subject: x\r\n\r\n"+strings.Repeat(strings.Repeat("x", 70)+"\r\n", 10_000))
				srv := newServer(t, store)
				p := inBubble(t, srv)
				p.login()
				flood := testutil.NewFlood(p.nc, "RETR 1\r\nLIST\r\nUIDL\r\n", every)
				synctest.Wait()
				require.LessOrEqual(t, srv.Stats().Bounds.MemoryBuffers, int64(2*64<<10))
				flood.Wait()
				require.Less(t, flood.Sent(), int64(8<<10))
				synctest.Wait()
				require.Zero(t, srv.Stats().Active)
				require.EqualValues(t, 1, srv.Stats().Unread)
				st := srv.Stats().Bounds
				require.Zero(t, st.MemoryHeld)
				require.Zero(t, st.MemoryBuffers)
				require.Zero(t, st.Accounts)
			})
		})
	}
}
