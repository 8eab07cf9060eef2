package imapclient_test

import (
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// A command is one write, with what its literals hold where the server need not be
// waited for (RFC 7888). IDLE and DONE: TestIdleOneWrite.
func TestWrites(t *testing.T) {
	nc, err := net.Dial("tcp", posthorn(t).plain)
	require.NoError(t, err)
	w := &testutil.Writes{Conn: nc}
	ctx := t.Context()
	o := password()
	o.Credentials.Username = "alice"
	c, err := imapclient.NewClient(ctx, w, o)
	require.NoError(t, err)
	login := w.Take()
	require.Len(t, login, 4, "SCRAM with its initial response, its proof, its end; then ID and ENABLE together")
	require.Regexp(t, `^P1 AUTHENTICATE SCRAM-SHA-512 \S+\r\n$`, login[0])
	require.Regexp(t, `^\S+\r\n$`, login[1])
	require.Equal(t, []string{"\r\n", "P2 ID (\"name\" \"posthorn\")\r\nP3 ENABLE CONDSTORE\r\n"}, login[2:])

	var m *imapclient.Mailbox
	text := strings.Repeat("x", 5000)
	for _, step := range []struct {
		run  func() error
		want string
	}{
		{func() (err error) { m, err = c.Select(ctx, "INBOX", nil); return }, "P4 SELECT INBOX\r\n"},
		{func() error { return appendText(t, c, text) }, "P5 APPEND INBOX {5000+}\r\n" + text + "\r\n"},
		{func() error { return fetch(ctx, m, imapclient.All(), imapclient.Envelope).err }, "P6 UID FETCH 1:* (UID ENVELOPE)\r\n"},
		{func() error {
			_, err := m.Search(ctx, search.And{search.Subject("grün"), search.Seen}, nil)
			return err
		}, "P7 UID SEARCH CHARSET UTF-8 SUBJECT {5+}\r\ngrün SEEN\r\n"},
		{func() error { return c.Noop(ctx) }, "P8 NOOP\r\n"},
	} {
		require.NoError(t, step.run())
		require.Equal(t, []string{step.want}, w.Take())
	}

	// What does not fit the buffer goes out in full buffers.
	const size = 200_000
	require.NoError(t, appendText(t, c, strings.Repeat("x", size)))
	large := w.Take()
	require.Equal(t, "P9 APPEND INBOX {200000+}\r\n"+strings.Repeat("x", size)+"\r\n", strings.Join(large, ""))
	for _, s := range large[:len(large)-1] {
		require.Len(t, s, 64<<10)
	}

	require.NoError(t, c.Logout(ctx))
	require.Equal(t, []string{"Pa LOGOUT\r\n"}, w.Take())
}

// A literal that the server must be waited for is one write after the first.
func TestWritesSynchronising(t *testing.T) {
	srv := transcript.Serve(t, `
S: * OK [CAPABILITY IMAP4rev1] ready
C: {{tag:}} LOGIN tim "secret"
S: ${tag} OK [CAPABILITY IMAP4rev1] done
C: {{tag:}} APPEND INBOX {5}
S: + go ahead
C: hello
S: ${tag} OK done
`, nil)
	w := &testutil.Writes{Conn: srv.Dial()}
	c, err := imapclient.NewClient(t.Context(), w, password())
	require.NoError(t, err)
	require.Equal(t, []string{"P1 LOGIN tim \"secret\"\r\n"}, w.Take())
	require.NoError(t, appendText(t, c, "hello"))
	require.Equal(t, []string{"P2 APPEND INBOX {5}\r\n", "hello\r\n"}, w.Take())
	require.NoError(t, c.Close())
}

func appendText(t *testing.T, c *imapclient.Client, text string) error {
	_, err := c.Append(t.Context(), "INBOX", mailbox.Incoming{Body: strings.NewReader(text), Size: int64(len(text))})
	return err
}
