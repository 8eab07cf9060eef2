package pop3client

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

func TestMain(m *testing.M) { testutil.Main(m) }

var mrose = sasl.Credentials{Username: "mrose", Password: "tanstaaf"}

// insecure lets tests log in on loopback.
func insecure() *Options { return &Options{Credentials: &mrose, AllowInsecureAuth: true} }

// certificate returns a configuration for both sides.
func certificate(t testing.TB) *tls.Config {
	server, client := testutil.TLS(t, "127.0.0.1")
	server.RootCAs = client.RootCAs
	return server
}

type testServer struct {
	*pop3server.Server
	box  mailbox.Mailbox
	addr string
}

// serve starts a POP3 server with messages for mrose.
func serve(t testing.TB, change func(*pop3server.Server), msgs ...string) *testServer {
	ctx := context.Background()
	store := memory.New(nil)
	require.NoError(t, store.CreateAccount(ctx, "mrose"))
	account, err := store.Account(ctx, "mrose")
	require.NoError(t, err)
	box, err := account.Mailbox(ctx, mailbox.Inbox)
	require.NoError(t, err)
	users := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	require.NoError(t, users.Set("mrose", "tanstaaf"))
	srv := &pop3server.Server{Store: store, Authenticator: users, AllowInsecureAuth: true, Hostname: "mail.example.org"}
	srv.OnAuth = func(context.Context, sasl.Attempt) {}
	srv.Logger = slog.New(slog.DiscardHandler)
	if change != nil {
		change(srv)
	}
	ts := &testServer{srv, box, testutil.Serve(t, srv)}
	ts.add(t, msgs...)
	return ts
}

func (ts *testServer) add(t testing.TB, msgs ...string) {
	for _, m := range msgs {
		_, err := ts.box.Append(context.Background(), mailbox.Incoming{Body: strings.NewReader(m), Size: int64(len(m))})
		require.NoError(t, err)
	}
}

func (ts *testServer) count(t testing.TB) int {
	st, err := ts.box.Status(context.Background())
	require.NoError(t, err)
	return int(st.Messages)
}

func numbered(n int) []string {
	msgs := make([]string, n)
	for i := range msgs {
		msgs[i] = fmt.Sprintf("Subject: %d\r\n\r\n.%d\r\n", i+1, i+1)
	}
	return msgs
}

// scripted is a server that answers commands as told, whatever their order. The
// answers are for the lines in full; "" is what it answers to all others.
func scripted(t testing.TB, greeting string, answers map[string]string) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			io.WriteString(c, greeting)
			for lines := bufio.NewScanner(c); lines.Scan(); {
				a, ok := answers[lines.Text()]
				if !ok {
					a = answers[""]
				}
				io.WriteString(c, a)
				if strings.HasSuffix(a, "HANGUP") {
					break
				}
			}
			c.Close()
		}
	}()
	t.Cleanup(func() { l.Close(); <-done })
	return l.Addr().String()
}

// memorySeen is a Seen that forgets with the process.
type memorySeen map[string]time.Time

func (s memorySeen) When(uid string) (time.Time, bool) { t, ok := s[uid]; return t, ok }

func (s *memorySeen) Add(_ context.Context, t time.Time, uid string) error {
	if *s == nil {
		*s = memorySeen{}
	}
	(*s)[uid] = t
	return nil
}

func (s memorySeen) Keep(_ context.Context, keep func(string) bool) error {
	maps.DeleteFunc(s, func(uid string, _ time.Time) bool { return !keep(uid) })
	return nil
}

func (s memorySeen) uids() []string { return slices.Sorted(maps.Keys(s)) }
