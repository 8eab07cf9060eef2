package imapstore_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/imapstore"
	"github.com/posthorn-mail/posthorn/mailbox/search"
	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// account returns the account of alice in a store in front of the server.
func (b *backend) account(t testing.TB, change func(*imapstore.Store)) mailbox.Account {
	t.Helper()
	if _, err := b.Store.Account(t.Context(), "alice"); err != nil {
		require.NoError(t, b.CreateAccount(t.Context(), "alice"))
	}
	a, err := b.store(t, change).Account(t.Context(), "alice")
	require.NoError(t, err)
	t.Cleanup(func() { a.Close() })
	return a
}

func inbox(t testing.TB, a mailbox.Account) mailbox.Mailbox {
	t.Helper()
	m, err := a.Mailbox(t.Context(), "INBOX")
	require.NoError(t, err)
	return m
}

// original returns INBOX as it is in the store behind the server.
func (b *backend) original(t testing.TB) mailbox.Mailbox {
	t.Helper()
	a, err := b.Store.Account(t.Context(), "alice")
	require.NoError(t, err)
	return inbox(t, a)
}

func letter(i int) string {
	return fmt.Sprintf("From: Ann <ann@example.org>\r\nTo: bob@example.net\r\nDate: Mon, 7 Feb 1994 21:52:%02d -0800\r\nSubject: letter %d\r\n"+
		"Message-ID: <%d@example.org>\r\nReferences: <a%d@example.org>\r\n\r\nThis is number %d.\r\n", i%60, i, i, i, i)
}

func put(t testing.TB, m mailbox.Mailbox, n int) {
	t.Helper()
	var msgs []mailbox.Incoming
	for i := range n {
		body := letter(i)
		msgs = append(msgs, mailbox.Incoming{Body: strings.NewReader(body), Size: int64(len(body))})
	}
	_, err := m.Append(t.Context(), msgs...)
	require.NoError(t, err)
}

// sent returns how many commands have been sent since it was called last.
func (b *backend) sent() map[string]int {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := b.commands
	b.commands = map[string]int{}
	return out
}

// TestCommands counts what it takes to read a mailbox.
func TestCommands(t *testing.T) {
	const n = 10_000
	b := newBackend(t)
	a := b.account(t, nil)
	put(t, b.original(t), n)
	m := inbox(t, a)
	read := func(want mailbox.Want) map[string]int {
		b.sent()
		count := 0
		for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), want) {
			require.NoError(t, err)
			require.EqualValues(t, count+1, msg.UID)
			if want&mailbox.WantEnvelope != 0 {
				require.Equal(t, fmt.Sprint("letter ", count), msg.Envelope.Subject)
				require.Equal(t, []string{fmt.Sprintf("<a%d@example.org>", count)}, msg.References)
				require.Equal(t, fmt.Sprintf("This is number %d.", count), msg.Preview)
			}
			if want&mailbox.WantContent != 0 {
				body, err := io.ReadAll(io.NewSectionReader(msg.Content, 0, msg.Content.Size()))
				require.NoError(t, err)
				require.Equal(t, letter(count), string(body))
			}
			count++
		}
		require.Equal(t, n, count)
		return b.sent()
	}
	require.LessOrEqual(t, read(mailbox.WantFlags)["UID FETCH"], 8)
	// Ten, and as many for the previews, which the server does not make.
	require.LessOrEqual(t, read(mailbox.WantEntry | mailbox.WantSummary)["UID FETCH"], 32)
	require.LessOrEqual(t, read(mailbox.WantEntry | mailbox.WantContent)["UID FETCH"], 40)

	// Counters and changes of a mailbox in which nothing has happened.
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	b.sent()
	again, err := m.Status(t.Context())
	require.NoError(t, err)
	require.Equal(t, st, again)
	ch, err := m.Changes(t.Context(), st.State())
	require.NoError(t, err)
	require.Equal(t, st.State(), ch.State)
	sent := b.sent()
	require.Equal(t, 2, sent["STATUS"])
	require.Zero(t, sent["UID FETCH"]+sent["UID SEARCH"])
	require.LessOrEqual(t, sent["NOOP"], 4)
}

// TestLargeMessage reads ranges of a message, and as a whole.
func TestLargeMessage(t *testing.T) {
	b := newBackend(t)
	m := inbox(t, b.account(t, func(s *imapstore.Store) { s.MaxConns = 1 }))
	body := []byte("Subject: large\r\n\r\n" + strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789ab\r\n", 60_000))
	res, err := m.Append(t.Context(), mailbox.Incoming{Body: io.MultiReader(bytes.NewReader(body)), Size: mailbox.SizeUnknown})
	require.NoError(t, err)
	for msg, err := range m.Messages(t.Context(), res.DestUIDs(), mailbox.WantContent|mailbox.WantHeader) {
		require.NoError(t, err)
		require.EqualValues(t, len(body), msg.Content.Size())
		require.EqualValues(t, len("Subject: large\r\n\r\n"), msg.Header.Size())
		for _, off := range []int64{3_000_000, 0, 200_000, 262_100, 1_500_000, int64(len(body)) - 10} {
			p := make([]byte, 100_000)
			n, err := msg.Content.ReadAt(p, off)
			if err != nil {
				require.Equal(t, io.EOF, err)
			}
			require.True(t, bytes.Equal(body[off:off+int64(n)], p[:n]), "from %d", off)
		}
		var w bytes.Buffer
		_, err = msg.Content.(io.WriterTo).WriteTo(&w)
		require.NoError(t, err)
		require.True(t, bytes.Equal(body, w.Bytes()))
		// It can be appended from where it is read, with one connection.
		_, err = m.Append(t.Context(), mailbox.Incoming{Body: io.NewSectionReader(msg.Content, 0, msg.Content.Size()), Size: msg.Content.Size()})
		require.NoError(t, err)
	}
	for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantEntry) {
		require.NoError(t, err)
		require.EqualValues(t, len(body), msg.Size)
	}
}

// TestSearchAndSort searches and sorts by package search, with the server's help and
// without.
func TestSearchAndSort(t *testing.T) {
	for _, trust := range []bool{false, true} {
		b := newBackend(t)
		m := inbox(t, b.account(t, func(s *imapstore.Store) { s.TrustSearch = trust }))
		put(t, m, 50)
		_, err := m.SetFlags(t.Context(), mailbox.UIDRangeSet(1, 10), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
		require.NoError(t, err)
		b.sent()
		found, err := search.Find(t.Context(), m, mailbox.AllUIDs(), search.And{search.Unseen, search.Body{Value: "number 1"}}, nil)
		require.NoError(t, err)
		require.Equal(t, "11:20", found.String())
		fetched := b.sent()["UID FETCH"]
		if trust {
			require.LessOrEqual(t, fetched, 2)
		}
		sorted, err := search.Sort(t.Context(), m, mailbox.UIDRangeSet(1, 5), []search.SortKey{{By: search.SortSubject, Reverse: true}})
		require.NoError(t, err)
		require.Equal(t, []mailbox.UID{5, 4, 3, 2, 1}, sorted)
	}
}

// TestProxy serves an account by IMAP and POP3, which is behind an IMAP server.
func TestProxy(t *testing.T) {
	ctx := t.Context()
	b := newBackend(t)
	b.account(t, nil)
	put(t, b.original(t), 20)
	front := b.store(t, nil)
	imapAddr := testutil.Serve(t, &imapserver.Server{Store: front, Authenticator: b.users, AllowInsecureAuth: true})
	c, err := imapclient.Dial(ctx, imapAddr, &imapclient.Options{AllowInsecureAuth: true, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
	require.NoError(t, err)
	defer c.Close()
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	require.Equal(t, 20, m.Info().Exists)
	n := 0
	for msg, err := range m.Fetch(ctx, imapclient.All(), imapclient.Entry, imapclient.Summary, imapclient.Whole()) {
		require.NoError(t, err)
		body, err := io.ReadAll(msg.Body())
		require.NoError(t, err)
		require.Equal(t, letter(n), string(body))
		require.Equal(t, fmt.Sprint("letter ", n), msg.Subject())
		n++
	}
	require.Equal(t, 20, n)
	require.NoError(t, m.AddFlags(ctx, imapclient.UIDs(3, 4), mailbox.FlagFlagged, "Word"))
	require.NoError(t, c.Create(ctx, "Other"))
	_, err = m.Move(ctx, imapclient.UIDs(4, 5), "Other")
	require.NoError(t, err)
	gone, err := m.Delete(ctx, imapclient.UIDs(6))
	require.NoError(t, err)
	require.Equal(t, "6", gone.String())
	up, err := m.Poll(ctx)
	require.NoError(t, err)
	if up != nil {
		require.False(t, up.Lost)
	}
	found, err := m.Search(ctx, search.Flagged, nil)
	require.NoError(t, err)
	require.Equal(t, "3", found.UIDs.String())

	// What another client does is told in IDLE.
	watched, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	go put(t, b.original(t), 1)
	for up, err := range m.Watch(watched) {
		require.NoError(t, err)
		if up.Arrived > 0 {
			break
		}
	}
	snap, err := b.original(t).Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, "1:3,7:21", snap.UIDs.String())

	popAddr := testutil.Serve(t, &pop3server.Server{Store: front, Authenticator: b.users, AllowInsecureAuth: true})
	p, err := pop3client.Dial(ctx, popAddr, &pop3client.Options{AllowInsecureAuth: true, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
	require.NoError(t, err)
	count, _, err := p.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, 18, count)
	body, err := p.Retr(ctx, 4)
	require.NoError(t, err)
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, letter(6), string(text))
	require.NoError(t, body.Close())
	require.NoError(t, p.Delete(ctx, 4))
	require.NoError(t, p.Quit(ctx))
	snap, err = b.original(t).Snapshot(ctx)
	require.NoError(t, err)
	require.Equal(t, "1:3,8:21", snap.UIDs.String())
}

// A damaged message costs only itself.
type damagedStore struct {
	*backend
	uid mailbox.UID
}

func (s damagedStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.backend.Store.Account(ctx, name)
	return damagedAccount{a, s.uid}, err
}

type damagedAccount struct {
	mailbox.Account
	uid mailbox.UID
}

func (a damagedAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return damagedMailbox{m, a.uid}, err
}

type damagedMailbox struct {
	mailbox.Mailbox
	uid mailbox.UID
}

func (m damagedMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil && msg.UID == m.uid && want != mailbox.WantFlags && want != 0 {
				msg, err = nil, &mailbox.MessageError{UID: m.uid, Err: errors.New("damaged")}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

func TestDamagedMessage(t *testing.T) {
	b := newBackend(t)
	b.account(t, nil)
	put(t, b.original(t), 40)
	b.addr = testutil.Serve(t, &imapserver.Server{Store: damagedStore{b, 17}, Authenticator: b.users, AllowInsecureAuth: true,
		Server: textproto.Server{Logger: slog.New(slog.DiscardHandler)}})
	m := inbox(t, b.account(t, nil))
	for _, want := range []mailbox.Want{mailbox.WantEntry, mailbox.WantSummary, mailbox.WantContent, mailbox.WantEntry | mailbox.WantHeader} {
		next := mailbox.UID(1)
		for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), want) {
			if next == 17 {
				var damaged *mailbox.MessageError
				require.ErrorAs(t, err, &damaged)
				require.Equal(t, next, damaged.UID)
			} else {
				require.NoError(t, err)
				require.Equal(t, next, msg.UID)
			}
			next++
		}
		require.EqualValues(t, 41, next, "want %b", want)
	}
}

// TestWatchOthers lets other clients change mailboxes: with our server, the store finds
// out by IDLE and by looking, with Dovecot by NOTIFY.
func TestWatchOthers(t *testing.T) {
	t.Run("posthorn", func(t *testing.T) {
		b := newBackend(t)
		a := b.account(t, func(s *imapstore.Store) { s.PollInterval = 50 * time.Millisecond })
		other, err := b.Store.Account(t.Context(), "alice")
		require.NoError(t, err)
		watchOthers(t, a, other)
	})
	t.Run("dovecot", func(t *testing.T) {
		d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{Settings: dovecotSettings})
		open := func() mailbox.Account {
			s := &imapstore.Store{Dial: func(ctx context.Context, account string) (*imapclient.Client, error) {
				return imapclient.Dial(ctx, d.Addr("imap"), &imapclient.Options{AllowInsecureAuth: true,
					Credentials: &sasl.Credentials{Username: account, Password: peers.IMAPPassword}})
			}}
			t.Cleanup(func() { require.NoError(t, s.Close()) })
			a, err := s.Account(t.Context(), peers.Alice)
			require.NoError(t, err)
			t.Cleanup(func() { a.Close() })
			return a
		}
		watchOthers(t, open(), open())
	})
}

func watchOthers(t *testing.T, a, other mailbox.Account) {
	m := inbox(t, a)
	events, err := a.Watch(t.Context())
	require.NoError(t, err)
	await := func(id string, kind mailbox.EventKind) {
		t.Helper()
		timeout := time.After(30 * time.Second)
		for {
			select {
			case e, ok := <-events:
				require.True(t, ok)
				if e.MailboxID == id && e.Kind&kind == kind {
					return
				}
			case <-timeout:
				t.Fatalf("no event of kind %d about %q", kind, id)
			}
		}
	}
	put(t, inbox(t, other), 2)
	await(m.Info().ID, mailbox.EventNew)
	_, err = other.Create(t.Context(), "New", nil)
	require.NoError(t, err)
	await("", mailbox.EventMailboxes)
	same, err := a.Mailbox(t.Context(), "New")
	require.NoError(t, err)
	id := same.Info().ID
	fresh, err := other.Mailbox(t.Context(), "New")
	require.NoError(t, err)
	put(t, fresh, 1)
	await(id, mailbox.EventNew)
	_, err = fresh.SetFlags(t.Context(), mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet("x")})
	require.NoError(t, err)
	await(id, mailbox.EventFlags)
	_, err = fresh.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.FlagSet{})
	require.NoError(t, err)
	await(id, mailbox.EventVanished)
	require.NoError(t, other.Delete(t.Context(), "New"))
	await("", mailbox.EventMailboxes)
}
