package smtpserver_test

import (
	"context"
	"encoding/base64"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Session that takes long to store a message hears that its client has gone.
func TestDataEndsWithClient(t *testing.T) {
	for _, tc := range []struct{ how, body string }{
		{"reset", "DATA"}, {"closed", "DATA"}, {"reset", "BDAT"}, {"closed", "BDAT"},
	} {
		t.Run(tc.how+" "+tc.body, func(t *testing.T) {
			began, ended := make(chan struct{}), make(chan error, 1)
			r := &recorder{data: func(ctx context.Context, r io.Reader) error {
				if _, err := io.Copy(io.Discard, r); err != nil {
					return err
				}
				close(began)
				<-ctx.Done()
				ended <- context.Cause(ctx)
				return ctx.Err()
			}}
			nc, err := net.Dial("tcp", start(t, &smtpserver.Server{Backend: r}))
			require.NoError(t, err)
			k := &talker{t, textproto.NewConn(nc, nil)}
			k.expect("220")
			k.do("EHLO x", "250")
			k.do("MAIL FROM:<a@b.example>", "250")
			k.do("RCPT TO:<c@d.example>", "250")
			if tc.body == "DATA" {
				k.do("DATA", "354")
				k.c.WriteString("Subject: x\r\n\r\nhello\r\n.\r\n")
			} else {
				k.c.WriteString("BDAT 14 LAST\r\nSubject: x\r\n\r\n")
			}
			require.NoError(t, k.c.Flush())
			<-began
			if tc.how == "reset" {
				nc.(*net.TCPConn).SetLinger(0)
			}
			nc.Close()
			require.Equal(t, textproto.ErrPeerGone, <-ended)
		})
	}
}

// Commands that help no message along end the session after some time; a client
// that sends messages may go on.
func TestIdleCommands(t *testing.T) {
	srv := &smtpserver.Server{Backend: &recorder{}, Limits: smtpserver.Limits{Idle: 20}}
	addr := start(t, srv)
	k := talk(t, addr)
	k.do("HELO x", "250")
	for range 19 {
		k.do("NOOP", "250")
	}
	k.do("NOOP", "421 4.7.0")
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)

	k = talk(t, addr)
	k.do("EHLO x", "250")
	for range 15 {
		k.do("RSET", "250")
		k.do("NOOP", "250")
		k.send("a@b.example", []string{"c@d.example"}, "Subject: x\r\n\r\nhello\r\n", "250")
		k.do("NOOP", "250")
	}
	k.do("MAIL FROM:<a@b.example>", "250")
	k.do("RCPT TO:<c@d.example>", "250")
	for range 100 {
		k.c.WriteString("BDAT 1\r\nx")
		k.expect("250")
	}
	k.c.WriteString("BDAT 2 LAST\r\n\r\n")
	k.expect("250")
}

// What takes longer than any honest client needs, in fake time.
func TestSlowClients(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := testutil.NewPipeListener()
		srv := &smtpserver.Server{Backend: &recorder{}, Hostname: "mx.example.org"}
		done := make(chan error, 1)
		go func() { done <- srv.Serve(l) }()

		// a message at 5 octets a second
		k := &talker{t, textproto.NewConn(l.Dial(), nil)}
		k.expect("220")
		k.do("HELO x", "250")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<a@b.example>", "250")
		k.do("DATA", "354")
		began := time.Now()
		go func(c *textproto.Conn) {
			for c.Flush() == nil {
				time.Sleep(time.Second)
				c.WriteString("xxx\r\n")
			}
		}(k.c)
		line, err := k.c.ReadLine()
		require.NoError(t, err)
		require.Contains(t, string(line), "421 4.4.2")
		require.Less(t, time.Since(began), 4*time.Minute)
		k.c.Close()

		// nothing but NOOP, in time for each
		k = &talker{t, textproto.NewConn(l.Dial(), nil)}
		k.expect("220")
		began = time.Now()
		for range 2 {
			time.Sleep(2 * time.Minute)
			k.do("NOOP", "250")
		}
		k.expect("421 4.4.2")
		require.Equal(t, smtpserver.DefaultLoginTimeout, time.Since(began))

		// a client that has begun a message may stay
		k = &talker{t, textproto.NewConn(l.Dial(), nil)}
		k.expect("220")
		k.do("HELO x", "250")
		k.do("MAIL FROM:<>", "250")
		for range 20 {
			time.Sleep(4 * time.Minute)
			k.do("NOOP", "250")
		}
		require.NoError(t, srv.Close())
		require.Equal(t, textproto.ErrServerClosed, <-done)
	})
}

// Wrong and refused commands have a rate, beside the number that may follow each
// other.
func TestFailuresRate(t *testing.T) {
	srv := &smtpserver.Server{Backend: &recorder{}}
	srv.Rates.Failures = textproto.Rate{N: 20, Per: time.Hour}
	k := talk(t, start(t, srv))
	k.do("HELO x", "250")
	for range 20 {
		k.do("WRONG", "500")
		k.do("NOOP", "250")
	}
	got := k.do("WRONG", "421 4.7.0")
	require.True(t, strings.Contains(got, "too many errors"), got)
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)
}

// A password is not checked for a client that hung up before its turn.
func TestLoginOfGoneClient(t *testing.T) {
	srv := &smtpserver.Server{Backend: &scriptBackend{}, AllowInsecureAuth: true, OnAuth: func(context.Context, sasl.Attempt) {}}
	users := &sasl.Users{Iterations: sasl.MinIterations, Checks: &sasl.Checks{Concurrent: 1}}
	require.NoError(t, users.Set("tim", "secret"))
	srv.Authenticator = users
	addr := start(t, srv)
	began, end := make(chan struct{}), make(chan struct{})
	go users.Checks.Do(t.Context(), func() error { close(began); <-end; return nil })
	<-began
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	_, err = conn.Write([]byte("EHLO x\r\nAUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00tim\x00secret")) + "\r\n"))
	require.NoError(t, err)
	for users.Checks.Stats().Waiting == 0 {
		time.Sleep(time.Millisecond)
	}
	require.NoError(t, conn.Close())
	close(end)
	for srv.Stats().Active > 0 {
		time.Sleep(time.Millisecond)
	}
	require.Equal(t, sasl.ChecksStats{Checks: 1, Waits: 1, Left: 1}, users.Checks.Stats())
}
