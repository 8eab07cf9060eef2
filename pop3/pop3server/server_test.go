package pop3server

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"log/slog"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

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
		_, err := box.Append(ctx, mailbox.Draft{Body: strings.NewReader(m), Size: int64(len(m))})
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

func certificate(t testing.TB) *tls.Config {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "dbc.mtview.ca.us"},
		NotAfter: time.Now().Add(time.Hour), DNSNames: []string{"localhost"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
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

// start serves on loopback until the test ends.
func start(t testing.TB, srv *Server) (addr string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		require.NoError(t, srv.Close())
		require.ErrorIs(t, <-done, textproto.ErrServerClosed)
	})
	return l.Addr().String()
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
	srv.Shared = s.HasOption("shared")
	srv.AllowInsecureAuth = !s.HasOption("secure")
	srv.RefuseUTF8 = s.HasOption("refuse-utf8")
	srv.MarkSeen = s.HasOption("seen")
	if s.HasOption("tls") {
		srv.TLSConfig = certificate(t)
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
		return transcript.DialTCP(start(t, setUp(t, s)))
	})
}

// What is offered has a dialogue that shows it.
func TestEverythingHasATranscript(t *testing.T) {
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(t, err)
	var all strings.Builder
	for _, path := range paths {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		all.Write(text)
	}
	for _, c := range commands() {
		require.Contains(t, all.String(), "C: "+c.verb, c.verb)
	}
	store, _ := openStore(t)
	srv := newServer(t, store)
	srv.TLSConfig = certificate(t)
	srv.Policy = Policy{Expire: time.Hour, LoginDelay: time.Hour}
	sees := map[string]string{
		"TOP": "C: TOP", "UIDL": "C: UIDL", "RESP-CODES": "-ERR [", "AUTH-RESP-CODE": "-ERR [AUTH]", "PIPELINING": `\r\nRETR 1\r\nDELE 1\r\n`,
		"USER": "C: USER", "SASL": "C: AUTH", "STLS": "C: STLS", "UTF8": "C: UTF8", "LANG": "C: LANG", "EXPIRE": "S: EXPIRE",
		"LOGIN-DELAY": "-ERR [LOGIN-DELAY]", "IMPLEMENTATION": "IMPLEMENTATION",
	}
	out := converse(srv, strings.NewReader("CAPA\r\n")).out.String()
	_, list, ok := strings.Cut(out, textCapa+"\r\n")
	require.True(t, ok)
	n := 0
	for line := range strings.SplitSeq(strings.TrimSuffix(list, ".\r\n"), "\r\n") {
		if line == "" {
			continue
		}
		name, _, _ := strings.Cut(line, " ")
		require.NotEmpty(t, sees[name], name)
		require.Contains(t, all.String(), sees[name], name)
		n++
	}
	require.Equal(t, len(sees), n)
}
