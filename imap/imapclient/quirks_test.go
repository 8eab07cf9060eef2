package imapclient_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// A client is the client's part of a script.
type client = func(t *testing.T, srv *transcript.Server)

// TestQuirks plays what servers are known to send: testdata/quirks/qNN-….txt. What
// a server does wrong may cost the item that it is about; the connection remains
// usable, which each script shows by NOOP.
func TestQuirks(t *testing.T) {
	all := map[string]client{}
	maps.Copy(all, statusQuirks)
	maps.Copy(all, fetchQuirks)
	maps.Copy(all, commandQuirks)
	transcript.ServeDir(t, "testdata/quirks/*.txt", nil, all)
}

// connect returns a Client of the scripted server.
func connect(t *testing.T, srv *transcript.Server, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	c, err := imapclient.NewClient(t.Context(), srv.Dial(), o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// inbox connects and selects INBOX.
func inbox(t *testing.T, srv *transcript.Server) (*imapclient.Client, *imapclient.Mailbox) {
	t.Helper()
	c := connect(t, srv, nil)
	m, err := c.Select(t.Context(), "INBOX", nil)
	require.NoError(t, err)
	return c, m
}

// usable shows that the connection is of use: it ends the script.
func usable(t *testing.T, c *imapclient.Client) {
	t.Helper()
	require.NoError(t, c.Noop(t.Context()))
	require.NoError(t, c.Err())
}

// password is the login of the scripts.
func password() *imapclient.Options {
	return &imapclient.Options{Credentials: &sasl.Credentials{Username: "tim", Password: "secret"}, AllowInsecureAuth: true}
}

// A fetched is what a loop yielded.
type fetched struct {
	msgs []*imapclient.Message
	errs []error // beside the messages, nil for those without
	err  error   // that ended the loop
}

func fetch(ctx context.Context, m *imapclient.Mailbox, set imapclient.Set, items ...imapclient.Item) (f fetched) {
	for msg, err := range m.Fetch(ctx, set, items...) {
		if msg == nil {
			f.err = err
			continue
		}
		f.msgs = append(f.msgs, msg)
		f.errs = append(f.errs, err)
	}
	return f
}

// clean requires n messages and no error.
func (f fetched) clean(t *testing.T, n int) []*imapclient.Message {
	t.Helper()
	require.NoError(t, f.err)
	require.NoError(t, errors.Join(f.errs...))
	require.Len(t, f.msgs, n)
	return f.msgs
}

// Quirks of status responses, of SELECT, STATUS and the greeting.
var statusQuirks = map[string]client{
	"q01-no-text": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Equal(t, mailbox.ModSeq(4711), m.Info().HighestModSeq)
		require.Equal(t, 3, m.Exists())
		usable(t, c)
	},
	"q02-no-text": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		info := m.Info()
		require.Equal(t, uint32(1), info.UIDValidity)
		require.Equal(t, mailbox.UID(4), info.UIDNext)
		require.True(t, info.NewKeywords)
		require.True(t, info.PermanentFlags.Equal(mailbox.NewFlagSet(`\Answered`, `\Flagged`, `\Draft`, `\Deleted`, `\Seen`, "$Forwarded")))
		require.False(t, info.ReadOnly)
		usable(t, c)
	},
	"q03-status-blank": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		st, err := c.Status(t.Context(), "INBOX", imap.StatusMessages)
		require.NoError(t, err)
		require.Zero(t, *st.Messages)
		usable(t, c)
	},
	"q04-capability-blank": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, password())
		require.True(t, c.Capabilities().Has(imap.CapUIDPlus))
		require.False(t, c.Capabilities().Has(imap.CapSASLIR)) // of before the login
		usable(t, c)
	},
	"q05-search-blank": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		found, err := m.Search(t.Context(), search.Unseen, nil)
		require.NoError(t, err)
		require.Equal(t, "7456", found.UIDs.String())
		found, err = m.Search(t.Context(), search.Flagged, nil)
		require.NoError(t, err)
		require.Zero(t, found.Count())
		usable(t, c)
	},
	"q06-flags-blank": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Equal(t, 6, m.Info().PermanentFlags.Len())
		require.False(t, m.Info().NewKeywords)
		usable(t, c)
	},
	"q07-flags-blank": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.True(t, m.Info().NewKeywords)
		require.Zero(t, m.Info().PermanentFlags.Len())
		usable(t, c)
	},
	"q08-message-missing": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		msg, err := m.Message(t.Context(), 19436, imapclient.Whole())
		require.NoError(t, err)
		require.Equal(t, mailbox.UID(19436), msg.UID)
		_, err = msg.Body().Bytes(10)
		require.ErrorIs(t, err, imapclient.ErrItemMissing)
		usable(t, c)
	},
	"q09-body-blanks": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		one, two := imapclient.Part(1), imapclient.Part(2)
		msg, err := m.Message(t.Context(), 5, one, two)
		require.NoError(t, err)
		b, err := msg.Body(one).Bytes(10)
		require.NoError(t, err)
		require.Equal(t, "abc", string(b))
		b, err = msg.Body(two).Bytes(10)
		require.NoError(t, err)
		require.Equal(t, "defg", string(b))
		require.NoError(t, msg.Close())
		usable(t, c)
	},
	"q10-plus-alone": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		_, err := c.Append(t.Context(), "INBOX", mailbox.Incoming{Body: strings.NewReader("x: y\r\n\r\n"), Size: 8})
		require.NoError(t, err)
		usable(t, c)
	},
	"q11-empty-status": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		st, err := c.Status(t.Context(), "INBOX")
		require.NoError(t, err)
		require.Nil(t, st.Messages)
		usable(t, c)
	},
	"q12-uidvalidity-zero": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Zero(t, m.Info().UIDValidity) // not told
		require.Equal(t, mailbox.UID(7), m.Info().UIDNext)
		usable(t, c)
	},
	"q13-tagged-no-text": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Equal(t, 1, m.Exists())
		require.NoError(t, c.Noop(t.Context()))
		usable(t, c)
	},
	"q14-greeting-no": func(t *testing.T, srv *transcript.Server) {
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), nil)
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, imap.BYE, e.Status)
		require.Equal(t, "NO LOGOUT Intrusion prevention active for 50.0.0.1", e.Text)
		require.False(t, e.Temporary())
	},
	"q15-greeting-421": func(t *testing.T, srv *transcript.Server) {
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), nil)
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, "421 Server is busy, try again later.", e.Text)
		require.True(t, e.Temporary())
		require.ErrorIs(t, err, mailbox.ErrUnavailable)
	},
	"q16-untagged-bad": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		_, err := c.Examine(t.Context(), "INBOX")
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, imap.CodeAlert, e.Code)
		require.Equal(t, "Please enable IMAP access in your account settings first.", e.Text)
		require.ErrorIs(t, err, imapclient.ErrClosed) // whether an answer comes is not known
		require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
	},
	"q16-untagged-bad-warning": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		m, err := c.Examine(t.Context(), "INBOX")
		require.NoError(t, err)
		require.True(t, m.Info().ReadOnly)
		usable(t, c)
	},
	"q17-nil-flags": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		require.Zero(t, m.Info().Flags.Len())
		require.Zero(t, m.Info().PermanentFlags.Len())
		msgs := fetch(t.Context(), m, imapclient.UIDs(3), imapclient.Flags).clean(t, 1)
		require.Equal(t, imapclient.Flags, msgs[0].Has)
		require.Zero(t, msgs[0].Entry.Flags.Len())
		usable(t, c)
	},
	"q18-strange-keywords": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		want := mailbox.NewFlagSet(`\Seen`, "[css3-page]", "todo(later)", "quoted one", "grün")
		require.True(t, want.Equal(m.Info().Flags), m.Info().Flags)
		require.True(t, want.Equal(m.Info().PermanentFlags), m.Info().PermanentFlags)
		require.True(t, m.Info().NewKeywords)
		msgs := fetch(t.Context(), m, imapclient.UIDs(3), imapclient.Flags|imapclient.Size).clean(t, 1)
		require.True(t, want.Equal(msgs[0].Entry.Flags), msgs[0].Entry.Flags)
		require.Equal(t, int64(77), msgs[0].Entry.Size)
		usable(t, c)
	},
}
