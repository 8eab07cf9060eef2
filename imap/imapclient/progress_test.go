package imapclient_test

import (
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// testProgress counts octets up and down.
func testProgress(t *testing.T, s *site) {
	c := s.dial(t, nil)
	m := s.box(t, c)
	var last imapclient.Progress
	calls := 0
	ctx := imapclient.WithProgress(t.Context(), func(p imapclient.Progress) {
		if !p.Octets {
			return
		}
		require.Greater(t, p.Done, last.Done)
		last = p
		calls++
		require.NoError(t, c.Err()) // a callback may use the client
	})
	long := letter("long", strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n", 50000))
	out, err := c.Append(ctx, m.Name(), incoming(long))
	require.NoError(t, err)
	size := int64(len(long))
	require.Equal(t, imapclient.Progress{Command: "APPEND", Octets: true, Done: size, Total: size}, last)
	require.Greater(t, calls, 10)
	_, err = m.Poll(ctx)
	require.NoError(t, err)

	last, calls = imapclient.Progress{}, 0
	_, err = m.Download(ctx, out.UIDs[0], imapclient.Whole(), io.Discard)
	require.NoError(t, err)
	require.Equal(t, imapclient.Progress{Command: "UID FETCH", Octets: true, Done: size, Total: size}, last)
	require.Greater(t, calls, 3)

	last = imapclient.Progress{}
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Size, imapclient.Whole()) {
		require.NoError(t, err)
		_, err := io.Copy(io.Discard, msg.Body())
		require.NoError(t, err)
	}
	require.Equal(t, imapclient.Progress{Command: "UID FETCH", Octets: true, Done: size, Total: size}, last)
}

// What the server tells arrives on the goroutine of the caller (RFC 9585, Q52).
func TestProgress(t *testing.T) {
	watchSession(t, "ESEARCH", selectInbox+`
C: {{t:}} UID SEARCH RETURN (ALL) TEXT "x"
C: {{n:}} NOOP
S: * OK [INPROGRESS ("${n}" 1 2)] the other one
S: * OK [INPROGRESS ("${t}" 25 100)] Still working
WAIT 1s
S: * OK [INPROGRESS ("${t}" 50 NIL)] Still working
WAIT 1s
S: * OK [INPROGRESS] Hang in there
WAIT 1s
S: * OK Searched 97% of the mailbox, ETA 0:15
S: ${n} OK
S: * ESEARCH (TAG "${t}") UID ALL 4
S: ${t} OK done
C: {{t:}} UID FETCH 4 (UID FLAGS)
S: * OK [INPROGRESS ("${t}" 1 4)] Fetching
WAIT 1s
S: ${t} OK done
`, nil, func(t *testing.T, c *imapclient.Client) {
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		var got []imapclient.Progress
		ctx := imapclient.WithProgress(t.Context(), func(p imapclient.Progress) { got = append(got, p) })
		noop := make(chan error)
		time.AfterFunc(time.Millisecond, func() { noop <- c.Noop(context.Background()) })
		found, err := m.Search(ctx, search.Text{Value: "x"}, nil)
		require.NoError(t, err)
		require.NoError(t, <-noop)
		require.Equal(t, mailbox.UIDSetOf(4), found.UIDs)
		const cmd = "UID SEARCH"
		require.Equal(t, []imapclient.Progress{
			{Command: cmd, Done: 25, Total: 100, Text: "Still working"},
			{Command: cmd, Done: 50, Text: "Still working"},
			{Command: cmd, Text: "Hang in there"},
			{Command: cmd, Done: 97, Total: 100, Text: "Searched 97% of the mailbox, ETA 0:15"},
		}, got)
		for range m.Fetch(ctx, imapclient.UIDs(4), imapclient.Flags) {
		}
		require.Equal(t, imapclient.Progress{Command: "UID FETCH", Done: 1, Total: 4, Text: "Fetching"}, got[len(got)-1])
	})
}
