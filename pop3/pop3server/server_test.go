package pop3server

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/testutil/busy"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// users have the names and passwords of the RFCs' examples.
func users(t testing.TB) *sasl.Users {
	u := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	for _, name := range []string{"mrose", "tim", "karen"} {
		require.NoError(t, u.Set(name, "tanstaaf"))
	}
	return u
}

// messages are what INBOX holds, the sizes those of RFC 1939's examples.
var messages = []string{
	"From: a@example.org\r\nSubject: one\r\n\r\nFirst line\r\n.Second line, with a dot\r\n..\r\n.\r\nLast line\r\n",
	"From: b@example.org\r\nSubject: two\r\n\r\n" + strings.Repeat("0123456789012345678901234567890\r\n", 4) + "no line end",
}

func openStore(t testing.TB, msgs ...string) (*memory.Store, mailbox.Mailbox) {
	ctx := context.Background()
	store := memory.New(nil)
	for _, name := range []string{"mrose", "tim", "karen"} {
		require.NoError(t, store.CreateAccount(ctx, name))
	}
	box := inbox(t, store, "mrose")
	for _, m := range msgs {
		_, err := box.Append(ctx, mailbox.Incoming{Body: strings.NewReader(m), Size: int64(len(m))})
		require.NoError(t, err)
	}
	return store, box
}

func inbox(t testing.TB, store mailbox.Store, name string) mailbox.Mailbox {
	account, err := store.Account(context.Background(), name)
	require.NoError(t, err)
	box, err := account.Mailbox(context.Background(), mailbox.Inbox)
	require.NoError(t, err)
	return box
}

// newServer returns a server for tests: quick to refuse, quiet.
func newServer(t testing.TB, store mailbox.Store) *Server {
	srv := &Server{
		Store: store, Authenticator: users(t), Hostname: "dbc.mtview.ca.us",
		AllowInsecureAuth: true, MaxAuthFailures: 3,
		OnAuth: func(context.Context, sasl.Attempt) {}, // no delay
	}
	srv.Logger = slog.New(slog.DiscardHandler)
	return srv
}

// The options of a transcript set the server up.
func setUp(t testing.TB, s *transcript.Script) *Server {
	msgs := messages
	if s.HasOption("messages") {
		n, err := strconv.Atoi(s.Option("messages"))
		require.NoError(t, err)
		msgs = nil
		for i := range n {
			msgs = append(msgs, "Subject: the message "+strconv.Itoa(i+1)+"\r\n\r\nBody\r\n")
		}
	}
	if s.HasOption("message") {
		m, err := strconv.Unquote(s.Option("message"))
		require.NoError(t, err)
		msgs = []string{m}
	}
	store, _ := openStore(t, msgs...)
	srv := newServer(t, store)
	if s.HasOption("busy") {
		srv.Authenticator = busy.Users(t, "mrose", "tanstaaf")
	}
	srv.Shared = s.HasOption("shared")
	srv.AllowInsecureAuth = !s.HasOption("secure")
	srv.RefuseUTF8 = s.HasOption("refuse-utf8")
	srv.MarkSeen = s.HasOption("seen")
	if s.HasOption("tls") {
		srv.TLSConfig, _ = testutil.TLS(t)
	}
	if s.HasOption("mechanisms") {
		srv.Mechanisms = strings.Fields(s.Option("mechanisms"))
	}
	if s.HasOption("login-delay") {
		d, err := time.ParseDuration(s.Option("login-delay"))
		require.NoError(t, err)
		srv.Policy.LoginDelay = d
	}
	if s.HasOption("expire") {
		d, err := time.ParseDuration(s.Option("expire"))
		require.NoError(t, err)
		srv.Policy.Expire = d
	}
	if s.HasOption("user-expire") {
		srv.UserPolicy = func(context.Context, string) (Policy, error) {
			return Policy{Expire: 30 * 24 * time.Hour, LoginDelay: time.Second}, nil
		}
	}
	if s.HasOption("languages") {
		srv.Languages = []Language{
			{"es", "Español", map[string]string{textLanguage: "Idioma cambiado", textNoLanguage: "Idioma no es conocido", textNoop: "Hecho"}},
			{"sv", "Svenska", map[string]string{textLanguage: "Kommandot LANG lyckades"}},
		}
	}
	return srv
}

func TestTranscripts(t *testing.T) {
	transcript.RunDir(t, "testdata/*.txt", func(t testing.TB, s *transcript.Script) transcript.Dial {
		return transcript.DialTCP(testutil.Serve(t, setUp(t, s)))
	})
}

// What is offered has a dialogue that shows it.
func TestEverythingHasATranscript(t *testing.T) {
	var names []string
	for _, x := range extensions() {
		for _, cmd := range x.commands {
			names = append(names, cmd.verb)
		}
	}
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.TLSConfig, _ = testutil.TLS(t)
	srv.Policy = Policy{Expire: time.Hour, LoginDelay: time.Hour}
	out := converse(srv, strings.NewReader("CAPA\r\n")).out.String()
	_, list, ok := strings.Cut(out, textCapa+"\r\n")
	require.True(t, ok)
	capabilities, _, ok := strings.Cut(list, "\r\n.\r\n")
	require.True(t, ok)
	for line := range strings.SplitSeq(capabilities, "\r\n") {
		name, _, _ := strings.Cut(line, " ")
		names = append(names, name)
	}
	require.Contains(t, names, "IMPLEMENTATION")
	transcript.CheckCovers(t, "testdata/*.txt", names)
}
