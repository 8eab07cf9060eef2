package smtpserver_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// The recipients of a transaction and its message are counted for as long as it lasts,
// over all its commands. What is too much is refused for now.
func TestTransactionMemory(t *testing.T) {
	_, d := store(t, nil, "alice", "bob")
	srv := &smtpserver.Server{Backend: d, Limits: smtpserver.Limits{Recipients: 1000}}
	srv.Bounds = &textproto.Bounds{MemoryPerConn: 192 << 10}
	k := talk(t, start(t, srv))
	held := func() int64 { return srv.Stats().Bounds.MemoryHeld }
	k.do("EHLO c", "250")
	recipients := func(n int) {
		k.do("MAIL FROM:<a@example.org>", "250")
		for i := range n {
			k.do("RCPT TO:<"+[]string{"alice", "bob"}[i%2]+"@example.org>", "250")
		}
	}
	recipients(1)
	k.bdat("Subject: x\r\n\r\n", false, "250")
	require.EqualValues(t, 192<<10, held(), "two buffers and a recipient")
	k.bdat("x\r\n", true, "250")
	k.do("NOOP", "250")
	require.Zero(t, held())

	recipients(130)
	require.EqualValues(t, 128<<10, held())
	k.bdat("Subject: x\r\n\r\n", false, "452 4.3.1")
	k.do("RSET", "250")
	require.Zero(t, held())
	recipients(300)
	for range 100 {
		k.c.WriteString("RCPT TO:<alice@example.org>\r\n")
	}
	k.c.WriteString("QUIT\r\n")
	require.NoError(t, k.c.Flush())
	replies := map[string]int{}
	for {
		line, err := k.c.ReadLine()
		if err != nil {
			break
		}
		replies[string(line[:9])]++
	}
	require.Equal(t, 100, replies["250 2.1.5"]+replies["452 4.3.1"], replies)
	require.Positive(t, replies["452 4.3.1"])
	require.EqualValues(t, replies["452 4.3.1"]+1, srv.Stats().Bounds.MemoryRefused)
	require.Eventually(t, func() bool { return held() == 0 }, 10*time.Second, time.Millisecond)

}

// Answers that nobody reads end the session after a time. Meanwhile nothing gathers:
// the server takes no more commands than fit into a buffer.
func TestUnreadOutput(t *testing.T) {
	for _, every := range []time.Duration{0, 10 * time.Second} {
		t.Run(fmt.Sprint(every), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				_, d := store(t, nil, "alice")
				srv := &smtpserver.Server{Backend: d, Limits: smtpserver.Limits{Idle: 1 << 30}}
				l := testutil.NewPipeListener()
				done := make(chan error, 1)
				go func() { done <- srv.Serve(l) }()
				nc := l.Dial()
				k := &talker{t, textproto.NewConn(nc, nil)}
				k.expect("220")
				k.do("EHLO c", "250")
				k.do("MAIL FROM:<a@example.org>", "250")
				k.do("RCPT TO:<alice@example.org>", "250")
				k.bdat("Subject: x\r\n\r\n", false, "250")
				flood := testutil.NewFlood(nc, strings.Repeat("VRFY alice\r\n", 100), every)
				synctest.Wait()
				st := srv.Stats().Bounds
				require.LessOrEqual(t, st.MemoryBuffers, int64(2*64<<10))
				require.Positive(t, st.MemoryHeld)
				flood.Wait()
				require.Less(t, flood.Sent(), int64(256<<10))
				synctest.Wait()
				require.Zero(t, srv.Stats().Active)
				require.EqualValues(t, 1, srv.Stats().Unread)
				st = srv.Stats().Bounds
				require.Zero(t, st.MemoryHeld)
				require.Zero(t, st.MemoryBuffers)
				nc.Close()
				require.NoError(t, srv.Close())
				require.Equal(t, textproto.ErrServerClosed, <-done)
			})
		})
	}
}
