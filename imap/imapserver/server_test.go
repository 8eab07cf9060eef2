package imapserver_test

import (
	"bufio"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/testutil/busy"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

// testUsers is shared: hashing passwords takes time.
var testUsers = sync.OnceValue(func() *sasl.Users {
	u := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	for _, name := range []string{"fred", "mrc", "smith", "tim", "joe"} {
		if err := u.Set(name, "secret"); err != nil {
			panic(err)
		}
	}
	return u
})

// newStore returns a store in memory with the account fred.
func newStore(t testing.TB, opts *memory.Options) *memory.Store {
	store := memory.New(opts)
	t.Cleanup(func() { store.Close() })
	require.NoError(t, store.CreateAccount(t.Context(), "fred"))
	return store
}

// start serves on loopback until the test ends.
func start(t testing.TB, srv *imapserver.Server) (addr string) {
	if srv.Authenticator == nil {
		srv.Authenticator = testUsers()
	}
	if srv.Logger == nil {
		srv.Logger = slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	if srv.OnAuth == nil {
		srv.OnAuth = func(context.Context, sasl.Attempt) {} // no delay
	}
	return testutil.Serve(t, srv)
}

// testMessage is the n-th of the messages that mailboxes are filled with.
func testMessage(n int) string {
	return fmt.Sprintf("From: Sender %d <s%d@example.com>\r\nTo: Fred <fred@example.org>\r\nSubject: Message %d\r\n"+
		"Date: Mon, %d Feb 1994 21:52:25 -0800\r\nMessage-ID: <%d@example.com>\r\n\r\nBody of message %d.\r\n", n, n, n, n%27+1, n, n)
}

func appendTo(t testing.TB, acct mailbox.Account, name, msg string, flags ...mailbox.Flag) mailbox.UID {
	mb, err := acct.Mailbox(t.Context(), name)
	require.NoError(t, err)
	res, err := mb.Append(t.Context(), mailbox.Incoming{
		Body: strings.NewReader(msg), Size: int64(len(msg)), Flags: mailbox.NewFlagSet(flags...),
		InternalDate: time.Date(1996, 7, 17, 2, 44, 25, 0, time.FixedZone("", -7*3600)),
	})
	require.NoError(t, err)
	return res.DestUIDs().Min()
}

// TestTranscripts plays the dialogues. Their options:
//
//	@inbox 3            messages in INBOX, or names of files in testdata
//	@flags 2=\Seen …    flags of these
//	@gaps 2 5           messages of INBOX that are removed before the start, by UID
//	@mailboxes a b/c    others that exist; "a=\Sent" with a role
//	@phantoms b         of these, deleted again: names with inferiors only
//	@subscribed a b
//	@share mrc/INBOX=lr mailboxes of others that fred has rights on
//	@quota STORAGE=512  in octets
//	@max 1000           size of a message
//	@secure             no passwords without TLS
//	@without MOVE       capabilities turned off
//	@quotaadmin         SETQUOTA is allowed
//	@covers MOVE …      capabilities that it tries
func TestTranscripts(t *testing.T) {
	transcript.RunDir(t, "testdata/*.txt", func(t testing.TB, s *transcript.Script) transcript.Dial {
		return transcript.DialTCP(start(t, scriptServer(t, s)))
	})
}

func scriptServer(t testing.TB, s *transcript.Script) *imapserver.Server {
	opts := &memory.Options{}
	if q := s.Option("quota"); q != "" {
		opts.Quota = map[mailbox.QuotaName]int64{}
		for _, f := range strings.Fields(q) {
			name, n, _ := strings.Cut(f, "=")
			limit, err := strconv.ParseInt(n, 10, 64)
			require.NoError(t, err)
			opts.Quota[mailbox.QuotaName(name)] = limit
		}
	}
	opts.Limits.MaxMessageSize, _ = strconv.ParseInt(s.Option("max"), 10, 64)
	store := newStore(t, opts)
	for _, name := range []string{"mrc", "smith", "tim", "joe"} {
		require.NoError(t, store.CreateAccount(t.Context(), name))
	}
	for _, user := range []string{"fred", "mrc", "smith"} {
		acct, err := store.Account(t.Context(), user)
		require.NoError(t, err)
		fill(t, acct, s)
		acct.Close()
	}
	for _, f := range strings.Fields(s.Option("share")) {
		name, letters, _ := strings.Cut(f, "=")
		owner, name, _ := strings.Cut(name, "/")
		share(t, store, owner, name, letters)
	}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: !s.HasOption("secure"), Hostname: "imap.example.org"}
	srv.TLSConfig, _ = testutil.TLS(t)
	if off := strings.Fields(s.Option("without")); len(off) > 0 {
		srv.Capabilities = func(_ *imapserver.Conn, caps imap.CapSet) imap.CapSet {
			for _, c := range off {
				caps = caps.Without(imap.Cap(c))
			}
			return caps
		}
	}
	if s.HasOption("busy") {
		srv.Authenticator = busy.Users(t, "fred", "secret")
	}
	if s.HasOption("quotaadmin") {
		srv.QuotaAdmin = func(*imapserver.Conn) bool { return true }
	}
	return srv
}

// share gives fred rights on a mailbox of another account.
func share(t testing.TB, store *memory.Store, owner, name, letters string) {
	rights, err := mailbox.ParseRights(letters)
	require.NoError(t, err)
	require.NoError(t, store.Share(t.Context(), owner, name, "fred", rights))
}

func fill(t testing.TB, acct mailbox.Account, s *transcript.Script) {
	ctx := t.Context()
	for _, f := range strings.Fields(s.Option("mailboxes")) {
		name, role, _ := strings.Cut(f, "=")
		use, _ := mailbox.ParseSpecialUse(role)
		_, err := acct.Create(ctx, name, &mailbox.CreateOptions{SpecialUse: use})
		require.NoError(t, err)
	}
	for _, name := range strings.Fields(s.Option("phantoms")) {
		require.NoError(t, acct.Delete(ctx, name))
	}
	for _, name := range strings.Fields(s.Option("subscribed")) {
		require.NoError(t, acct.Subscribe(ctx, name, true))
	}
	if n, err := strconv.Atoi(s.Option("inbox")); err == nil {
		for i := range n {
			appendTo(t, acct, "INBOX", testMessage(i+1))
		}
	} else {
		for _, name := range strings.Fields(s.Option("inbox")) {
			b, err := os.ReadFile("testdata/" + name)
			require.NoError(t, err)
			appendTo(t, acct, "INBOX", strings.ReplaceAll(string(b), "\n", "\r\n"))
		}
	}
	inbox, err := acct.Mailbox(ctx, "INBOX")
	require.NoError(t, err)
	for _, f := range strings.Fields(s.Option("flags")) {
		uid, flag, _ := strings.Cut(f, "=")
		set, err := mailbox.ParseUIDSet(uid)
		require.NoError(t, err)
		_, err = inbox.SetFlags(ctx, set, mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.NewFlagSet(mailbox.Flag(flag))})
		require.NoError(t, err)
	}
	for _, uid := range strings.Fields(s.Option("gaps")) {
		set, err := mailbox.ParseUIDSet(uid)
		require.NoError(t, err)
		_, err = inbox.Expunge(ctx, set, mailbox.FlagSet{})
		require.NoError(t, err)
	}
}

// A client is a bare-bones one for tests.
type client struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
	tag  int
}

func newClient(t testing.TB, conn net.Conn) *client {
	return &client{t: t, conn: conn, r: bufio.NewReaderSize(conn, 64<<10)}
}

func dial(t testing.TB, addr string) *client {
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { conn.Close() })
	c := newClient(t, conn)
	require.Contains(t, c.line(), "* OK [CAPABILITY IMAP4rev1 ")
	return c
}

func login(t testing.TB, addr string) *client {
	c := dial(t, addr)
	c.ok("LOGIN fred secret")
	return c
}

func (c *client) send(s string) {
	_, err := c.conn.Write([]byte(s))
	require.NoError(c.t, err)
}

func (c *client) line() string {
	c.conn.SetReadDeadline(time.Now().Add(30 * time.Second))
	l, err := c.r.ReadString('\n')
	require.NoError(c.t, err, "got %q", l)
	return strings.TrimSuffix(l, "\r\n")
}

// ok runs a command that must succeed and returns the untagged lines.
func (c *client) ok(cmd string) []string {
	lines, last := c.cmd(cmd)
	require.True(c.t, strings.HasPrefix(last, "OK"), "%s: %s", cmd, last)
	return lines
}

func (c *client) cmd(cmd string) (lines []string, status string) {
	c.tag++
	tag := fmt.Sprintf("a%d ", c.tag)
	c.send(tag + cmd + "\r\n")
	for {
		l := c.line()
		if rest, ok := strings.CutPrefix(l, tag); ok {
			return lines, rest
		}
		lines = append(lines, l)
	}
}
