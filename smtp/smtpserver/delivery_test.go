package smtpserver_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// talk sends lines and returns the replies, a line each, the first line of
// multi-line replies only.
type talker struct {
	t testing.TB
	c *textproto.Conn
}

func talk(t testing.TB, addr string) *talker {
	k := &talker{t, dial(t, addr)}
	k.expect("220")
	return k
}

func dial(t testing.TB, addr string) *textproto.Conn {
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return textproto.NewConn(nc, nil)
}

func (k *talker) do(line, want string) string {
	k.t.Helper()
	_, err := k.c.WriteString(line + "\r\n")
	require.NoError(k.t, err)
	return k.expect(want)
}

func (k *talker) expect(want string) string {
	k.t.Helper()
	require.NoError(k.t, k.c.Flush())
	first := ""
	for {
		b, err := k.c.ReadLine()
		require.NoError(k.t, err)
		if first == "" {
			first = string(b)
		}
		if len(b) < 4 || b[3] == ' ' {
			require.True(k.t, strings.HasPrefix(first, want), "got %q, want %q", first, want)
			return first
		}
	}
}

func (k *talker) send(from string, to []string, body, want string) {
	k.t.Helper()
	k.do("MAIL FROM:<"+from+">", "250")
	for _, r := range to {
		k.do("RCPT TO:<"+r+">", "250")
	}
	k.do("DATA", "354")
	k.do(strings.TrimSuffix(body, "\r\n")+"\r\n.", want)
}

func TestDelivery(t *testing.T) {
	st, d := store(t, nil, "alice", "bob", "postmaster")
	d.TempDir = t.TempDir()
	addr := start(t, &smtpserver.Server{Backend: d})
	k := talk(t, addr)
	k.do("EHLO client.example", "250")
	k.do("MAIL FROM:<sender@remote.example>", "250")
	k.do("RCPT TO:<nobody@example.org>", "550 5.1.1")
	k.do("RCPT TO:<x@elsewhere.example>", "550 5.7.1")
	k.do("RSET", "250")

	k.send("sender@remote.example", []string{"alice@EXAMPLE.org"}, "Subject: one\r\n\r\nbody\r\n", "250 2.0.0 accepted as ")
	got := stored(t, st, "alice")
	require.Len(t, got, 1)
	require.Regexp(t, `^Return-Path: <sender@remote\.example>\r\nReceived: from client\.example \(\[127\.0\.0\.1\]\)\r\n\tby mx\.example\.org with ESMTP\r\n\tid [0-9a-z]+-[0-9a-z]+-\d\r\n\tfor <alice@EXAMPLE\.org>;\r\n\t\w{3}, \d+ \w{3} \d{4} [\d:]{8} [+-]\d{4}\r\nSubject: one\r\n\r\nbody\r\n$`, got[0])

	// several recipients, one of them twice: none is named, each gets one
	big := "Subject: two\r\n\r\n" + strings.Repeat("0123456789\r\n", 20000)
	k.send("", []string{"alice@example.org", "bob@example.org", "alice@example.org", "Postmaster"}, big, "250")
	for _, name := range []string{"alice", "bob", "postmaster"} {
		got := stored(t, st, name)
		m := got[len(got)-1]
		require.True(t, strings.HasPrefix(m, "Return-Path: <>\r\nReceived: "))
		require.NotContains(t, m[:300], "for <")
		require.True(t, strings.HasSuffix(m, "\r\n"+big))
	}
	require.Len(t, stored(t, st, "alice"), 2)
	left, err := os.ReadDir(d.TempDir)
	require.NoError(t, err)
	require.Empty(t, left)

	// loops
	k.send("", []string{"bob@example.org"}, strings.Repeat("Received: by x\r\n", 100)+"\r\nx\r\n", "554 5.4.6")
	k.send("", []string{"bob@example.org"}, strings.Repeat("Received: by x\r\n", 99)+"\r\nx\r\n", "250")

	// refused in the middle: nothing is stored
	n := len(stored(t, st, "bob"))
	k.send("", []string{"bob@example.org"}, "Subject: x\r\n\r\n"+strings.Repeat("x", 100000)+"\ny\r\n", "554 5.6.0")
	k.do("NOOP", "250")
	require.Len(t, stored(t, st, "bob"), n)
	left, _ = os.ReadDir(d.TempDir)
	require.Empty(t, left)
}

func TestDeliveryLimits(t *testing.T) {
	st, d := store(t, &memory.Options{Limits: mailbox.Limits{MaxMessageSize: 2000}, Quota: map[mailbox.QuotaName]int64{mailbox.QuotaStorage: 3000}}, "alice", "bob")
	addr := start(t, &smtpserver.Server{Backend: d})
	k := talk(t, addr)
	k.do("EHLO client.example", "250")
	k.do("MAIL FROM:<> SIZE=2001", "250")
	k.do("RCPT TO:<alice@example.org>", "552 5.3.4")
	k.do("RSET", "250")
	k.send("", []string{"alice@example.org"}, strings.Repeat("x", 3000), "552 5.3.4")
	k.send("", []string{"alice@example.org"}, strings.Repeat("x", 1500), "250")
	k.do("MAIL FROM:<> SIZE=1900", "250")
	k.do("RCPT TO:<alice@example.org>", "452 4.2.2")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("RSET", "250")
	k.send("", []string{"alice@example.org"}, strings.Repeat("x", 1700), "452 4.2.2")
	k.send("", []string{"bob@example.org", "alice@example.org"}, strings.Repeat("x", 1700), "452 4.2.2 <alice@example.org>: ")
	require.Len(t, stored(t, st, "bob"), 1)
	require.Len(t, stored(t, st, "alice"), 1)
}

// In LMTP each recipient has a result of its own.
func TestDeliveryLMTP(t *testing.T) {
	st, d := store(t, &memory.Options{Quota: map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 1}}, "alice", "bob")
	addr := start(t, &smtpserver.Server{Backend: d, LMTP: true})
	k := talk(t, addr)
	k.do("LHLO client.example", "250")
	k.send("", []string{"alice@example.org"}, "x", "250")
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<alice@example.org>", "452 4.2.2")
	k.do("RSET", "250")
	// two at once into the last place: dedup'ed, then full
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("RCPT TO:<bob@example.org>", "250")
	k.do("DATA", "354")
	k.do("x\r\n.", "250")
	k.expect("250")
	require.Len(t, stored(t, st, "bob"), 1)
}

// A mailbox that takes no messages is refused at RCPT, and where that changes
// after RCPT, the recipient has a result of its own.
func TestDeliveryWithoutInsert(t *testing.T) {
	ctx := t.Context()
	st, d := store(t, nil, "alice", "bob")
	d.Resolve = func(_ context.Context, to smtp.Address) (account, name string, err error) {
		if to.Local == "shared" {
			return "bob", "Other Users/alice/INBOX", nil
		}
		return to.Local, "", nil
	}
	share := func(letters string) {
		rights, err := mailbox.ParseRights(letters)
		require.NoError(t, err)
		require.NoError(t, st.Share(ctx, "alice", "INBOX", "bob", rights))
	}
	k := talk(t, start(t, &smtpserver.Server{Backend: d, LMTP: true}))
	k.do("LHLO client.example", "250")
	for _, letters := range []string{"lr", "lrswte"} { // read-only, and with all rights but "i"
		share(letters)
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<shared@example.org>", "550 5.2.1")
		k.do("RCPT TO:<bob@example.org>", "250")
		k.do("DATA", "354")
		k.do("x\r\n.", "250")
	}
	for _, letters := range []string{"lr", "lrswte"} {
		share("lrsi")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<shared@example.org>", "250")
		k.do("RCPT TO:<bob@example.org>", "250")
		k.do("DATA", "354")
		share(letters)
		k.do("x\r\n.", "550 5.2.1")
		k.expect("250")
	}
	share("lrsi")
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<shared@example.org>", "250")
	k.do("DATA", "354")
	k.do("x\r\n.", "250")
	require.Len(t, stored(t, st, "alice"), 1)
	require.Len(t, stored(t, st, "bob"), 4)
}

func TestSubmission(t *testing.T) {
	st, d := store(t, nil, "alice", "bob")
	d.CompleteHeader = true
	d.MaySend = func(_ context.Context, identity string, from smtp.Address) error {
		if from.String() != identity+"@example.org" {
			return smtpserver.ErrNotOwner
		}
		return nil
	}
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("alice", "secret"))
	addr := start(t, &smtpserver.Server{Backend: d, Authenticator: users, AllowInsecureAuth: true, RequireAuth: true})
	k := talk(t, addr)
	k.do("EHLO client.example", "250")
	k.do("MAIL FROM:<alice@example.org>", "530")
	k.do("AUTH PLAIN AGFsaWNlAHNlY3JldA==", "235")
	k.do("MAIL FROM:<bob@example.org>", "550 5.7.1")
	to := []string{"bob@example.org"}
	for _, tc := range []struct{ from, want string }{
		{"From: bob@example.org", "550 5.7.1"},
		{"From: alice@example.org, bob@example.org", "550 5.7.1"},
		{"From: alice@example.org\r\nFrom: bob@example.org", "550 5.7.1"},
		{"From: \"alice@example.org\" <bob@example.org>", "550 5.7.1"},
		{"From: alice@example.org\r\n <bob@example.org>", "550"},
		{"Subject: no from", "550 5.6.0"},
		{"From: ", "550 5.6.0"},
		{"From: Alice A <alice@example.org>", "250"},
		{"X: " + strings.Repeat("x", 2<<20) + "\r\nFrom: alice@example.org", "552"},
	} {
		k.send("alice@example.org", to, tc.from+"\r\n\r\nbody\r\n", tc.want)
	}
	got := stored(t, st, "bob")
	require.Len(t, got, 1)
	require.Regexp(t, `with ESMTPA\r\n`, got[0])
	require.Regexp(t, `\r\nDate: \w{3}, .*\r\nMessage-ID: <[A-Z0-9]{26}@mx\.example\.org>\r\nFrom: Alice A`, got[0])
	k.send("alice@example.org", to, "from: alice@example.org\r\ndate: x\r\nmessage-id: <y>\r\n\r\nbody\r\n", "250")
	got = stored(t, st, "bob")
	require.NotContains(t, got[1], "Date: ")
}

// failing is a store whose calls fail.
type failing struct{ err error }

func (f failing) Account(context.Context, string) (mailbox.Account, error) { return nil, f.err }

func TestStoreErrors(t *testing.T) {
	for _, tc := range []struct {
		err  error
		want string
	}{
		{mailbox.ErrNotExist, "550 5.1.1"},
		{fmt.Errorf("x: %w", mailbox.ErrReadOnly), "550 5.2.1"},
		{mailbox.ErrUnavailable, "451 4.3.0"},
		{errors.New("secret path /var/x"), "451 4.3.0 local error in processing"},
		{&smtp.Error{Code: 450, Enhanced: smtp.EnhancedCode{4, 2, 0}, Text: "a\r\n250 b"}, "450-4.2.0 a?"},
		{io.EOF, "451"},
	} {
		d := &smtpserver.Delivery{Store: failing{tc.err}, Resolve: func(context.Context, smtp.Address) (string, string, error) { return "x", "", nil }}
		k := talk(t, start(t, &smtpserver.Server{Backend: d}))
		k.do("HELO x", "250")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<a@b.example>", tc.want)
		k.do("NOOP", "250")
	}
}
