package smtpserver_test

import (
	"context"
	"io"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/internal/testutil/busy"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// TestTranscripts plays the dialogues of testdata. Options of a script:
//
//	@lmtp            an LMTP server
//	@tls             with STARTTLS
//	@auth            with AUTH for tim (tanstaaftanstaaf), passwords in the clear
//	@busy            too many wait for a check of their passwords
//	@submission      MAIL only after AUTH
//	@extensions A B  what the backend declares
//	@disable A B     what is not offered
//	@allow           all leniencies
//	@normalise       line ends are normalised
//	@message N, @recipients N, @errors N, @discard N, @textline N, @transactions N, @authfailures N  limits
//	@refuse CODE     the greeting
//	@xclient         XCLIENT from loopback
//	@covers A B      extensions that it tries
func TestTranscripts(t *testing.T) { playTranscripts(t, 0) }

// TestWrapped plays the dialogues with the backend wrapped once and twice, which
// must not change a word.
func TestWrapped(t *testing.T) {
	for layers := 1; layers <= 2; layers++ {
		t.Run(strconv.Itoa(layers), func(t *testing.T) { playTranscripts(t, layers) })
	}
}

func playTranscripts(t *testing.T, layers int) {
	transcript.RunDir(t, "testdata/*.txt", func(t testing.TB, s *transcript.Script) transcript.Dial {
		srv := &smtpserver.Server{Hostname: "foo.com"}
		on := func(name string) bool { return s.HasOption(name) }
		num := func(name string) int { n, _ := strconv.Atoi(s.Option(name)); return n }
		b := &scriptBackend{}
		for _, name := range strings.Fields(s.Option("extensions")) {
			e, ok := smtp.LookupExtension(name)
			require.True(t, ok, name)
			b.exts = b.exts.With(e)
		}
		for _, name := range strings.Fields(s.Option("disable")) {
			e, ok := smtp.LookupExtension(name)
			require.True(t, ok, name)
			srv.Disable = srv.Disable.With(e)
		}
		b.refuse = num("refuse")
		b.full = on("full")
		srv.Backend = b
		if b.full {
			srv.Backend = &fullBackend{b}
		}
		for range layers {
			srv.Backend = smtpserver.Wrap(srv.Backend, func(*smtpserver.Conn) smtpserver.Hooks { return passOn })
		}
		srv.LMTP = on("lmtp")
		if on("tls") {
			srv.TLSConfig, _ = testutil.TLS(t, "mx.example.org", "127.0.0.1")
		}
		if on("auth") || on("submission") {
			users := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
			require.NoError(t, users.Set("tim", "tanstaaftanstaaf"))
			require.NoError(t, users.Set("test", "1234"))
			srv.Authenticator = users
			if on("busy") {
				srv.Authenticator = busy.Users(t, "tim", "tanstaaftanstaaf")
			}
			srv.AllowInsecureAuth = !on("tls")
			srv.OnAuth = func(context.Context, sasl.Attempt) {}
			srv.RequireAuth = on("submission")
		}
		srv.RequireTLS = on("requiretls")
		if on("allow") {
			srv.Allow = smtp.AllowAll
		}
		srv.NormaliseLineEnds = on("normalise")
		srv.MaxBadCommands, srv.MaxAuthFailures = num("errors"), num("authfailures")
		srv.Limits = smtpserver.Limits{
			Message: int64(num("message")), Recipients: num("recipients"),
			Discard: int64(num("discard")), TextLine: num("textline"), Transactions: num("transactions"),
			RecipientDomains: num("domains"),
		}
		if on("xclient") {
			srv.XClientFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
		}
		return transcript.DialTCP(start(t, srv))
	})
}

// passOn has every hook that the server must not take for something to offer.
var passOn = smtpserver.Hooks{
	NewSession: func(ctx context.Context, next func(context.Context) error) error { return next(ctx) },
	Mail: func(ctx context.Context, from smtp.Address, o *smtp.MailOptions, next smtpserver.MailFunc) error {
		return next(ctx, from, o)
	},
	Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
		return next(ctx, to, o)
	},
	Data:          func(ctx context.Context, r io.Reader, next smtpserver.DataFunc) error { return next(ctx, r) },
	Reset:         func(ctx context.Context, next func(context.Context)) { next(ctx) },
	Close:         func(next func() error) error { return next() },
	Hello:         func(ctx context.Context, s string, next smtpserver.StringFunc) error { return next(ctx, s) },
	Authenticated: func(ctx context.Context, s string, next smtpserver.StringFunc) error { return next(ctx, s) },
	BeginData:     func(ctx context.Context, next func(context.Context) error) error { return next(ctx) },
}

// TestCovered fails when an extension that the server can offer is in no
// transcript.
func TestCovered(t *testing.T) {
	var names []string
	for e := smtp.Extension(0); e.String() != "?"; e++ {
		names = append(names, e.String())
	}
	transcript.CheckCovers(t, "testdata/*.txt", names)
}

// scriptBackend knows the users of the RFCs' examples.
type scriptBackend struct {
	exts   smtp.ExtensionSet
	refuse int
	full   bool // no sessions with optional interfaces
}

func (b *scriptBackend) Extensions() smtp.ExtensionSet { return b.exts }

func (b *scriptBackend) ExtensionParams(e smtp.Extension) string {
	switch e {
	case smtp.ExtFutureRelease:
		return "86400 2030-01-01T00:00:00Z"
	case smtp.ExtDeliverBy:
		return "240"
	case smtp.ExtNoSoliciting:
		return "net.example:ADV,org.example:ADV:SEX"
	case smtp.ExtMTPriority:
		return "MIXER"
	}
	return ""
}

func (b *scriptBackend) NewSession(_ context.Context, c *smtpserver.Conn) (smtpserver.Session, error) {
	if b.refuse != 0 {
		return nil, &smtp.Error{Code: b.refuse, Text: "go away"}
	}
	s := scriptSession{c: c}
	if b.full {
		return &fullSession{s}, nil
	}
	return &s, nil
}

type scriptSession struct {
	c   *smtpserver.Conn
	tos []string
}

func (s *scriptSession) Mail(_ context.Context, from smtp.Address, o *smtp.MailOptions) error {
	if from.Local == "refused" {
		return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "not you"}
	}
	return nil
}

func (s *scriptSession) Rcpt(_ context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	switch to.Local {
	case "Green", "green", "nobody":
		return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "No such user here"}
	case "moved":
		return &smtp.Error{Code: 551, Enhanced: smtp.EnhancedCode{5, 1, 6}, Text: "please try <用户@例子.example>"}
	case "broken":
		return io.ErrClosedPipe
	case "closing":
		return &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 2}, Text: "closing"}
	}
	s.tos = append(s.tos, to.Local)
	return nil
}

func (s *scriptSession) Data(_ context.Context, r io.Reader) error {
	for _, to := range s.tos {
		switch to {
		case "early": // reads nothing
			return &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "refused unread"}
		case "lazy":
			return nil
		case "part":
			io.ReadFull(r, make([]byte, 10))
			return &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "refused partly read"}
		case "liar":
			io.Copy(io.Discard, r)
			return nil
		}
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return err
	}
	for _, to := range s.tos {
		if to == "late" {
			return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "refused after reading"}
		}
	}
	results := make(smtpserver.RecipientErrors, len(s.tos))
	for i, to := range s.tos {
		switch to {
		case "full":
			results[i] = &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "<" + to + "> is full"}
		case "failing":
			results[i] = io.ErrClosedPipe
		}
	}
	return results
}

func (s *scriptSession) Reset(context.Context) { s.tos = nil }
func (s *scriptSession) Close() error          { return nil }

// fullSession has the optional interfaces too.
type fullSession struct{ scriptSession }

func (s *fullSession) Verify(_ context.Context, name string, _ bool) (string, error) {
	switch strings.ToLower(name) {
	case "crispin":
		return "Mark Crispin <Admin.MRC@foo.com>", nil
	case "用户", "user":
		return "用户 <用户@例子.example>", nil
	case "moved":
		return "", &smtp.Error{Code: 551, Enhanced: smtp.EnhancedCode{5, 1, 6}, Text: "please try <用户@例子.example>"}
	case "joe":
		return "", &smtp.Error{Code: 553, Enhanced: smtp.EnhancedCode{5, 1, 4}, Text: "User ambiguous"}
	}
	return "", smtpserver.ErrNoSuchUser
}

func (s *fullSession) Expand(_ context.Context, list string, utf8 bool) ([]string, error) {
	if list == "Example-People" {
		return []string{"Jon Postel <Postel@isi.edu>", "Fred Fonebone <Fonebone@physics.foo-u.edu>", "Sam Q. Smith <SQSmith@specific.generic.com>"}, nil
	}
	if list == "users" && utf8 {
		return []string{"Jim <jim@b.example>", "用户 <用户@例子.example>"}, nil
	} else if list == "users" {
		return []string{"Jim <jim@b.example>", "and others"}, nil
	}
	if list == "others" {
		return []string{"用户 <用户@例子.example>"}, nil
	}
	return nil, smtpserver.ErrNoSuchUser
}

func (s *fullSession) StartQueue(_ context.Context, host string) error {
	if host == "@uu.net" {
		return &smtp.Error{Code: 251, Text: "no messages waiting for node uu.net"}
	}
	return nil
}

func (s *fullSession) Hello(_ context.Context, name string) error {
	if name == "bad.example" {
		return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "bad name"}
	}
	return nil
}

// fullBackend has the optional interfaces too.
type fullBackend struct{ *scriptBackend }

func (b *fullBackend) FetchURL(_ context.Context, _ *smtpserver.Conn, url string) (io.ReadCloser, error) {
	text := strings.NewReader("Subject: fetched\r\n\r\nhello\r\n")
	switch {
	case strings.Contains(url, "missing"):
		return nil, io.ErrUnexpectedEOF
	case strings.Contains(url, "broken"):
		return io.NopCloser(io.MultiReader(text, iotest.ErrReader(io.ErrUnexpectedEOF))), nil
	case strings.Contains(url, "part"):
		return io.NopCloser(strings.NewReader("end of line\r")), nil
	}
	return io.NopCloser(text), nil
}
