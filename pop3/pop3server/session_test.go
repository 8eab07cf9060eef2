package pop3server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"iter"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A peer is a client that says what it is told to.
type peer struct {
	t  testing.TB
	nc net.Conn
	r  *bufio.Reader
}

func dial(t testing.TB, addr string) *peer {
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	nc.SetDeadline(time.Now().Add(time.Minute))
	return &peer{t, nc, bufio.NewReader(nc)}
}

func (p *peer) line() string {
	p.t.Helper()
	s, err := p.r.ReadString('\n')
	require.NoError(p.t, err)
	return strings.TrimSuffix(s, "\r\n")
}

func (p *peer) send(s string) {
	p.t.Helper()
	_, err := io.WriteString(p.nc, s)
	require.NoError(p.t, err)
}

func (p *peer) do(cmd string) string {
	p.t.Helper()
	p.send(cmd + "\r\n")
	return p.line()
}

// body reads up to the line with the dot.
func (p *peer) body() string {
	var b strings.Builder
	for {
		line := p.line()
		if line == "." {
			return b.String()
		}
		b.WriteString(strings.TrimPrefix(line, ".") + "\r\n")
	}
}

func (p *peer) closed() {
	p.t.Helper()
	_, err := p.r.ReadByte()
	require.Error(p.t, err)
	require.NotErrorIs(p.t, err, context.DeadlineExceeded)
}

func (p *peer) login() {
	p.t.Helper()
	require.Contains(p.t, p.line(), "+OK")
	require.Contains(p.t, p.do("USER mrose"), "+OK")
	require.Contains(p.t, p.do("PASS tanstaaf"), "+OK")
}

func TestAPOP(t *testing.T) {
	store, _ := openStore(t, messages...)
	p := dial(t, testutil.Serve(t, newServer(t, store)))
	status, ok := pop3.ParseStatus([]byte(p.line()))
	require.True(t, ok)
	stamp := pop3.Stamp(status.Text)
	require.NotEmpty(t, stamp)
	require.Contains(t, p.do("APOP mrose "+sasl.APOPDigest(stamp, "wrong")), "-ERR [AUTH]")
	require.Contains(t, p.do("APOP mrose "+sasl.APOPDigest(stamp, "tanstaaf")), "+OK Logged in, 2 messages")
}

// Every mechanism that is offered works, bound to TLS too.
func TestMechanismsWork(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.TLSConfig, _ = testutil.TLS(t)
	srv.ChannelBinding = true
	addr := testutil.Serve(t, srv)
	offered := []string{}
	for i := 0; i == 0 || i < len(offered); i++ {
		p := dial(t, addr)
		p.line()
		require.Contains(t, p.do("STLS"), "+OK")
		tc := tls.Client(p.nc, &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, tc.Handshake())
		p.nc, p.r = tc, bufio.NewReader(tc)
		state := tc.ConnectionState()
		if i == 0 {
			require.Contains(t, p.do("CAPA"), "+OK")
			for _, line := range strings.Split(p.body(), "\r\n") {
				if f := strings.Fields(line); len(f) > 0 && f[0] == "SASL" {
					offered = f[1:]
				}
			}
			require.Contains(t, offered, "SCRAM-SHA-256-PLUS")
		}
		c, err := sasl.Select(context.Background(), offered, sasl.Credentials{Username: "mrose", Password: "tanstaaf"},
			sasl.Conn{Service: "pop", Host: "localhost", TLS: &state, Mechanisms: offered[i : i+1]})
		require.NoError(t, err)
		ir, err := c.Start()
		require.NoError(t, err)
		cmd := "AUTH " + c.Name()
		if ir != nil {
			cmd += " " + base64.StdEncoding.EncodeToString(ir)
		}
		reply := p.do(cmd)
		for strings.HasPrefix(reply, "+ ") {
			challenge, err := base64.StdEncoding.DecodeString(reply[2:])
			require.NoError(t, err)
			response, err := c.Next(challenge)
			require.NoError(t, err)
			reply = p.do(base64.StdEncoding.EncodeToString(response))
		}
		require.Contains(t, reply, "+OK Logged in", offered[i])
		require.NoError(t, c.Finish())
		require.Contains(t, p.do("QUIT"), "+OK")
	}
}

// inBubble serves one connection of a pipe, for tests with a synthetic clock.
func inBubble(t testing.TB, srv *Server) *peer {
	l := testutil.NewPipeListener()
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	a := l.Dial()
	t.Cleanup(func() {
		a.Close()
		require.NoError(t, srv.Close())
		require.Equal(t, textproto.ErrServerClosed, <-done)
	})
	return &peer{t, a, bufio.NewReader(a)}
}

func TestTime(t *testing.T) {
	t.Run("idle", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, box := openStore(t, messages...)
			p := inBubble(t, newServer(t, store))
			p.login()
			require.Contains(t, p.do("DELE 1"), "+OK")
			began := time.Now()
			p.closed()
			require.Equal(t, DefaultIdleTimeout, time.Since(began))
			status, err := box.Status(context.Background())
			require.NoError(t, err)
			require.EqualValues(t, 2, status.Messages)
		})
	})
	t.Run("no login", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, _ := openStore(t)
			p := inBubble(t, newServer(t, store))
			p.line()
			began := time.Now()
			for time.Since(began) < DefaultLoginTimeout-10*time.Second { // a client that keeps busy
				time.Sleep(10 * time.Second)
				require.Contains(t, p.do("USER mrose"), "+OK")
			}
			p.closed()
			require.Equal(t, DefaultLoginTimeout, time.Since(began))
		})
	})
	t.Run("failed login", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, _ := openStore(t)
			srv := newServer(t, store)
			srv.OnAuth = nil
			p := inBubble(t, srv)
			p.line()
			p.do("USER mrose")
			began := time.Now()
			require.Contains(t, p.do("PASS no"), "-ERR [AUTH]")
			require.Equal(t, time.Second, time.Since(began))
			p.do("USER mrose")
			require.Contains(t, p.do("PASS no"), "-ERR [AUTH]")
			require.Equal(t, 3*time.Second, time.Since(began))
		})
	})
	t.Run("login delay", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, _ := openStore(t)
			srv := newServer(t, store)
			srv.Policy.LoginDelay = time.Hour
			for i, wait := range []time.Duration{0, 59 * time.Minute, time.Minute, time.Hour} {
				time.Sleep(wait)
				p := inBubble(t, srv)
				p.line()
				p.do("USER mrose")
				want := "+OK"
				if i == 1 {
					want = "-ERR [LOGIN-DELAY]"
				}
				require.Contains(t, p.do("PASS tanstaaf"), want)
				p.do("QUIT")
			}
		})
	})
	t.Run("expire", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			store, box := openStore(t, messages...)
			srv := newServer(t, store)
			srv.Policy.Expire = 36 * time.Hour // two days
			for _, tc := range []struct {
				wait time.Duration
				left uint32
			}{{47 * time.Hour, 2}, {2 * time.Hour, 0}} {
				time.Sleep(tc.wait)
				p := inBubble(t, srv)
				p.login()
				require.Equal(t, "+OK 2", p.do("STAT")[:5])
				require.Contains(t, p.do("QUIT"), "+OK")
				status, err := box.Status(context.Background())
				require.NoError(t, err)
				require.Equal(t, tc.left, status.Messages)
			}
		})
	})
}

func TestMarkSeen(t *testing.T) {
	store, box := openStore(t, messages...)
	srv := newServer(t, store)
	srv.MarkSeen = true
	p := dial(t, testutil.Serve(t, srv))
	p.login()
	p.do("RETR 2")
	p.body()
	require.Contains(t, p.do("QUIT"), "+OK")
	p.closed()
	status, err := box.Status(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 1, status.Unseen)
}

func TestShutdown(t *testing.T) {
	store, _ := openStore(t, messages...)
	srv := newServer(t, store)
	p := dial(t, testutil.Serve(t, srv))
	p.login()
	done := make(chan error, 1)
	go func() { done <- srv.Shutdown(context.Background()) }()
	require.Equal(t, "-ERR [SYS/TEMP] "+textClosing, p.line())
	p.closed()
	require.NoError(t, <-done)
}

// faulty is a store whose mailboxes fail when told to.
type faulty struct {
	mailbox.Store
	open, read, expunge atomic.Bool
	panics              atomic.Bool
	reads               atomic.Int64 // calls of Messages for content
	expunges            atomic.Int64
	noIDs               bool
}

var errDisk = errors.New("disk is on fire")

func (f *faulty) Account(ctx context.Context, name string) (mailbox.Account, error) {
	a, err := f.Store.Account(ctx, name)
	return &faultyAccount{a, f}, err
}

type faultyAccount struct {
	mailbox.Account
	f *faulty
}

func (a *faultyAccount) Mailbox(ctx context.Context, name string) (mailbox.Mailbox, error) {
	if a.f.panics.Load() {
		panic("store is broken")
	}
	if a.f.open.Load() {
		return nil, errDisk
	}
	m, err := a.Account.Mailbox(ctx, name)
	return &faultyMailbox{m, a.f}, err
}

type faultyMailbox struct {
	mailbox.Mailbox
	f *faulty
}

func (m *faultyMailbox) Expunge(ctx context.Context, set mailbox.UIDSet, having mailbox.FlagSet) (mailbox.Result, error) {
	m.f.expunges.Add(1)
	if m.f.expunge.Load() {
		return mailbox.Result{}, errDisk
	}
	return m.Mailbox.Expunge(ctx, set, having)
}

func (m *faultyMailbox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	if want&mailbox.WantContent != 0 {
		m.f.reads.Add(1)
	}
	return func(yield func(*mailbox.Message, error) bool) {
		for msg, err := range m.Mailbox.Messages(ctx, set, want) {
			if err == nil && m.f.noIDs {
				msg.EmailID = ""
			}
			if err == nil && msg.Content != nil && m.f.read.Load() {
				msg.Content = brokenContent{msg.Content}
			}
			if !yield(msg, err) {
				return
			}
		}
	}
}

// brokenContent ends before its size, and can't be written as a whole.
type brokenContent struct{ c mailbox.Content }

func (b brokenContent) Size() int64 { return b.c.Size() }
func (b brokenContent) ReadAt(p []byte, off int64) (int, error) {
	if off > 10 {
		return 0, errDisk
	}
	return b.c.ReadAt(p[:min(len(p), 10)], off)
}

func TestStoreFails(t *testing.T) {
	store, box := openStore(t, messages...)
	f := &faulty{Store: store}
	addr := testutil.Serve(t, newServer(t, f))

	// At login: the maildrop is free again.
	f.open.Store(true)
	p := dial(t, addr)
	p.line()
	p.do("USER mrose")
	require.Contains(t, p.do("PASS tanstaaf"), "-ERR [SYS/TEMP]")
	f.open.Store(false)
	p.do("USER mrose")
	require.Contains(t, p.do("PASS tanstaaf"), "+OK")

	// At QUIT: nothing is deleted, in one call.
	f.expunge.Store(true)
	p.do("DELE 1")
	p.do("DELE 2")
	require.Contains(t, p.do("QUIT"), "-ERR [SYS/TEMP]")
	p.closed()
	require.EqualValues(t, 1, f.expunges.Load())
	status, err := box.Status(context.Background())
	require.NoError(t, err)
	require.EqualValues(t, 2, status.Messages)

	// Within a message: it does not end.
	f.read.Store(true)
	p = dial(t, addr)
	p.login()
	p.send("RETR 1\r\n")
	rest, _ := io.ReadAll(p.r)
	require.NotContains(t, string(rest), "\r\n.\r\n")

	// A panic at login leaves no lock behind.
	f.panics.Store(true)
	p = dial(t, addr)
	p.line()
	p.do("USER mrose")
	require.Contains(t, p.do("PASS tanstaaf"), "-ERR [SYS/TEMP] "+textInternal)
	f.panics.Store(false)
	dial(t, addr).login()

	// No account.
	require.NoError(t, store.DeleteAccount(context.Background(), "tim"))
	p = dial(t, addr)
	p.line()
	p.do("USER tim")
	require.Contains(t, p.do("PASS tanstaaf"), "-ERR [SYS/PERM]")
}

// Commands that come together are served by one pass over the mailbox.
func TestPipelinedRetrIsOnePass(t *testing.T) {
	var msgs []string
	for i := range 100 {
		msgs = append(msgs, fmt.Sprintf("Subject: %d\r\n\r\nBody\r\n", i+1))
	}
	store, _ := openStore(t, msgs...)
	f := &faulty{Store: store}
	p := dial(t, testutil.Serve(t, newServer(t, f)))
	p.login()
	var cmds strings.Builder
	for i := range 100 {
		fmt.Fprintf(&cmds, "RETR %d\r\nDELE %d\r\n", i+1, i+1)
	}
	p.send(cmds.String())
	for i := range 100 {
		require.Contains(t, p.line(), "+OK")
		require.Equal(t, msgs[i], p.body())
		require.Contains(t, p.line(), "+OK")
	}
	require.Less(t, f.reads.Load(), int64(10)) // as many as segments that arrived
	require.Contains(t, p.do("QUIT"), "+OK")
	require.EqualValues(t, 1, f.expunges.Load())
}

func uidList(p *peer) []string {
	p.do("UIDL")
	return strings.Fields(p.body())
}

func TestUIDs(t *testing.T) {
	ctx := context.Background()
	session := func(t *testing.T, addr string) []string {
		p := dial(t, addr)
		p.login()
		defer p.do("QUIT")
		return uidList(p)
	}
	t.Run("stable over moves", func(t *testing.T) {
		store, box := openStore(t, messages...)
		addr := testutil.Serve(t, newServer(t, store))
		before := session(t, addr)
		account, err := store.Account(ctx, "mrose")
		require.NoError(t, err)
		_, err = account.Create(ctx, "Archive", nil)
		require.NoError(t, err)
		_, err = box.Move(ctx, mailbox.AllUIDs(), "Archive")
		require.NoError(t, err)
		require.Empty(t, session(t, addr))
		archive, err := account.Mailbox(ctx, "Archive")
		require.NoError(t, err)
		_, err = archive.Move(ctx, mailbox.AllUIDs(), mailbox.Inbox)
		require.NoError(t, err)
		require.Equal(t, before, session(t, addr))
	})
	t.Run("copies differ", func(t *testing.T) {
		store, box := openStore(t, messages[0])
		addr := testutil.Serve(t, newServer(t, store))
		before := session(t, addr)
		_, err := box.Copy(ctx, mailbox.AllUIDs(), mailbox.Inbox)
		require.NoError(t, err)
		both := session(t, addr)
		require.Equal(t, before[1], both[1])
		require.NotEqual(t, both[1], both[3])
		_, err = box.Expunge(ctx, mailbox.UIDSetOf(1), mailbox.FlagSet{})
		require.NoError(t, err)
		require.Equal(t, before, session(t, addr))
	})
	t.Run("without EmailIDs", func(t *testing.T) {
		store, box := openStore(t, messages...)
		addr := testutil.Serve(t, newServer(t, &faulty{Store: store, noIDs: true}))
		validity := box.Info().UIDValidity
		require.Equal(t, []string{"1", fmt.Sprintf("%08x00000001", validity), "2", fmt.Sprintf("%08x00000002", validity)}, session(t, addr))
	})
	t.Run("one's own", func(t *testing.T) {
		store, _ := openStore(t, messages...)
		srv := newServer(t, store)
		srv.UID = func(info mailbox.Info, e mailbox.Entry) string {
			return strings.Repeat("long ", int(e.UID)*100)
		}
		ids := session(t, testutil.Serve(t, srv))
		require.Len(t, ids, 4)
		require.NotEqual(t, ids[1], ids[3])
		require.Len(t, ids[1], 43)
	})
}

// Every attempt is told of.
func TestOnAuth(t *testing.T) {
	store, _ := openStore(t)
	srv := newServer(t, store)
	attempts := make(chan sasl.Attempt, 10)
	srv.OnAuth = func(_ context.Context, a sasl.Attempt) { attempts <- a }
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	p.do("USER mrose")
	p.do("PASS x")
	a := <-attempts
	require.ErrorIs(t, a.Err, sasl.ErrAuthFailed)
	require.Equal(t, "USER", a.Mechanism)
	require.Empty(t, a.Identity)
	require.Equal(t, 1, a.Failures)
	p.do("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00tim\x00tanstaaf")))
	a = <-attempts
	require.NoError(t, a.Err)
	require.Equal(t, "tim", a.Identity)
	require.NotNil(t, a.Conn.RemoteAddr)
	require.Equal(t, "pop", a.Conn.Service)
	require.Equal(t, "1", a.Conn.ID)

	other := newServer(t, store)
	other.OnAuth = srv.OnAuth
	p = dial(t, testutil.Serve(t, other))
	p.line()
	p.do("AUTH PLAIN")
	require.Equal(t, "-ERR Authentication cancelled", p.do("*"))
	a = <-attempts
	require.ErrorIs(t, a.Err, sasl.ErrCancelled)
	require.Equal(t, 1, a.Failures)
	p.do("AUTH PLAIN")
	p.nc.Close() // in the middle of the exchange
	a = <-attempts
	require.ErrorIs(t, a.Err, sasl.ErrCancelled)
	require.Equal(t, 2, a.Failures)
}

// A trace shows no secrets.
func TestTraceHidesSecrets(t *testing.T) {
	store, _ := openStore(t, messages...)
	srv := newServer(t, store)
	events := make(chan string, 1000)
	srv.Trace = func(e textproto.Event) { events <- string(e.Line) }
	p := dial(t, testutil.Serve(t, srv))
	p.line()
	p.do("USER mrose")
	p.do("PASS wrong")
	p.do("AUTH LOGIN dGlt")
	p.do("dGFuc3RhYWY=")
	p.do("QUIT")
	p.closed()
	require.NoError(t, srv.Close())
	close(events)
	var all []string
	for e := range events {
		all = append(all, e)
	}
	text := strings.Join(all, "\n")
	require.Contains(t, text, "USER mrose")
	require.Contains(t, text, "PASS <redacted>")
	require.Contains(t, text, "AUTH LOGIN <redacted>")
	require.NotContains(t, text, "wrong")
	require.NotContains(t, text, "dGFuc3RhYWY=")
}

func TestTextsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, text := range Texts() {
		require.False(t, seen[text], text)
		seen[text] = true
		st, ok := pop3.ParseStatus(pop3.AppendStatus(nil, pop3.Status{OK: true, Text: text}))
		require.True(t, ok)
		require.Equal(t, text, st.Text)
	}
}
