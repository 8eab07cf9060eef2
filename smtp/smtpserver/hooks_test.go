package smtpserver_test

import (
	"context"
	"io"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// notebook is a list of calls, which hooks and a Session write down.
type notebook struct {
	mu    sync.Mutex
	calls []string
}

func (n *notebook) note(s string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.calls = append(n.calls, s)
}

func (n *notebook) take() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := strings.Join(n.calls, " ")
	n.calls = nil
	return s
}

// bare is a Session without optional interfaces.
type bare struct {
	n    *notebook
	lmtp bool
}

func (s bare) Mail(context.Context, smtp.Address, *smtp.MailOptions) error {
	s.n.note("mail")
	return nil
}
func (s bare) Rcpt(context.Context, smtp.Address, *smtp.RcptOptions) error {
	s.n.note("rcpt")
	return nil
}
func (s bare) Data(_ context.Context, r io.Reader) error {
	s.n.note("data")
	_, err := io.Copy(io.Discard, r)
	return err
}
func (s bare) Reset(context.Context) { s.n.note("reset") }
func (s bare) Close() error          { s.n.note("close"); return nil }

// full has all of them.
type full struct{ bare }

func (s full) Data(ctx context.Context, r io.Reader) error {
	if err := s.bare.Data(ctx, r); err != nil || !s.lmtp {
		return err
	}
	return smtpserver.RecipientErrors{nil, &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "full"}}
}
func (s full) Hello(context.Context, string) error         { s.n.note("hello"); return nil }
func (s full) Authenticated(context.Context, string) error { s.n.note("auth"); return nil }
func (s full) BeginData(context.Context) error             { s.n.note("begin"); return nil }
func (s full) StartQueue(context.Context, string) error    { s.n.note("queue"); return nil }
func (s full) Verify(context.Context, string, bool) (string, error) {
	s.n.note("verify")
	return "Jim <jim@example.org>", nil
}
func (s full) Expand(context.Context, string, bool) ([]string, error) {
	s.n.note("expand")
	return []string{"<jim@example.org>"}, nil
}
func (b sessions) FetchURL(context.Context, *smtpserver.Conn, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("Subject: x\r\n\r\nx\r\n")), nil
}

// sessions is a Backend of a Session that declares extensions.
type sessions struct{ smtpserver.Session }

func (b sessions) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return b.Session, nil
}
func (b sessions) Extensions() smtp.ExtensionSet {
	return smtp.ExtensionSet(0).With(smtp.ExtDSN).With(smtp.ExtDeliverBy)
}
func (b sessions) ExtensionParams(e smtp.Extension) string {
	if e == smtp.ExtDeliverBy {
		return "240"
	}
	return ""
}

// noting has a hook for everything, which notes its name before and after.
func noting(n *notebook, name string) smtpserver.Hooks {
	around := func(ctx context.Context, s string, next smtpserver.StringFunc) error {
		n.note(name + "(")
		defer n.note(")" + name)
		return next(ctx, s)
	}
	return smtpserver.Hooks{
		NewSession: func(ctx context.Context, next func(context.Context) error) error {
			return around(ctx, "", func(ctx context.Context, _ string) error { return next(ctx) })
		},
		Mail: func(ctx context.Context, from smtp.Address, o *smtp.MailOptions, next smtpserver.MailFunc) error {
			return around(ctx, "", func(ctx context.Context, _ string) error { return next(ctx, from, o) })
		},
		Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
			return around(ctx, "", func(ctx context.Context, _ string) error { return next(ctx, to, o) })
		},
		Data: func(ctx context.Context, r io.Reader, next smtpserver.DataFunc) error {
			return around(ctx, "", func(ctx context.Context, _ string) error { return next(ctx, r) })
		},
		Reset: func(ctx context.Context, next func(context.Context)) {
			around(ctx, "", func(ctx context.Context, _ string) error { next(ctx); return nil })
		},
		Close: func(next func() error) error {
			return around(context.Background(), "", func(context.Context, string) error { return next() })
		},
		BeginData: func(ctx context.Context, next func(context.Context) error) error {
			return around(ctx, "", func(ctx context.Context, _ string) error { return next(ctx) })
		},
		Hello: around, Authenticated: around, StartQueue: around,
		Verify: func(ctx context.Context, s string, utf8 bool, next smtpserver.VerifyFunc) (string, error) {
			n.note(name + "(")
			defer n.note(")" + name)
			return next(ctx, s, utf8)
		},
		Expand: func(ctx context.Context, s string, utf8 bool, next smtpserver.ExpandFunc) ([]string, error) {
			n.note(name + "(")
			defer n.note(")" + name)
			return next(ctx, s, utf8)
		},
	}
}

// Each call of a Session, those of its optional interfaces too, goes through all
// layers of hooks, the outermost first, and reaches the Session.
func TestHooks(t *testing.T) {
	for _, tt := range []struct {
		name   string
		layers []string // the innermost first
		want   string   // around each call
	}{
		{"bare", nil, "%"},
		{"one", []string{"a"}, "a( % )a"},
		{"two", []string{"a", "b"}, "b( a( % )a )b"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var n notebook
			users := &sasl.Users{Iterations: sasl.MinIterations}
			require.NoError(t, users.Set("tim", "secret"))
			for _, lmtp := range []bool{false, true} {
				var b smtpserver.Backend = sessions{full{bare{&n, lmtp}}}
				for _, name := range tt.layers {
					b = smtpserver.Wrap(b, func(*smtpserver.Conn) smtpserver.Hooks { return noting(&n, name) })
				}
				k := talk(t, start(t, &smtpserver.Server{Backend: b, LMTP: lmtp, Authenticator: users, AllowInsecureAuth: true}))
				hear := func(calls ...string) {
					t.Helper()
					for i, c := range calls {
						calls[i] = strings.ReplaceAll(tt.want, "%", c)
					}
					require.Equal(t, strings.Join(calls, " "), n.take())
				}
				n.take()
				hello := "EHLO c"
				if lmtp {
					hello = "LHLO c"
				}
				k.do(hello, "250")
				hear("hello")
				k.do("AUTH PLAIN AHRpbQBzZWNyZXQ=", "235")
				hear("auth")
				k.do("VRFY jim", "250 2.1.5 Jim")
				hear("verify")
				k.do("EXPN list", "250 2.1.5 <jim")
				hear("expand")
				k.do("ETRN example.org", "250")
				hear("queue")
				k.do("MAIL FROM:<> RET=HDRS BY=300;R", "250") // what the Backend declares
				hear("mail")
				k.do("RCPT TO:<a@example.org>", "250")
				k.do("RCPT TO:<b@example.org>", "250")
				hear("rcpt", "rcpt")
				k.do("DATA", "354")
				k.do("x\r\n.", "250")
				if lmtp {
					k.expect("452 4.2.2 full") // each recipient has its own result
				}
				k.do("NOOP", "250")
				hear("begin", "data", "reset")
				k.do("MAIL FROM:<>", "250")
				k.do("RCPT TO:<a@example.org>", "250")
				k.do("BURL imap://host/x LAST", "250")
				k.do("NOOP", "250")
				hear("mail", "rcpt", "begin", "data", "reset")
			}
		})
	}
}

// A Session without optional interfaces has none when it is wrapped, but a hook
// can add what they are for.
func TestHooksOffer(t *testing.T) {
	var n notebook
	offered := func(hooks smtpserver.Hooks) string {
		b := smtpserver.Wrap(sessions{bare{n: &n}}, func(*smtpserver.Conn) smtpserver.Hooks { return hooks })
		b = smtpserver.Wrap(b, func(*smtpserver.Conn) smtpserver.Hooks { return smtpserver.Hooks{} })
		k := talk(t, start(t, &smtpserver.Server{Backend: b}))
		_, err := k.c.WriteString("EHLO c\r\n")
		require.NoError(t, err)
		require.NoError(t, k.c.Flush())
		var lines []string
		for {
			line, err := k.c.ReadLine()
			require.NoError(t, err)
			lines = append(lines, string(line[4:]))
			if line[3] == ' ' {
				break
			}
		}
		k.do("VRFY jim", "25")
		return strings.Join(lines, "\n")
	}
	got := offered(smtpserver.Hooks{})
	require.NotContains(t, got, "EXPN")
	require.NotContains(t, got, "ETRN")
	require.Contains(t, got, "DELIVERBY 240")

	all := noting(&n, "a")
	got = offered(all)
	require.Contains(t, got, "EXPN")
	require.Contains(t, got, "ETRN")
	require.Contains(t, n.take(), "a( )a", "VRFY")

	// What next returns where there is nothing to go on with.
	ctx := t.Context()
	verify := make(chan error, 1)
	all.Verify = func(_ context.Context, name string, utf8 bool, next smtpserver.VerifyFunc) (string, error) {
		_, err := next(ctx, name, utf8)
		verify <- err
		return "Jim <jim@example.org>", nil
	}
	offered(all)
	var e *smtp.Error
	require.ErrorAs(t, <-verify, &e)
	require.Equal(t, 252, e.Code)
}

// A hook can refuse, change what goes on, and decide about the result.
func TestHooksDecide(t *testing.T) {
	b := &recorder{}
	no := &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "no"}
	var closed atomic.Bool
	wrapped := smtpserver.Wrap(b, func(*smtpserver.Conn) smtpserver.Hooks {
		return smtpserver.Hooks{
			NewSession: func(ctx context.Context, next func(context.Context) error) error {
				if err := next(ctx); err != nil || !closed.Load() {
					return err
				}
				return no
			},
			Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
				if to.Local == "refused" {
					return no
				}
				to.Local = strings.TrimSuffix(to.Local, "+x")
				return next(ctx, to, o)
			},
			Data: func(ctx context.Context, r io.Reader, next smtpserver.DataFunc) error {
				head := make([]byte, 4)
				if _, err := io.ReadFull(r, head); err != nil {
					return err
				}
				if string(head) == "SPAM" {
					return no
				}
				return next(ctx, io.MultiReader(strings.NewReader("X-Seen: yes\r\n"+string(head)), r))
			},
		}
	})
	addr := start(t, &smtpserver.Server{Backend: wrapped})
	k := talk(t, addr)
	k.do("EHLO c", "250")
	k.do("MAIL FROM:<>", "250")
	k.do("RCPT TO:<refused@example.org>", "550 5.7.1 no")
	k.do("RSET", "250")
	k.send("", []string{"a+x@example.org"}, "Subject: x\r\n\r\nx\r\n", "250")
	k.send("", []string{"a@example.org"}, "SPAM: x\r\n\r\nx\r\n", "550 5.7.1 no")
	got := b.got()
	require.Len(t, got, 1)
	require.Equal(t, "a", got[0].to[0].Local)
	require.Equal(t, "X-Seen: yes\r\nSubject: x\r\n\r\nx\r\n", got[0].body)

	// A hook after the Session has begun refuses the client.
	closed.Store(true)
	k = &talker{t: t, c: dial(t, addr)}
	k.expect("550 5.7.1 mx.example.org no")
}

// In LMTP, what a Data hook returns is the result of each recipient.
func TestHooksLMTP(t *testing.T) {
	no := &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "no"}
	for _, tt := range []struct {
		decide func(err error) error
		want   [2]string
	}{
		{func(err error) error { return err }, [2]string{"250", "452 4.2.2 full"}},
		{func(error) error { return nil }, [2]string{"250", "250"}},
		{func(error) error { return no }, [2]string{"550 5.7.1 no", "550 5.7.1 no"}},
		{func(err error) error { return smtpserver.RecipientErrors{no, nil} }, [2]string{"550 5.7.1 no", "250"}},
		{func(err error) error { return smtpserver.RecipientErrors{no} }, [2]string{"550 5.7.1 no", "550 5.7.1 no"}},
	} {
		var n notebook
		heard := make(chan error, 1)
		b := smtpserver.Wrap(sessions{full{bare{&n, true}}}, func(*smtpserver.Conn) smtpserver.Hooks {
			return smtpserver.Hooks{Data: func(ctx context.Context, r io.Reader, next smtpserver.DataFunc) error {
				err := next(ctx, r)
				heard <- err
				return tt.decide(err)
			}}
		})
		k := talk(t, start(t, &smtpserver.Server{Backend: b, LMTP: true}))
		k.do("LHLO c", "250")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<a@example.org>", "250")
		k.do("RCPT TO:<b@example.org>", "250")
		k.do("DATA", "354")
		k.do("x\r\n.", tt.want[0])
		k.expect(tt.want[1])
		require.EqualError(t, <-heard, "recipient 1: 452 4.2.2 full")
	}
}
