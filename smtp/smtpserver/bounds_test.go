package smtpserver_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A message that costs too much is refused for now, however the Session reads it and
// by whichever command it comes. The client can go on.
func TestMessageCostsTooMuch(t *testing.T) {
	large := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 4000)
	for name, read := range map[string]func(io.Reader) error{
		"WriteTo": func(r io.Reader) error { _, err := io.Copy(io.Discard, r); return err },
		"Read":    func(r io.Reader) error { _, err := io.ReadAll(struct{ io.Reader }{r}); return err },
		"accepts": func(r io.Reader) error { io.Copy(io.Discard, r); return nil },
	} {
		t.Run(name, func(t *testing.T) {
			rec := &recorder{data: func(_ context.Context, r io.Reader) error { return read(r) }}
			srv := &smtpserver.Server{Backend: rec}
			srv.MaxWork = 200 // kilobytes
			k := talk(t, start(t, srv))
			k.do("EHLO c", "250")
			k.send("a@example.org", []string{"b@example.org"}, large, "451 4.4.5")
			k.send("a@example.org", []string{"b@example.org"}, large[:100<<10], "250")
			k.do("MAIL FROM:<a@example.org>", "250")
			k.do("RCPT TO:<b@example.org>", "250")
			k.bdat(large, true, "451 4.4.5")
			require.EqualValues(t, 2, srv.Stats().TooMuchWork)
		})
	}
}

// Delivery to each recipient is work, and a recipient that is refused for it can be
// tried again.
func TestDeliveryCostsTooMuch(t *testing.T) {
	_, d := store(t, nil, "alice", "bob")
	d.TempDir = t.TempDir()
	srv := &smtpserver.Server{Backend: d}
	srv.MaxWork = 1500
	k := talk(t, start(t, srv))
	k.do("EHLO c", "250")
	body := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 7000) // 500 KB: 480, and 1,100 each
	k.send("a@example.org", []string{"alice@example.org"}, body, "451 4.4.5")
	k.send("a@example.org", []string{"alice@example.org"}, body[:len(body)/2], "250")
}

// A login beyond the connections of an account ends the session.
func TestMaxConnsPerAccount(t *testing.T) {
	_, d := store(t, nil, "alice")
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("alice", "secret"))
	srv := &smtpserver.Server{Backend: d, Authenticator: users, AllowInsecureAuth: true, OnAuth: func(context.Context, sasl.Attempt) {}}
	srv.Bounds = &textproto.Bounds{MaxConnsPerAccount: 1}
	addr := start(t, srv)
	first, second := talk(t, addr), talk(t, addr)
	first.do("EHLO c", "250")
	first.do("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235")
	second.do("EHLO c", "250")
	second.do("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "421 4.7.0")
	_, err := second.c.ReadLine()
	require.Equal(t, io.EOF, err)
	first.do("NOOP", "250")
	require.EqualValues(t, 1, srv.Stats().Bounds.AccountsRefused)
}
