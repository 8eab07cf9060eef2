package imapserver_test

import (
	"context"
	"fmt"
	"iter"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// An item that is asked for twice comes once. \Seen is set if one of the two sets
// it.
func TestFetchItemOnce(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for range 2 {
		appendTo(t, acct, "INBOX", "To: me\r\n\r\nhello\r\n")
	}
	c := login(t, start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true}))
	c.ok("SELECT INBOX")
	for _, tc := range []struct{ items, want string }{
		{"FLAGS FLAGS RFC822.SIZE FLAGS", `FLAGS (\Recent) RFC822.SIZE 17`},
		{"BODY.PEEK[HEADER.FIELDS (To)] BODY.PEEK[header.fields (to)]", "BODY[HEADER.FIELDS (To)] {10}|To: me||"},
		{"BODY.PEEK[HEADER.FIELDS (To)] BODY.PEEK[HEADER.FIELDS.NOT (To)]", "BODY[HEADER.FIELDS (To)] {10}|To: me|| BODY[HEADER.FIELDS.NOT (To)] {2}||"},
		{"BODY.PEEK[1]<0.3> BODY.PEEK[1]<0.3> BODY.PEEK[1]<0.2> BODY.PEEK[1]<2.3>", "BODY[1]<0> {3}|hel BODY[1]<0> {2}|he BODY[1]<2> {3}|llo"},
		{"RFC822.HEADER BODY.PEEK[HEADER] RFC822.HEADER", "RFC822.HEADER {10}|To: me|| BODY[HEADER] {10}|To: me||"},
		{"BODY.PEEK[TEXT] BODY[TEXT] BODY.PEEK[TEXT]", `BODY[TEXT] {7}|hello| FLAGS (\Seen \Recent)`},
		{"UID UID FLAGS", `UID 1 FLAGS (\Seen \Recent)`},
	} {
		got := strings.Join(c.ok("FETCH 1 ("+tc.items+")"), "|")
		got = strings.ReplaceAll(got, `(\Recent \Seen)`, `(\Seen \Recent)`)
		require.Equal(t, "* 1 FETCH ("+tc.want+")", got, tc.items)
	}
	require.Equal(t, []string{`* 2 FETCH (UID 2 RFC822.SIZE 17)`}, c.ok("UID FETCH 2 (UID RFC822.SIZE UID RFC822.SIZE)"))
}

// manyAddresses is a message with a large envelope.
func manyAddresses(n int) string {
	var b strings.Builder
	b.WriteString("From: me@example.org\r\nTo: a@example.org")
	for i := range n {
		fmt.Fprintf(&b, ",\r\n Somebody <user%d@example.org>", i)
	}
	b.WriteString("\r\n\r\n")
	return b.String()
}

// manyParts is a message with a large structure.
func manyParts(n int) string {
	return "MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		strings.Repeat("--b\r\nContent-Type: text/plain; name=\"a part of the message\"\r\n\r\nx\r\n", n) + "--b--\r\n"
}

// A response is written as it goes: what is held of it does not grow with the
// message, nor with how often an item is asked for.
func TestFetchHoldsLittle(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", manyAddresses(20_000))
	appendTo(t, acct, "INBOX", manyParts(5000))
	srv := &imapserver.Server{Store: store, Authenticator: testUsers(), AllowInsecureAuth: true,
		OnAuth: func(context.Context, sasl.Attempt) {}}
	nc, writes := testutil.ServeWrites(t, srv)
	c := newClient(t, nc)
	c.line()
	c.ok("LOGIN fred secret")
	c.ok("SELECT INBOX")
	for _, tc := range []struct {
		name, cmd string
		octets    int // at least, of the response
	}{
		{"addresses", "FETCH 1 (" + strings.TrimSpace(strings.Repeat("ENVELOPE ", 3000)) + ")", 500_000},
		{"parts", "FETCH 2 (BODY BODYSTRUCTURE)", 500_000},
	} {
		t.Run(tc.name, func(t *testing.T) {
			writes.Take()
			b := make([]byte, 128<<10)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			c.send("z " + tc.cmd + "\r\n")
			total, most := 0, 0
			for done := false; !done; {
				n, err := c.r.Read(b)
				require.NoError(t, err)
				done = strings.Contains(string(b[max(0, n-100):n]), "z OK FETCH")
			}
			runtime.ReadMemStats(&after)
			for _, w := range writes.Take() {
				total, most = total+len(w), max(most, len(w))
			}
			require.Greater(t, total, tc.octets)
			require.Less(t, total, 3*tc.octets)
			require.LessOrEqual(t, most, 64<<10)
			// writes has a copy of what is written; reading 3,000 items takes a megabyte.
			require.Less(t, int(after.TotalAlloc-before.TotalAlloc)-total, 2<<20)
		})
	}
}

// A countedStore counts the octets that are read of contents.
type countedStore struct {
	mailbox.Store
	octets atomic.Int64
}

func (s *countedStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return countedAccount{a, s}, err
}

type countedAccount struct {
	mailbox.Account
	s *countedStore
}

func (a countedAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return countedMailbox{m, a.s}, err
}

type countedMailbox struct {
	mailbox.Mailbox
	s *countedStore
}

func (m countedMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil {
				msg.Header, msg.Content = m.s.count(msg.Header), m.s.count(msg.Content)
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

func (s *countedStore) count(c mailbox.Content) mailbox.Content {
	if c == nil {
		return nil
	}
	return countedContent{c, s}
}

type countedContent struct {
	mailbox.Content
	s *countedStore
}

func (c countedContent) ReadAt(p []byte, off int64) (int, error) {
	n, err := c.Content.ReadAt(p, off)
	c.s.octets.Add(int64(n))
	return n, err
}

// Items that differ and read the message again and again are work, which is bounded.
func TestFetchWork(t *testing.T) {
	const messages, header = 50, 20_000
	inner := newStore(t, nil)
	acct, err := inner.Account(t.Context(), "fred")
	require.NoError(t, err)
	msg := "X-Filler: " + strings.Repeat("x", header) + "\r\n\r\nhello\r\n"
	for range messages - 1 {
		appendTo(t, acct, "INBOX", msg)
	}
	appendTo(t, acct, "INBOX", msg+strings.Repeat("xxxxxxxxxxxxxx\r\n", 16<<10))
	store := &countedStore{Store: inner}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true}
	srv.MaxWork = 5000
	addr := start(t, srv)
	c := login(t, addr)
	c.ok("SELECT INBOX")
	for _, tc := range []struct {
		name string
		item func(i int) string
	}{
		{"fields", func(i int) string { return fmt.Sprintf("BODY[HEADER.FIELDS (%X)]", i) }},
		{"range", func(i int) string { return fmt.Sprintf("BODY[1]<%d.1>", i) }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ask := func(set string, n int) string {
				items := make([]string, n)
				for i := range items {
					items[i] = tc.item(i)
				}
				return "FETCH " + set + " (" + strings.Join(items, " ") + ")"
			}
			store.octets.Store(0)
			_, status := c.cmd(ask("1:*", 100))
			require.Equal(t, "NO [LIMIT] command costs too much; ask for less at a time", status)
			require.LessOrEqual(t, store.octets.Load(), int64(6000)<<10)
			c.ok("FETCH 1:* (FLAGS ENVELOPE BODY.PEEK[HEADER.FIELDS (To)])")

			// One message is enough. The session ends only if the rest of a
			// response that has begun is too much as well.
			store.octets.Store(0)
			c.send("x " + ask("50", 2200) + "\r\n")
			var last string
			for line, err := c.r.ReadString('\n'); err == nil; line, err = c.r.ReadString('\n') {
				if last = line; strings.HasPrefix(line, "x ") {
					break
				}
			}
			require.Equal(t, tc.name == "fields", last == "x NO [LIMIT] command costs too much; ask for less at a time\r\n")
			require.LessOrEqual(t, store.octets.Load(), int64(6000)<<10)
		})
	}
	c = login(t, addr)
	c.ok("SELECT INBOX")
	// What an honest client asks for is counted as well, and not refused.
	store.octets.Store(0)
	c.ok("FETCH 1:* BODY.PEEK[HEADER.FIELDS (To From Subject)]")
	require.LessOrEqual(t, store.octets.Load(), int64(messages*(header+1000)))
}
