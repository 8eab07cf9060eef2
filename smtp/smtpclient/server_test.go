package smtpclient_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"io"
	"log/slog"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// sink is a Backend that keeps the last message.
type sink struct {
	mu    sync.Mutex
	from  smtp.Address
	mail  smtp.MailOptions
	to    []smtp.Address
	body  []byte
	all   []smtp.Address // recipients of all messages
	conns int
	count int
	conn  *smtpserver.Conn
	fwd   []smtp.Attribute
	keep  bool
	exts  smtp.ExtensionSet
}

func (s *sink) Extensions() smtp.ExtensionSet { return s.exts }

func (s *sink) NewSession(_ context.Context, c *smtpserver.Conn) (smtpserver.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns++
	return &sinkSession{s: s, c: c}, nil
}

type sinkSession struct {
	s    *sink
	c    *smtpserver.Conn
	from smtp.Address
	mail smtp.MailOptions
	to   []smtp.Address
}

func (s *sinkSession) Mail(_ context.Context, from smtp.Address, o *smtp.MailOptions) error {
	s.from, s.mail = from, *o
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.fwd = s.c.Forwarded()
	return nil
}

func (s *sinkSession) Rcpt(_ context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	if to.Local == "nobody" {
		return smtpserver.ErrNoSuchUser
	}
	s.to = append(s.to, to)
	return nil
}

func (s *sinkSession) Data(_ context.Context, r io.Reader) error {
	if !s.s.keep {
		_, err := io.Copy(io.Discard, r)
		return err
	}
	body, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.s.mu.Lock()
	defer s.s.mu.Unlock()
	s.s.from, s.s.mail, s.s.to, s.s.body, s.s.conn = s.from, s.mail, s.to, body, s.c
	s.s.all = append(s.s.all, s.to...)
	s.s.count++
	return nil
}

func (s *sinkSession) Reset(context.Context) { s.to = s.to[:0] }
func (s *sinkSession) Close() error          { return nil }

func serve(t testing.TB, srv *smtpserver.Server, implicit bool) string {
	t.Helper()
	srv.Logger = slog.New(slog.DiscardHandler)
	srv.Hostname = "mx.example.org"
	srv.OnAuth = func(context.Context, sasl.Attempt) {}
	if implicit {
		return testutil.ServeTLS(t, srv)
	}
	return testutil.Serve(t, srv)
}

func users(t testing.TB) *sasl.Users {
	u := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	require.NoError(t, u.Set("alice", "secret"))
	return u
}

func TestSendMail(t *testing.T) {
	for _, implicit := range []bool{false, true} {
		back := &sink{keep: true}
		srv := &smtpserver.Server{Backend: back, Authenticator: users(t), RequireAuth: true}
		var clientTLS *tls.Config
		srv.TLSConfig, clientTLS = testutil.TLS(t, "mx.example.org", "127.0.0.1")
		a := serve(t, srv, implicit)
		o := &smtpclient.Options{TLSConfig: clientTLS, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}, Dialer: testutil.Dialer(a)}
		target := "127.0.0.1:587"
		if implicit {
			target = "127.0.0.1:465"
		}
		var trace strings.Builder
		var mu sync.Mutex
		o.Trace = tracer(&mu, &trace)
		err := smtpclient.SendMailWith(context.Background(), target, o, "alice@example.org", []string{"bob@example.net"}, strings.NewReader(message))
		require.NoError(t, err)
		require.Equal(t, "Subject: test\r\n\r\nhello\r\n.dot\r\n", string(back.body))
		require.Equal(t, "ESMTPSA", back.conn.Protocol())
		require.Equal(t, "alice", back.conn.Identity())
		mu.Lock()
		require.NotContains(t, trace.String(), "secret")
		require.Contains(t, trace.String(), "MAIL FROM:<alice@example.org>")
		mu.Unlock()

		o.Credentials.Password = "wrong"
		err = smtpclient.SendMailWith(context.Background(), target, o, "alice@example.org", []string{"bob@example.net"}, strings.NewReader(message))
		var e *smtp.Error
		require.ErrorAs(t, err, &e)
		require.Equal(t, 535, e.Code)
		o.Credentials.Password = "secret"
		o.TLSConfig = nil // the certificate isn't one that the system trusts
		err = smtpclient.SendMailWith(context.Background(), target, o, "alice@example.org", []string{"bob@example.net"}, strings.NewReader(message))
		require.ErrorContains(t, err, "certificate")
	}
}

// A mechanism can be chosen by hand, within the same bounds.
func TestAuthMechanism(t *testing.T) {
	back := &sink{}
	a := serve(t, &smtpserver.Server{Backend: back, Authenticator: users(t)}, false)
	c, err := smtpclient.Dial(t.Context(), a, nil)
	require.NoError(t, err)
	defer c.Close()
	require.ErrorIs(t, c.Auth(t.Context(), sasl.Plain("", "alice", "secret")), sasl.ErrEncryptionNeeded)
	var e *smtp.Error
	require.ErrorAs(t, c.Auth(t.Context(), sasl.CramMD5("alice", "wrong")), &e)
	require.Equal(t, 535, e.Code)
	require.NoError(t, c.Auth(t.Context(), sasl.CramMD5("alice", "secret")))
	require.Error(t, c.Login(t.Context(), sasl.Credentials{Username: "alice", Password: "secret"}), "one login a connection")
	require.NoError(t, c.Noop(t.Context()))
}

// Every mechanism that the server offers works, and the strongest is chosen.
func TestAuth(t *testing.T) {
	back := &sink{keep: true}
	srv := &smtpserver.Server{Backend: back, Authenticator: users(t), ChannelBinding: true}
	var clientTLS *tls.Config
	srv.TLSConfig, clientTLS = testutil.TLS(t, "mx.example.org", "127.0.0.1")
	a := serve(t, srv, false)
	ctx := context.Background()
	c, err := smtpclient.DialStartTLS(ctx, a, &smtpclient.Options{TLSConfig: clientTLS})
	require.NoError(t, err)
	f := c.Features()
	mechs := f.Mechanisms()
	require.NoError(t, c.Quit(ctx))
	require.Contains(t, mechs, "SCRAM-SHA-256-PLUS")
	for _, m := range mechs {
		c, err := smtpclient.DialStartTLS(ctx, a, &smtpclient.Options{TLSConfig: clientTLS, Mechanisms: []string{m}, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
		require.NoError(t, err, m)
		require.NoError(t, c.Quit(ctx))
		_, err = smtpclient.DialStartTLS(ctx, a, &smtpclient.Options{TLSConfig: clientTLS, Mechanisms: []string{m}, Credentials: &sasl.Credentials{Username: "alice", Password: "wrong"}})
		var e *smtp.Error
		require.ErrorAs(t, err, &e, m)
		require.Equal(t, 535, e.Code, m)
	}
	// In the clear no password is sent.
	_, err = smtpclient.Dial(ctx, a, &smtpclient.Options{Mechanisms: []string{"PLAIN", "LOGIN"}, Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
	require.Error(t, err)
	_, err = smtpclient.NewClient(ctx, testutil.Script(t, hello+"S: 250-x\nS: 250 AUTH PLAIN LOGIN"), &smtpclient.Options{Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
	require.ErrorIs(t, err, sasl.ErrEncryptionNeeded)
	_, err = smtpclient.NewClient(ctx, testutil.Script(t, plain), &smtpclient.Options{Credentials: &sasl.Credentials{Username: "alice", Password: "secret"}})
	require.ErrorIs(t, err, smtpclient.ErrNoAuth)
}

// STARTTLS can be neither skipped nor pre-loaded.
func TestStartTLS(t *testing.T) {
	ctx := context.Background()
	o := &smtpclient.Options{TLSConfig: &tls.Config{ServerName: "mx.example"}}
	_, err := smtpclient.NewClientStartTLS(ctx, testutil.Script(t, plain), o)
	require.ErrorIs(t, err, smtpclient.ErrNoStartTLS)
	_, err = smtpclient.NewClientStartTLS(ctx, testutil.Script(t, hello+"S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 454 not now"), o)
	var e *smtp.Error
	require.ErrorAs(t, err, &e)
	require.True(t, e.Temporary())
	nc := testutil.Script(t, hello+"S: 250-x\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\nS: 250 injected")
	_, err = smtpclient.NewClientStartTLS(ctx, slowReader{nc}, o)
	require.ErrorContains(t, err, "plaintext after STARTTLS")
}

// slowReader reads late, so that what was sent in two pieces arrives as one.
type slowReader struct{ net.Conn }

func (s slowReader) Read(p []byte) (int, error) {
	time.Sleep(20 * time.Millisecond)
	return s.Conn.Read(p)
}

func TestGreeting(t *testing.T) {
	ctx := context.Background()
	var e *smtp.Error
	_, err := smtpclient.NewClient(ctx, testutil.Script(t, "S: 421 4.3.2 Server is busy, try again later."), nil)
	require.ErrorAs(t, err, &e)
	require.True(t, e.Temporary())
	_, err = smtpclient.NewClient(ctx, testutil.Script(t, "S: 554-no\nS: 554 mail here"), nil)
	require.ErrorAs(t, err, &e)
	require.Equal(t, "no\nmail here", e.Text)
	_, err = smtpclient.NewClient(ctx, testutil.Script(t, "S: HTTP/1.1 400 Bad Request"), nil)
	require.ErrorIs(t, err, smtp.ErrBadReply)
	_, err = smtpclient.NewClient(ctx, testutil.Script(t, "CLOSE"), nil)
	require.ErrorIs(t, err, io.EOF)
	// no greeting at all
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	_, err = smtpclient.Dial(ctx, l.Addr().String(), &smtpclient.Options{Timeouts: smtpclient.Timeouts{Greeting: 10 * time.Millisecond}})
	require.ErrorContains(t, err, "time limit")
}

// What the client sends in any way arrives as it is.
func TestBodies(t *testing.T) {
	back := &sink{keep: true, exts: smtp.ExtensionsOf(smtp.ExtBinaryMIME)}
	a := serve(t, &smtpserver.Server{Backend: back}, false)
	ctx := context.Background()
	big := strings.Repeat("0123456789abcdef.\r\n..\r\n", 50000)
	for _, chunking := range []bool{false, true} {
		c, err := smtpclient.Dial(ctx, a, &smtpclient.Options{Chunking: chunking})
		require.NoError(t, err)
		for _, tc := range []struct{ in, out string }{
			{"", ""},
			{"x", "x\r\n"},
			{"a\nb\n", "a\r\nb\r\n"},
			{"a\rb\r\n", "a\r\nb\r\n"},
			{"a\r", "a\r\n"},
			{".\r\n.\r\n..", ".\r\n.\r\n..\r\n"},
			{"\n.\n", "\r\n.\r\n"},
			{"Subject: M\xfcll\r\n\r\nM\xc3\xbcll\r\n", "Subject: M\xfcll\r\n\r\nM\xc3\xbcll\r\n"},
			{big, big},
		} {
			for _, r := range []io.Reader{strings.NewReader(tc.in), io.MultiReader(strings.NewReader(tc.in))} {
				_, err := c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "b@c.example")}, r)
				require.NoError(t, err)
				require.Equal(t, len(tc.out), len(back.body), "%.20q", tc.in)
				require.True(t, tc.out == string(back.body), "%.20q", tc.in)
			}
		}
		if chunking {
			raw := "A: b\r\n\r\na\nb\r\x00c"
			_, err := c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "b@c.example"), Mail: smtp.MailOptions{Body: smtp.BodyBinaryMIME}}, strings.NewReader(raw))
			require.NoError(t, err)
			require.Equal(t, raw, string(back.body))
		}
		require.NoError(t, c.Quit(ctx))
	}
}

// Many recipients go in several flights.
func TestManyRecipients(t *testing.T) {
	back := &sink{keep: true}
	srv := &smtpserver.Server{Backend: back}
	srv.Limits.Recipients = -1
	srv.Limits.Refusals = -1
	a := serve(t, srv, false)
	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, a, nil)
	require.NoError(t, err)
	defer c.Close()
	env := &smtpclient.Envelope{}
	for i := range 5000 {
		local := "somebody"
		if i%2 == 1 {
			local = "nobody"
		}
		env.To = append(env.To, smtp.Address{Local: local, Domain: "example.org"})
	}
	res, err := c.Send(ctx, env, bytes.NewReader([]byte(message)))
	require.ErrorIs(t, err, smtpclient.ErrPartial)
	require.Len(t, back.to, 2500)
	for i, r := range res.Recipients {
		require.Equal(t, i%2 == 1, r.Status == smtpclient.Rejected)
	}
	// and all at once refused
	for i := range env.To {
		env.To[i].Local = "nobody"
	}
	_, err = c.Send(ctx, env, bytes.NewReader([]byte(message)))
	require.ErrorIs(t, err, &smtp.Error{Code: 550})
	require.NoError(t, c.Noop(ctx))
}

// Calls from several goroutines wait for each other.
func TestConcurrentSend(t *testing.T) {
	back := &sink{keep: true}
	a := serve(t, &smtpserver.Server{Backend: back}, false)
	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, a, nil)
	require.NoError(t, err)
	defer c.Close()
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 10 {
				_, err := c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "b@c.example")}, strings.NewReader(message))
				require.NoError(t, err)
			}
		})
	}
	wg.Wait()
	require.Equal(t, 80, back.count)
}
