package imapclient_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
)

// find searches and requires what is found.
func findUIDs(t *testing.T, m *imapclient.Mailbox, key search.Key, want string) {
	t.Helper()
	found, err := m.Search(t.Context(), key, nil)
	require.NoError(t, err)
	require.Equal(t, want, found.UIDs.String())
}

// Quirks of searches, of sets, of logins, and others.
var commandQuirks = map[string]client{
	"q38-serverbug": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		_, err := m.Search(t.Context(), search.Or{A: search.Header{Field: "X-A", Value: "b"}, B: search.Header{Field: "X-C", Value: "d"}}, nil)
		var e *imap.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, imap.CodeServerBug, e.Code)
		require.True(t, e.Temporary())
		require.ErrorIs(t, err, mailbox.ErrUnavailable)
		usable(t, c)
	},
	"q39-no-condstore": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		since := mailbox.ModSeq(3)
		_, err := m.Store(t.Context(), imapclient.UIDs(1), mailbox.FlagChange{Op: mailbox.FlagsAdd, UnchangedSince: &since})
		var lacks *imapclient.UnsupportedError
		require.ErrorAs(t, err, &lacks)
		require.Equal(t, imap.CapCondStore, lacks.Cap)
		fetch(t.Context(), m, imapclient.UIDs(1), imapclient.Flags|imapclient.ModSeq).clean(t, 1)
		usable(t, c)
	},
	"q40-return-all": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		findUIDs(t, m, search.Unseen, "4:6")
		findUIDs(t, m, search.Unseen, "")
		usable(t, c)
	},
	"q41-minimum-missing": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		found, err := m.Search(t.Context(), search.Unseen, nil)
		require.NoError(t, err)
		require.Equal(t, mailbox.UID(4), found.UIDs.Min())
		require.Equal(t, mailbox.UID(7), found.UIDs.Max())
		require.Equal(t, 3, found.Count())
		usable(t, c)
	},
	"q42-phantoms": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		msgs := fetch(t.Context(), m, imapclient.Where(search.Unseen), imapclient.Size).clean(t, 1)
		require.Equal(t, mailbox.UID(5), msgs[0].UID)
		usable(t, c)
	},
	"q43-badcharset": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		findUIDs(t, m, search.Subject("grün"), "2")
		findUIDs(t, m, search.Subject("grün"), "2")
		usable(t, c)
	},
	"q43-bad-charset": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		_, err := m.Search(t.Context(), search.Subject("grün"), nil)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD, Text: "try again"})
		findUIDs(t, m, search.Subject("grün"), "2")
		findUIDs(t, m, search.Subject("grün"), "2")
		usable(t, c)
	},
	"q44-literal-charset": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		findUIDs(t, m, search.Subject("Überschrift für Österreich"), "2")
		findUIDs(t, m, search.Subject("Austria"), "2")
		usable(t, c)
	},
	"q45-long-sets": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		var odd mailbox.UIDSet
		for uid := mailbox.UID(1); uid < 600; uid += 2 {
			odd.Add(uid)
		}
		got := fetch(t.Context(), m, imapclient.UIDSet(odd), imapclient.Flags)
		require.Len(t, got.msgs, 1)
		require.ErrorIs(t, got.err, &imap.Error{Status: imap.BAD, Text: "Command Error. 10"})
		usable(t, c)
	},
	"q46-copy-too-many": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{Limits: imapclient.Limits{Batch: 2}})
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		copied, err := m.Copy(t.Context(), imapclient.UIDSet(mailbox.UIDRangeSet(467, 471)), "dest")
		require.ErrorIs(t, err, &imap.Error{Status: imap.NO, Text: "Server Unavailable. 15"})
		require.Equal(t, "467:468", copied.Done.String())
		require.Equal(t, uint32(9), copied.UIDValidity)
		usable(t, c)
	},
	"q47-ascending": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		fetch(t.Context(), m, imapclient.UIDs(9, 5, 7, 3, 8), imapclient.Size).clean(t, 2)
		usable(t, c)
	},
	"q48-unsafe-login": func(t *testing.T, srv *transcript.Server) {
		o := password()
		o.ID = imap.IDFields{{Name: "version", Value: "1.0.0"}, {Name: "vendor", Value: "example"}, {Name: "name", Value: "mail"}, {Name: "support-email", Value: "tim@example.org"}}
		c := connect(t, srv, o)
		_, err := c.Select(t.Context(), "INBOX", nil)
		require.ErrorIs(t, err, &imap.Error{Status: imap.NO, Text: "SELECT Unsafe Login. Please contact kefu@188.com for help"})
		require.Len(t, c.ServerID(), 3)
		usable(t, c)
	},
	"q49-not-connected": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, password())
		_, err := c.Select(t.Context(), "INBOX", nil)
		require.ErrorIs(t, err, &imap.Error{Status: imap.BAD, Text: "User is authenticated but not connected."})
		<-c.Closed()
		require.ErrorIs(t, c.Err(), &imap.Error{Status: imap.BYE, Text: "Connection closed. 14"})
		require.ErrorIs(t, c.Noop(t.Context()), imapclient.ErrClosed)
	},
	"q50-oauth-challenge": func(t *testing.T, srv *transcript.Server) {
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), &imapclient.Options{AllowInsecureAuth: true, Credentials: &sasl.Credentials{
			Username: "tim@gmail.com", Token: func(context.Context) (string, error) { return "wombat", nil },
		}})
		require.ErrorIs(t, err, sasl.ErrAuthFailed)
		require.ErrorContains(t, err, "invalid_request")
		require.NotContains(t, err.Error(), "wombat")
		require.ErrorIs(t, err, &imap.Error{Status: imap.NO})
	},
	"q51-too-many": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{AllowInsecureAuth: true})
		login := *password().Credentials
		err := c.Login(t.Context(), login)
		require.ErrorIs(t, err, &imap.Error{Status: imap.NO, Code: imap.CodeAlert, Text: "Too many simultaneous connections. (Failure)"})
		require.NoError(t, c.Login(t.Context(), login))
		_, err = c.Select(t.Context(), "INBOX", nil)
		require.ErrorIs(t, err, mailbox.ErrOverQuota)
		require.NoError(t, c.Noop(t.Context()))
		usable(t, c)
		require.Equal(t, []string{"Too many simultaneous connections. (Failure)", "Your storage is almost full"}, alerts(c))
	},
	"q52-progress": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, &imapclient.Options{Timeouts: imapclient.Timeouts{Command: 3 * time.Minute, KeepAlive: -1}})
		m, err := c.Select(t.Context(), "INBOX", nil)
		require.NoError(t, err)
		findUIDs(t, m, search.Text{Value: "x"}, "4")
		usable(t, c)
	},
	"q53-id-atoms": func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		usable(t, c)
		require.Equal(t, imap.IDFields{
			{Name: "support-url", Value: "https://protonmail.com/support"}, {Name: "name", Value: "ProtonMail"}, {Name: "vendor", Value: "Proton Technologies AG"},
		}, c.ServerID())
	},
	"q54-unexpected-token": func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		got := fetch(t.Context(), m, imapclient.All(), imapclient.Structure)
		require.NoError(t, got.err)
		require.Len(t, got.msgs, 3)
		for i, msg := range got.msgs {
			require.Equal(t, mailbox.UID(i+1), msg.UID)
			var bad *imapclient.ItemError
			require.Equal(t, i != 1, errors.As(got.errs[i], &bad))
			if bad != nil {
				require.Equal(t, "BODYSTRUCTURE", bad.Item)
				require.Equal(t, msg.UID, bad.UID)
				require.Contains(t, string(bad.Raw), "*")
			}
		}
		n := 0
		for msg, err := range m.Fetch(t.Context(), imapclient.All(), imapclient.Whole()) {
			n++
			require.Equal(t, mailbox.UID(n), msg.UID)
			require.Equal(t, n == 1, err != nil)
			b, err := msg.Body().Bytes(100)
			require.NoError(t, err)
			require.Equal(t, "x: y\r\n\r\n"[:3*n+2], string(b))
		}
		require.Equal(t, 2, n)
		usable(t, c)
	},
}

// alerts returns the alerts that wait for Watch.
func alerts(c *imapclient.Client) []string {
	var out []string
	for _, ev := range c.Events() {
		if a, ok := ev.(*imapclient.Alert); ok {
			out = append(out, a.Text)
		}
	}
	return out
}
