package imapserver_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/textproto"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// TestCapabilitiesHaveTranscripts fails when something is advertised for which
// no transcript says, with "@covers", that it tries it.
func TestCapabilitiesHaveTranscripts(t *testing.T) {
	var advertised imap.CapSet
	for _, insecure := range []bool{false, true} {
		srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: insecure}
		srv.TLSConfig, _ = testutil.TLS(t)
		srv.QuotaAdmin = func(*imapserver.Conn) bool { return true }
		srv.Capabilities = func(_ *imapserver.Conn, caps imap.CapSet) imap.CapSet {
			for c := range caps.All() {
				advertised = advertised.With(c)
			}
			return caps
		}
		addr := start(t, srv)
		c := dial(t, addr)
		if insecure {
			c.ok("LOGIN fred secret")
		}
		c.ok("LOGOUT")
	}
	var names []string
	for c := range advertised.All() {
		if !strings.HasPrefix(string(c), imap.CapAuthPrefix) { // package sasl's own
			names = append(names, string(c))
		}
	}
	transcript.CheckCovers(t, "testdata/*.txt", names)
}

func TestPasswordsAreNotTraced(t *testing.T) {
	var mu sync.Mutex
	var traced bytes.Buffer
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	srv.Trace = func(ev textproto.Event) {
		mu.Lock()
		defer mu.Unlock()
		fmt.Fprintf(&traced, "%v %s\n", ev.Dir, ev.Line)
	}
	addr := start(t, srv)
	for _, script := range []string{
		"a LOGIN fred secret\r\n",
		"a LOGIN {4+}\r\nfred \"secret\"\r\n",
		"a login {4+}\r\nfred {6+}\r\nsecret\r\n",
		"a AUTHENTICATE PLAIN AGZyZWQAc2VjcmV0\r\n",
		"a AUTHENTICATE PLAIN\r\nAGZyZWQAc2VjcmV0\r\n",
	} {
		c := dial(t, addr)
		c.send(script + "b LOGOUT\r\n")
		rest, err := io.ReadAll(c.r)
		require.NoError(t, err)
		require.Contains(t, string(rest), "a OK ", script)
	}
	mu.Lock()
	defer mu.Unlock()
	require.NotContains(t, traced.String(), "secret")
	require.NotContains(t, traced.String(), "c2VjcmV0")
	require.Contains(t, traced.String(), "a LOGIN <hidden>")
}

func TestShutdown(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true}
	addr := start(t, srv)
	waiting, idling := dial(t, addr), login(t, addr)
	idling.ok("SELECT INBOX")
	idling.send("i IDLE\r\n")
	require.Equal(t, "+ idling", idling.line())
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	require.NoError(t, srv.Shutdown(ctx))
	for _, c := range []*client{waiting, idling} {
		require.Equal(t, "* BYE [UNAVAILABLE] server is shutting down", c.line())
		_, err := c.r.ReadByte()
		require.ErrorIs(t, err, io.EOF)
	}
}

func TestTooManyConnections(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil)}
	srv.MaxConns = 1
	addr := start(t, srv)
	dial(t, addr)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer conn.Close()
	all, err := io.ReadAll(conn)
	require.NoError(t, err)
	require.Equal(t, "* BYE [LIMIT] too many connections\r\n", string(all))
}

func TestTimeouts(t *testing.T) {
	for name, tc := range map[string]struct {
		send  string
		after time.Duration
		bye   string
	}{
		"silent before login":      {"", time.Minute, "* BYE autologout; took too long to log in"},
		"busy before login":        {"a NOOP\r\n", time.Minute, "* BYE autologout; took too long to log in"},
		"in a literal":             {"a LOGIN {4}\r\n", time.Minute, "* BYE autologout; took too long to log in"},
		"logged in":                {"a LOGIN fred secret\r\n", 30 * time.Minute, "* BYE autologout; idle for too long"},
		"in IDLE":                  {"a LOGIN fred secret\r\nb SELECT INBOX\r\nc IDLE\r\n", 30 * time.Minute, "* BYE autologout; idle for too long"},
		"in a command after login": {"a LOGIN fred secret\r\nb SELECT {5}\r\n", 5 * time.Minute, "* BYE autologout; idle for too long"},
	} {
		t.Run(name, func(t *testing.T) {
			users := testUsers()
			synctest.Test(t, func(t *testing.T) {
				srv := &imapserver.Server{Store: newStore(t, nil), Authenticator: users, AllowInsecureAuth: true}
				srv.Logger = slog.New(slog.DiscardHandler)
				l := testutil.NewPipeListener()
				done := make(chan error, 1)
				go func() { done <- srv.Serve(l) }()
				conn := l.Dial()
				began := time.Now()
				go conn.Write([]byte(tc.send))
				all, _ := io.ReadAll(conn)
				lines := strings.Split(strings.TrimSuffix(string(all), "\r\n"), "\r\n")
				require.Equal(t, tc.bye, lines[len(lines)-1])
				require.GreaterOrEqual(t, time.Since(began), tc.after)
				require.Less(t, time.Since(began), tc.after+10*time.Second)
				conn.Close()
				srv.Close()
				<-done
			})
		})
	}
}

// TestFailedLoginsWait: without a hook, clients that guess passwords are delayed.
func TestFailedLoginsWait(t *testing.T) {
	users := testUsers()
	synctest.Test(t, func(t *testing.T) {
		srv := &imapserver.Server{Store: newStore(t, nil), Authenticator: users, AllowInsecureAuth: true}
		srv.Logger = slog.New(slog.DiscardHandler)
		l := testutil.NewPipeListener()
		done := make(chan error, 1)
		go func() { done <- srv.Serve(l) }()
		conn := l.Dial()
		began := time.Now()
		go conn.Write([]byte("a LOGIN fred x\r\nb LOGIN fred y\r\nc LOGIN nobody z\r\nd LOGOUT\r\n"))
		all, err := io.ReadAll(conn)
		require.NoError(t, err)
		require.Equal(t, 3, strings.Count(string(all), "NO [AUTHENTICATIONFAILED]"))
		require.Equal(t, 7*time.Second, time.Since(began).Truncate(time.Second))
		conn.Close()
		srv.Close()
		<-done
	})
}

func TestThousandIdle(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 100
	}
	store := &countingStore{Store: newStore(t, nil)}
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}
	srv.Bounds = &textproto.Bounds{MaxConnsPerAccount: -1}
	addr := start(t, srv)
	clients := make([]*client, n)
	var wg sync.WaitGroup
	for part := range 10 {
		wg.Go(func() {
			for i := part; i < n; i += 10 {
				c := login(t, addr)
				c.ok("SELECT INBOX")
				c.send("i IDLE\r\n")
				require.Equal(t, "+ idling", c.line())
				clients[i] = c
			}
		})
	}
	wg.Wait()
	before := store.calls.Load()

	writer := login(t, addr)
	began := time.Now()
	writer.ok("APPEND INBOX {5+}\r\nhello")
	recent := 0
	for _, c := range clients {
		require.Equal(t, "* 1 EXISTS", c.line())
		c.line() // RECENT
	}
	t.Logf("%d sessions heard within %v, %d calls of Changes", n, time.Since(began), store.calls.Load()-before)
	require.Less(t, store.calls.Load()-before, int64(n)/4, "sessions share results")
	require.Zero(t, recent)
	for _, c := range clients {
		c.send("DONE\r\n")
		require.Equal(t, "i OK IDLE terminated", c.line())
		c.conn.Close()
	}
}

// plainUsers accepts every login, without hashing.
type plainUsers struct{}

func (plainUsers) Authenticate(_ context.Context, user, _ string) (string, error) { return user, nil }

// TestSlowClientDelaysNobody: a session in IDLE that reads nothing.
func TestSlowClientDelaysNobody(t *testing.T) {
	store := newStore(t, nil)
	acct, err := store.Account(t.Context(), "fred")
	require.NoError(t, err)
	for i := range 200 {
		appendTo(t, acct, "INBOX", testMessage(i))
	}
	addr := start(t, &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	deaf, busy := login(t, addr), login(t, addr)
	for _, c := range []*client{deaf, busy} {
		c.ok("SELECT INBOX")
	}
	deaf.send("i IDLE\r\n")
	require.Equal(t, "+ idling", deaf.line())
	for range 150 {
		busy.ok(`STORE 1:* +FLAGS.SILENT (\Seen \Flagged)`)
		busy.ok(`STORE 1:* -FLAGS.SILENT (\Seen \Flagged)`)
	}
}

// A vastStore has one mailbox of one huge message, which takes no memory, and
// swallows what is appended.
type vastStore struct{ mailbox.Store }

type vastAccount struct{ mailbox.Account }

type vastMailbox struct{ mailbox.Mailbox }

func (s vastStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return vastAccount{a}, err
}

func (a vastAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return vastMailbox{m}, err
}

func (m vastMailbox) Append(_ context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
	n, err := io.Copy(io.Discard, msgs[0].Body)
	if err == nil && n != msgs[0].Size {
		err = mailbox.ErrSize
	}
	var res mailbox.Result
	res.Add(0, 7)
	return res, err
}

func (m vastMailbox) Messages(context.Context, mailbox.UIDSet, mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		yield(&mailbox.Message{
			Entry: mailbox.Entry{UID: 1, Size: vastSize},
			Structure: &message.Part{Type: "text", Subtype: "plain", Encoding: "7bit",
				Located: true, BodyOffset: 100, BodySize: vastSize - 100},
			Content: vastContent{},
		}, nil)
	}
}

const vastSize = 100 << 20

type vastContent struct{}

func (vastContent) Size() int64 { return vastSize }

func (vastContent) ReadAt(p []byte, off int64) (int, error) {
	n := min(int64(len(p)), vastSize-off)
	for i := range p[:n] {
		p[i] = 'x'
	}
	if n < int64(len(p)) {
		return int(n), io.EOF
	}
	return int(n), nil
}

// TestLargeMessages: 100 MB in and out, with next to no memory.
func TestLargeMessages(t *testing.T) {
	inner := newStore(t, nil)
	acct, err := inner.Account(t.Context(), "fred")
	require.NoError(t, err)
	appendTo(t, acct, "INBOX", "x")
	addr := start(t, &imapserver.Server{Store: vastStore{inner}, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	c := login(t, addr)
	c.ok("SELECT INBOX")

	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	for _, item := range []string{"BODY.PEEK[]", "RFC822", "BODY.PEEK[TEXT]", "BODY.PEEK[]<10.90000000>"} {
		c.send("f FETCH 1 " + item + "\r\n")
		l := c.line()
		var size int64
		_, err := fmt.Sscanf(l[strings.LastIndexByte(l, '{'):], "{%d}", &size)
		require.NoError(t, err, l)
		n, err := io.CopyN(io.Discard, c.r, size)
		require.NoError(t, err)
		require.Equal(t, size, n)
		for !strings.HasPrefix(c.line(), "f OK ") {
		}
	}
	c.send(fmt.Sprintf("g APPEND INBOX {%d}\r\n", vastSize))
	require.Equal(t, "+ Ready", c.line())
	_, err = io.Copy(c.conn, io.NewSectionReader(vastContent{}, 0, vastSize))
	require.NoError(t, err)
	c.send("\r\n")
	require.Contains(t, c.line(), "g OK [APPENDUID ")
	c.send("h SEARCH BODY nowhere\r\n")
	require.Equal(t, "* SEARCH", c.line())
	require.Contains(t, c.line(), "h OK")
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(16<<20), "memory taken for 580 MB of messages")
}

// A millionMailbox has a million messages that take no memory; every third UID
// is missing.
type millionMailbox struct{ mailbox.Mailbox }

type millionStore struct{ mailbox.Store }

type millionAccount struct{ mailbox.Account }

func (s millionStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := s.Store.Account(ctx, name)
	return millionAccount{a}, err
}

func (a millionAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	m, err := a.Account.Mailbox(ctx, name)
	return millionMailbox{m}, err
}

const million = 1_000_000

func millionUIDs(yield func(mailbox.UID) bool) {
	for uid := mailbox.UID(1); uid <= million*3/2; uid++ {
		if uid%3 != 0 && !yield(uid) {
			return
		}
	}
}

func (m millionMailbox) Snapshot(context.Context) (mailbox.Snapshot, error) {
	snap := mailbox.Snapshot{State: mailbox.State{UIDNext: million*3/2 + 1, ModSeq: 1}}
	for uid := range millionUIDs {
		snap.UIDs.Add(uid)
	}
	return snap, nil
}

func (m millionMailbox) Messages(_ context.Context, set mailbox.UIDSet, _ mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		var msg mailbox.Message
		for uid := range millionUIDs {
			msg.UID = uid
			if set.Contains(uid) && !yield(&msg, nil) {
				return
			}
		}
	}
}

// TestMillionMessages: the view is all that grows with the mailbox.
func TestMillionMessages(t *testing.T) {
	addr := start(t, &imapserver.Server{Store: millionStore{newStore(t, nil)}, AllowInsecureAuth: true, Authenticator: plainUsers{}})
	c := login(t, addr)
	require.Contains(t, c.ok("SELECT INBOX"), "* 1000000 EXISTS")
	var before, after runtime.MemStats
	for _, cmd := range []string{"FETCH 1:* (UID FLAGS)", "UID FETCH 1:* (FLAGS)", "FETCH 1:500000,600000:1000000 (RFC822.SIZE)"} {
		runtime.ReadMemStats(&before)
		c.send("f " + cmd + "\r\n")
		n := 0
		for {
			l, err := c.r.ReadSlice('\n')
			require.NoError(t, err)
			if l[0] != '*' {
				require.Equal(t, "f OK FETCH completed\r\n", string(l))
				break
			}
			n++
		}
		runtime.ReadMemStats(&after)
		require.GreaterOrEqual(t, n, million*9/10-1)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), cmd)
	}
}
