package smtpserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Shutdown lets a message under way come to its end and says 421 then.
func TestShutdown(t *testing.T) {
	r := &recorder{}
	srv := &smtpserver.Server{Backend: r}
	addr := start(t, srv)
	idle, busy := talk(t, addr), talk(t, addr)
	idle.do("EHLO x", "250")
	busy.do("EHLO x", "250")
	busy.do("MAIL FROM:<>", "250")
	busy.do("RCPT TO:<a@b.example>", "250")
	busy.do("DATA", "354")
	done := make(chan error)
	go func() { done <- srv.Shutdown(context.Background()) }()
	idle.expect("421 4.3.2 mx.example.org")
	_, err := idle.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)
	busy.do("text\r\n.", "250")
	busy.expect("421 4.3.2")
	require.NoError(t, <-done)
	require.Len(t, r.got(), 1)
	require.NoError(t, srv.Shutdown(context.Background()))
	require.NoError(t, srv.Close())
	require.ErrorIs(t, srv.ListenAndServe("127.0.0.1:0"), textproto.ErrServerClosed)
}

// A Backend's context ends when the server closes the connection.
func TestContext(t *testing.T) {
	entered := make(chan struct{})
	ended := make(chan error, 1)
	r := &recorder{data: func(ctx context.Context, rd io.Reader) error {
		io.Copy(io.Discard, rd)
		close(entered)
		<-ctx.Done()
		ended <- context.Cause(ctx)
		return ctx.Err()
	}}
	srv := &smtpserver.Server{Backend: r}
	k := talk(t, start(t, srv))
	k.do("HELO x", "250")
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<a@b.example>", "250")
	k.do("DATA", "354")
	k.c.WriteString("x\r\n.\r\n")
	k.c.Flush()
	<-entered
	srv.Close()
	require.Error(t, <-ended)
}

func TestNoBackend(t *testing.T) {
	require.ErrorContains(t, (&smtpserver.Server{}).ListenAndServe("127.0.0.1:0"), "Backend")
}

// A panic in a Backend ends its connection only, with a 421.
func TestPanic(t *testing.T) {
	r := &recorder{rcpt: func(to smtp.Address, _ *smtp.RcptOptions) error {
		if to.Local == "panic" {
			panic("boom")
		}
		return nil
	}}
	addr := start(t, &smtpserver.Server{Backend: r})
	other := talk(t, addr)
	k := talk(t, addr)
	k.do("HELO x", "250")
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<panic@b.example>", "421 4.3.0")
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)
	other.do("NOOP", "250")
}

// The bounds on waiting, in fake time.
func TestTimeouts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testutil.NewPipeListener()
		srv := &smtpserver.Server{Backend: &recorder{}, Hostname: "mx.example.org"}
		done := make(chan struct{})
		go func() { defer close(done); srv.Serve(l) }()
		began := time.Now()
		c := textproto.NewConn(l.Dial(), nil)
		read := func(want string) {
			line, err := c.ReadLine()
			require.NoError(t, err)
			require.Contains(t, string(line), want)
		}
		read("220")
		read("421 4.4.2")
		require.Equal(t, 5*time.Minute, time.Since(began))

		// within a message, progress counts
		c = textproto.NewConn(l.Dial(), nil)
		read("220")
		for _, line := range []string{"HELO x", "MAIL FROM:<>", "RCPT TO:<a@b.example>", "DATA"} {
			c.WriteLine(line)
			require.NoError(t, c.Flush())
			c.ReadLine()
		}
		for range 10 {
			time.Sleep(2 * time.Minute)
			c.WriteLine(strings.Repeat("x", 20_000))
			require.NoError(t, c.Flush())
		}
		began = time.Now()
		read("421 4.4.2")
		require.Equal(t, 3*time.Minute, time.Since(began))
		srv.Close()
		<-done
	})
}

// The hook for logins slows down, and hears what happened.
func TestOnAuth(t *testing.T) {
	var mu sync.Mutex
	var heard []string
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("alice", "secret"))
	srv := &smtpserver.Server{Backend: &recorder{}, Authenticator: users, AllowInsecureAuth: true}
	srv.OnAuth = func(_ context.Context, a sasl.Attempt) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprint(a.Mechanism, " ", a.Identity, " ", a.Err, " ", a.Failures, " ", a.Conn.Service, " ", a.Conn.ID))
	}
	k := talk(t, start(t, srv))
	k.do("EHLO x", "250")
	k.do("AUTH PLAIN AGFsaWNlAHdyb25n", "535")
	k.do("AUTH PLAIN", "334")
	k.do("*", "501")
	k.do("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235")
	mu.Lock()
	require.Equal(t, []string{"PLAIN  sasl: authentication failed 1 smtp 1", "PLAIN  sasl: authentication cancelled 2 smtp 1",
		"PLAIN alice <nil> 2 smtp 1"}, heard)
	mu.Unlock()
}

// Credentials do not show in traces, whichever way they come.
func TestTrace(t *testing.T) {
	var mu sync.Mutex
	var b strings.Builder
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("alice", "secret"))
	srv := &smtpserver.Server{Backend: &recorder{}, Authenticator: users, AllowInsecureAuth: true}
	srv.Trace = func(e textproto.Event) {
		mu.Lock()
		defer mu.Unlock()
		b.Write(e.Line)
		b.WriteByte('\n')
	}
	addr := start(t, srv)
	k := talk(t, addr)
	k.do("EHLO x", "250")
	k.do("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235")
	k = talk(t, addr)
	k.do("EHLO x", "250")
	k.do("auth  plain", "334")
	k.do("AGFsaWNlAHNlY3JldA==", "235")
	mu.Lock()
	defer mu.Unlock()
	require.Contains(t, b.String(), "AUTH PLAIN ***")
	require.NotContains(t, b.String(), "AGFsaWNl")
}

// A session gets what the client is known by.
func TestConn(t *testing.T) {
	var seen *smtpserver.Conn
	r := &recorder{newSession: func(c *smtpserver.Conn) error { seen = c; return nil }}
	k := talk(t, start(t, &smtpserver.Server{Backend: r}))
	k.do("EHLO client.example", "250")
	k.do("NOOP", "250")
	require.Equal(t, "client.example", seen.Hello())
	require.Equal(t, "127.0.0.1", seen.RemoteIP().String())
	require.Equal(t, "ESMTP", seen.Protocol())
	require.Equal(t, "mx.example.org", seen.Hostname())
	require.Nil(t, seen.TLS())
	require.Empty(t, seen.Identity())
	require.NotNil(t, seen.LocalAddr())
}

// Extensions can be turned off for some clients.
func TestDisableFor(t *testing.T) {
	srv := &smtpserver.Server{Backend: &recorder{}}
	srv.DisableFor = func(c *smtpserver.Conn) smtp.ExtensionSet {
		if c.Hello() == "old.example" {
			return smtp.ExtensionsOf(smtp.ExtSize)
		}
		return 0
	}
	k := talk(t, start(t, srv))
	k.do("EHLO old.example", "250")
	k.do("MAIL FROM:<> SIZE=1", "555")
	k.do("EHLO new.example", "250")
	k.do("MAIL FROM:<> SIZE=1", "250")
}

// TestVanish is 20 clients that go away during different commands; nothing of
// them may stay.
func TestVanish(t *testing.T) {
	testutil.NoLeaks(t)
	_, d := store(t, nil, "alice")
	d.TempDir = t.TempDir()
	srv := &smtpserver.Server{Backend: d}
	addr := start(t, srv)
	for i := range 20 {
		nc, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		io.WriteString(nc, "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<alice@example.org>\r\n")
		switch i % 4 {
		case 0:
			io.WriteString(nc, "DATA\r\nSubject: x\r\n"+strings.Repeat("x", 100000))
		case 1:
			io.WriteString(nc, "BDAT 200000\r\n"+strings.Repeat("x", 100000))
		case 2:
			io.WriteString(nc, "BDAT 100000\r\n"+strings.Repeat("x", 100000)+"BDAT 4 L")
		}
		time.Sleep(time.Millisecond)
		nc.Close()
	}
	require.Eventually(t, func() bool { return srv.Stats().Active == 0 }, 10*time.Second, time.Millisecond)
	srv.Close()
	left, err := os.ReadDir(d.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)
}

// Too many connections are told so.
func TestTooManyConns(t *testing.T) {
	srv := &smtpserver.Server{Backend: &recorder{}}
	srv.MaxConns = 1
	addr := start(t, srv)
	talk(t, addr)
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	line, err := textproto.NewConn(nc, nil).ReadLine()
	require.NoError(t, err)
	require.Equal(t, "421 4.7.0 mx.example.org too many connections", string(line))
}

// A refused greeting leaves no session behind that a command could reach.
func TestRefusedSession(t *testing.T) {
	r := &recorder{newSession: func(*smtpserver.Conn) error { return errors.New("broken") }}
	nc, err := net.Dial("tcp", start(t, &smtpserver.Server{Backend: r}))
	require.NoError(t, err)
	defer nc.Close()
	io.WriteString(nc, "EHLO x\r\nMAIL FROM:<>\r\n")
	b, _ := io.ReadAll(nc)
	require.Equal(t, "451 4.3.0 mx.example.org local error in processing, try again later\r\n", string(b))
}
