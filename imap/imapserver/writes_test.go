package imapserver_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
)

// All that answers a command goes out in one write, and so do the answers to
// commands that came together.
func TestWrites(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range 20 {
		appendTo(t, acct, "INBOX", testMessage(i))
	}
	srv := &imapserver.Server{Store: store, Authenticator: testUsers(), AllowInsecureAuth: true,
		OnAuth: func(context.Context, sasl.Attempt) {}} // no delay
	nc, writes := testutil.ServeWrites(t, srv)
	c := newClient(t, nc)
	// once sends text and requires that the answer, up to a line that begins with
	// last, is one write.
	once := func(text, last string) {
		t.Helper()
		c.conn.SetDeadline(time.Now().Add(30 * time.Second))
		if text != "" {
			c.send(text)
		}
		var answer strings.Builder
		for {
			line := c.line()
			answer.WriteString(line + "\r\n")
			if strings.HasPrefix(line, last) {
				break
			}
		}
		require.Equal(t, []string{answer.String()}, writes.Take(), text)
	}
	once("", "* OK")
	once("z AUTHENTICATE PLAIN\r\n", "+ ")
	once("*\r\n", "z BAD")
	for i, command := range []string{
		"CAPABILITY", "LOGIN fred secret", "ENABLE CONDSTORE", `LIST "" * RETURN (STATUS (MESSAGES UNSEEN))`, "SELECT INBOX",
		"FETCH 1 BODY.PEEK[]", "FETCH 2 BODY[]", "FETCH 1:* (FLAGS ENVELOPE BODYSTRUCTURE BODY.PEEK[HEADER] BODY.PEEK[TEXT])",
		"SEARCH BODY message", "STORE 1:5 +FLAGS (\\Deleted)", "EXPUNGE", "COPY 1:3 INBOX", "NOOP", "STATUS INBOX (MESSAGES)",
		"NONSENSE", "FETCH x FLAGS", "SEARCH SUBJECT {7+}\r\nmessage", "APPEND INBOX {5+}\r\nhello",
	} {
		tag := fmt.Sprint("w", i, " ")
		once(tag+command+"\r\n", tag)
	}
	once("l1 APPEND INBOX {5}\r\n", "+ ")
	once("hello\r\n", "l1 OK")
	once("i1 IDLE\r\n", "+ ")
	once("DONE\r\n", "i1 OK")
	once("p1 NOOP\r\np2 FETCH 1 BODY.PEEK[]\r\np3 NOOP\r\n", "p3 OK")
	once("q LOGOUT\r\n", "q OK")
}
