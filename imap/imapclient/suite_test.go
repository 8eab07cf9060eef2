package imapclient_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// A site is a server that the suite runs against. All accounts have the password
// "secret".
type site struct {
	name       string
	plain, tls string // addresses
	cfg        *tls.Config
	boxes      atomic.Int64
}

// sites starts the servers of the suite: ours, and, unless the tests are short,
// Dovecot and Cyrus.
func sites(t *testing.T, f func(t *testing.T, s *site)) {
	t.Run("posthorn", func(t *testing.T) { f(t, posthorn(t)) })
	t.Run("dovecot", func(t *testing.T) {
		cert := peers.NewCertificate(t)
		d := peers.DovecotIMAP(t, cert, nil)
		f(t, &site{name: "dovecot", plain: d.Addr("imap"), tls: d.Addr("imaps"), cfg: cert.Client})
	})
	t.Run("cyrus", func(t *testing.T) {
		cert := peers.NewCertificate(t)
		d := peers.CyrusIMAP(t, cert)
		f(t, &site{name: "cyrus", plain: d.Addr("imap"), tls: d.Addr("imaps"), cfg: cert.Client})
	})
}

func posthorn(t testing.TB) *site {
	t.Helper()
	server, client := testutil.TLS(t, "localhost", "127.0.0.1")
	store := memory.New(nil)
	t.Cleanup(func() { store.Close() })
	users := &sasl.Users{Iterations: sasl.MinIterations}
	for _, name := range []string{"alice", "bob"} {
		require.NoError(t, store.CreateAccount(t.Context(), name))
		require.NoError(t, users.Set(name, "secret"))
	}
	newServer := func() *imapserver.Server {
		return &imapserver.Server{Store: store, Authenticator: users, AllowInsecureAuth: true, Server: textproto.Server{TLSConfig: server}}
	}
	return &site{name: "posthorn", plain: testutil.Serve(t, newServer()), tls: testutil.ServeTLS(t, newServer()), cfg: client}
}

func (s *site) options() *imapclient.Options {
	return &imapclient.Options{
		Credentials: &sasl.Credentials{Username: "alice", Password: "secret"},
		TLSConfig:   s.cfg, AllowInsecureAuth: true,
	}
}

// dial returns a client that is logged in, in the clear. o may be nil.
func (s *site) dial(t testing.TB, o *imapclient.Options) *imapclient.Client {
	t.Helper()
	if o == nil {
		o = s.options()
	}
	c, err := imapclient.Dial(t.Context(), s.plain, o)
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

// box makes a mailbox and selects it.
func (s *site) box(t testing.TB, c *imapclient.Client, messages ...string) *imapclient.Mailbox {
	t.Helper()
	name := fmt.Sprintf("box%d", s.boxes.Add(1))
	require.NoError(t, c.Create(t.Context(), name))
	for _, msg := range messages {
		_, err := c.Append(t.Context(), name, mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
		require.NoError(t, err)
	}
	m, err := c.Select(t.Context(), name, nil)
	require.NoError(t, err)
	return m
}

func letter(subject, body string) string {
	return "From: Ann Example <ann@example.org>\r\nTo: bob@example.net\r\nDate: Mon, 7 Feb 1994 21:52:25 -0800\r\nMessage-ID: <" +
		strings.ReplaceAll(subject, " ", ".") + "@example.org>\r\nSubject: " + subject + "\r\n\r\n" + body + "\r\n"
}

func count(n int) []string {
	var out []string
	for i := range n {
		out = append(out, letter(fmt.Sprintf("message %d", i+1), fmt.Sprintf("This is number %d.", i+1)))
	}
	return out
}

func TestSuite(t *testing.T) {
	sites(t, func(t *testing.T, s *site) {
		for _, x := range []struct {
			name string
			run  func(t *testing.T, s *site)
		}{
			{"dial", testDial}, {"fetch", testFetch}, {"bodies", testBodies}, {"flags", testFlags}, {"copy and move", testCopy},
			{"list", testList}, {"watch", testWatch}, {"calls within a loop", testNested}, {"leaving a loop", testLeave},
			{"stale handles", testStale},
		} {
			t.Run(x.name, func(t *testing.T) { x.run(t, s) })
		}
	})
}

func testDial(t *testing.T, s *site) {
	ctx := t.Context()
	c, err := imapclient.DialTLS(ctx, s.tls, s.options())
	require.NoError(t, err)
	require.NotNil(t, c.TLS())
	require.NoError(t, c.Noop(ctx))
	require.NotEmpty(t, c.ServerID())
	require.NoError(t, c.Logout(ctx))
	c, err = imapclient.DialStartTLS(ctx, s.plain, s.options())
	require.NoError(t, err)
	require.NotNil(t, c.TLS())
	require.NoError(t, c.Noop(ctx))
	require.NoError(t, c.Close())
	require.ErrorIs(t, c.Noop(ctx), imapclient.ErrClosed)

	o := s.options()
	o.Credentials = &sasl.Credentials{Username: "alice", Password: "wrong"}
	_, err = imapclient.DialTLS(ctx, s.tls, o)
	require.ErrorIs(t, err, sasl.ErrAuthFailed)

	nc, err := net.Dial("tcp", s.plain)
	require.NoError(t, err)
	c, err = imapclient.NewClient(ctx, nc, s.options())
	require.NoError(t, err)
	require.NoError(t, c.Logout(ctx))
}

func testFetch(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(30)...)
	require.Equal(t, 30, m.Info().Exists)
	n := 0
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Summary) {
		require.NoError(t, err)
		n++
		require.Equal(t, fmt.Sprintf("message %d", n), msg.Subject())
		require.Equal(t, "ann", msg.Envelope.From[0].Local)
		require.Equal(t, "plain", msg.Structure.Subtype)
		require.Equal(t, int64(len(letter(msg.Subject(), fmt.Sprintf("This is number %d.", n)))), msg.Entry.Size)
		require.False(t, msg.InternalDate.IsZero())
	}
	require.Equal(t, 30, n)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	require.Equal(t, 30, uids.Len())
	found, err := m.Search(ctx, search.Subject("message 7"), nil)
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(uids.At(6)), found.UIDs)
	var got []string
	for msg, err := range m.Fetch(ctx, imapclient.Last(3), imapclient.Envelope) {
		require.NoError(t, err)
		got = append(got, msg.Subject())
	}
	require.Equal(t, []string{"message 28", "message 29", "message 30"}, got)
	got = nil
	for msg, err := range m.Fetch(ctx, imapclient.Numbers(2, 3), imapclient.Envelope) {
		require.NoError(t, err)
		got = append(got, msg.Subject())
	}
	require.Equal(t, []string{"message 2", "message 3"}, got)
	_, err = m.Message(ctx, 1e6, imapclient.Flags)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}

func testBodies(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	long := letter("long", strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n", 60000))
	texts := append(count(40), long, letter("last", "end"))
	m := s.box(t, c, texts...)
	i := 0
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Whole()) {
		require.NoError(t, err)
		b, err := io.ReadAll(msg.Body())
		require.NoError(t, err)
		require.Equal(t, len(texts[i]), len(b))
		require.Equal(t, texts[i], string(b))
		i++
	}
	require.Equal(t, len(texts), i)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	var w strings.Builder
	n, err := m.Download(ctx, uids.At(40), imapclient.Whole(), &w)
	require.NoError(t, err)
	require.Equal(t, int64(len(long)), n)
	require.Equal(t, long, w.String())
	w.Reset()
	_, err = m.Download(ctx, uids.At(40), imapclient.Whole().Range(1000000, -1), &w)
	require.NoError(t, err)
	require.Equal(t, long[1000000:], w.String())
	msg, err := m.Message(ctx, uids.At(0), imapclient.Header("Subject"), imapclient.Part(1))
	require.NoError(t, err)
	b, err := msg.Body(imapclient.Header("Subject")).Bytes(1000)
	require.NoError(t, err)
	require.Equal(t, "Subject: message 1\r\n\r\n", string(b))
	b, err = msg.Body(imapclient.Part(1)).Bytes(1000)
	require.NoError(t, err)
	require.Equal(t, "This is number 1.\r\n", string(b))
	require.NoError(t, msg.Close())
	_, err = msg.Body(imapclient.Part(1)).Read(make([]byte, 1))
	require.ErrorIs(t, err, imapclient.ErrBodyExpired)
}

func testFlags(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(10)...)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(uids.At(0), uids.At(2)), mailbox.FlagSeen, "keyword"))
	require.NoError(t, m.AddFlags(ctx, imapclient.Where(search.Unseen), mailbox.FlagFlagged))
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
		require.NoError(t, err)
		seen := msg.UID == uids.At(0) || msg.UID == uids.At(2)
		require.Equal(t, seen, msg.Entry.Flags.Has(mailbox.FlagSeen))
		require.Equal(t, seen, msg.Entry.Flags.Has("keyword"))
		require.Equal(t, !seen, msg.Entry.Flags.Has(mailbox.FlagFlagged))
	}
	require.NoError(t, m.RemoveFlags(ctx, imapclient.All(), mailbox.FlagFlagged))
	found, err := m.Search(ctx, search.Flagged, nil)
	require.NoError(t, err)
	require.True(t, found.UIDs.IsEmpty())
	gone, err := m.Delete(ctx, imapclient.UIDs(uids.At(4)))
	require.NoError(t, err)
	require.Equal(t, mailbox.UIDSetOf(uids.At(4)), gone)
	require.Equal(t, 9, m.Exists())
}

func testCopy(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	dest := s.box(t, c)
	m := s.box(t, c, count(5)...)
	uids, err := m.UIDs(ctx)
	require.NoError(t, err)
	copied, err := m.Copy(ctx, imapclient.UIDs(uids.At(0), uids.At(1)), dest.Name())
	require.NoError(t, err)
	require.Equal(t, 2, copied.Done.Len())
	moved, err := m.Move(ctx, imapclient.UIDs(uids.At(2)), dest.Name())
	require.NoError(t, err)
	require.NotZero(t, moved.UIDValidity)
	require.Equal(t, 4, m.Exists())
	_, err = m.Copy(ctx, imapclient.All(), "no such mailbox")
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	st, err := c.Status(ctx, dest.Name())
	require.NoError(t, err)
	require.Equal(t, uint32(3), *st.Messages)
}

func testList(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	s.box(t, c, count(2)...)
	name := "Entwürfe & Co"
	require.NoError(t, c.Create(ctx, name))
	_, err := c.Append(ctx, name, mailbox.Incoming{Body: strings.NewReader("x: y\r\n\r\n"), Size: mailbox.SizeUnknown})
	require.NoError(t, err)
	entries, err := c.List(ctx, &imapclient.ListOptions{Status: []imap.StatusItem{imap.StatusMessages}})
	require.NoError(t, err)
	seen := false
	for _, e := range entries {
		if e.Name == name {
			seen = true
			require.NotNil(t, e.Status)
			require.Equal(t, uint32(1), *e.Status.Messages)
		}
	}
	require.True(t, seen, entries)
	require.ErrorIs(t, c.Create(ctx, name), mailbox.ErrExist)
	require.NoError(t, c.Delete(ctx, name))
	ns, err := c.Namespace(ctx)
	require.NoError(t, err)
	require.NotEmpty(t, ns.Personal)
}

func testWatch(t *testing.T, s *site) {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c := s.dial(t, nil)
	m := s.box(t, c, count(2)...)
	other := s.dial(t, nil)
	om, err := other.Select(ctx, m.Name(), nil)
	require.NoError(t, err)
	step := 0
	msg := letter("new", "hello")
	go other.Append(ctx, m.Name(), mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
	for u, err := range m.Watch(ctx) {
		require.NoError(t, err)
		if u.Arrived > 0 {
			for msg, err := range u.Mailbox.Fetch(ctx, u.New, imapclient.Envelope) {
				require.NoError(t, err)
				require.Equal(t, "new", msg.Subject())
				step++
			}
			go om.AddFlags(ctx, imapclient.Last(1), mailbox.FlagFlagged)
		}
		if step == 1 && len(u.Flags) > 0 && u.Flags[0].Flags.Has(mailbox.FlagFlagged) {
			step++
			go om.Delete(ctx, imapclient.Last(1))
		}
		if u.Removed > 0 {
			require.Equal(t, 1, u.Vanished.Len())
			step++
			break
		}
	}
	require.Equal(t, 3, step)
	require.NoError(t, c.Noop(ctx))
}

func testNested(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(20)...)
	n := 0
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Flags) {
		require.NoError(t, err)
		require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(msg.UID), mailbox.FlagSeen))
		for inner, err := range m.Fetch(ctx, imapclient.UIDs(msg.UID), imapclient.Flags, imapclient.Whole()) {
			require.NoError(t, err)
			require.True(t, inner.Entry.Flags.Has(mailbox.FlagSeen))
			n++
		}
	}
	require.Equal(t, 20, n)
}

func testLeave(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	m := s.box(t, c, count(20)...)
	for range 5 {
		for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Whole()) {
			require.NoError(t, err)
			_ = msg
			break
		}
		require.NoError(t, c.Noop(ctx))
	}
	gone, cancel := context.WithCancel(ctx)
	cancel()
	err := c.Noop(gone)
	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, c.Noop(ctx))
}

func testStale(t *testing.T, s *site) {
	ctx := t.Context()
	c := s.dial(t, nil)
	a := s.box(t, c, count(2)...)
	b := s.box(t, c, count(3)...)
	require.ErrorIs(t, a.AddFlags(ctx, imapclient.All(), mailbox.FlagSeen), imapclient.ErrNotSelected)
	require.NoError(t, b.AddFlags(ctx, imapclient.All(), mailbox.FlagSeen))
	require.NoError(t, b.Unselect(ctx))
	require.ErrorIs(t, b.AddFlags(ctx, imapclient.All(), mailbox.FlagSeen), imapclient.ErrNotSelected)
	_, err := c.Select(ctx, "no such mailbox", nil)
	require.ErrorIs(t, err, mailbox.ErrNotExist)
}
