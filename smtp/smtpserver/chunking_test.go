package smtpserver_test

import (
	"context"
	"io"
	"net/netip"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// begin opens a transaction on a new connection.
func begin(t *testing.T, addr, mail string) *talker {
	k := talk(t, addr)
	k.do("EHLO x", "250")
	k.do("MAIL FROM:<a@b.example>"+mail, "250")
	k.do("RCPT TO:<victim@example.org>", "250")
	return k
}

// bdat sends a chunk and returns the reply.
func (k *talker) bdat(chunk string, last bool, want string) string {
	k.t.Helper()
	k.c.Write(smtp.AppendBdat(nil, int64(len(chunk)), last))
	k.c.WriteString(chunk)
	return k.expect(want)
}

// What BDAT brings has lines that end with CRLF, as with DATA, wherever the
// chunks are divided.
func TestChunkLineEnds(t *testing.T) {
	for _, tc := range []struct {
		text       string
		normalised string // "": the same; then it is not refused either
		mail       string
		binary     string // what a BINARYMIME message becomes
	}{
		{text: "Subject: x\r\n\r\nbody\r\n"},
		{text: ""},
		{text: "\r\n.\r\n..\r\n"},
		{text: "Subject: x\r\n\r\nbody", normalised: "Subject: x\r\n\r\nbody\r\n", binary: "Subject: x\r\n\r\nbody"},
		{text: "Subject: x\r\n\r\na\nb\r\n", normalised: "Subject: x\r\n\r\na\r\nb\r\n", binary: "Subject: x\r\n\r\na\nb\r\n"},
		{text: "Subject: x\r\n\r\na\rb\r\n", normalised: "Subject: x\r\n\r\na\r\nb\r\n", binary: "Subject: x\r\n\r\na\rb\r\n"},
		{text: "Subject: x\r\n\r\na\r", normalised: "Subject: x\r\n\r\na\r\n", binary: "Subject: x\r\n\r\na\r"},
		{text: "A: b\nFrom: c\r\n\r\n", normalised: "A: b\r\nFrom: c\r\n\r\n"},
		{text: "A: b\rFrom: c\r\n\r\n", normalised: "A: b\r\nFrom: c\r\n\r\n"},
		{text: "A: b\n\nFrom: c\n", normalised: "A: b\r\n\r\nFrom: c\r\n", binary: "A: b\r\n\r\nFrom: c\n"},
	} {
		completed := tc.normalised == tc.text+"\r\n" && !strings.HasSuffix(tc.text, "\r")
		for _, normalise := range []bool{false, true} {
			for _, binary := range []bool{false, true} {
				for cut := 0; cut <= len(tc.text); cut++ {
					r := &recorder{exts: smtp.ExtensionsOf(smtp.ExtBinaryMIME)}
					addr := start(t, &smtpserver.Server{Backend: r, NormaliseLineEnds: normalise})
					mail, want, ok := "", tc.normalised, tc.normalised == "" || normalise || completed
					if binary {
						mail = " BODY=BINARYMIME"
						ok = ok || strings.HasPrefix(tc.text, "Subject: x\r\n\r\n")
						if tc.binary != "" {
							want = tc.binary
						}
					}
					if want == "" {
						want = tc.text
					}
					k := begin(t, addr, mail)
					reply := k.bdat(tc.text[:cut], false, "")
					if strings.HasPrefix(reply, "250") {
						reply = k.bdat(tc.text[cut:], true, "")
					}
					if !ok {
						require.Contains(t, reply, "554 5.6.0", "%q at %d", tc.text, cut)
						require.Empty(t, r.got())
					} else {
						require.Contains(t, reply, "250 2.0.0", "%q at %d", tc.text, cut)
						require.Equal(t, want, r.got()[0].body)
					}
					k.do("NOOP", "250")
				}
			}
		}
	}
}

// A From field cannot be hidden from the check of the sender by a line end that
// some programs honour.
func TestChunkHiddenFrom(t *testing.T) {
	for _, end := range []string{"\n", "\r"} {
		for _, normalise := range []bool{false, true} {
			st, d := store(t, nil, "alice")
			d.MaySend = func(_ context.Context, _ string, from smtp.Address) error {
				if from.Local != "alice" {
					return smtpserver.ErrNotOwner
				}
				return nil
			}
			k := talk(t, start(t, &smtpserver.Server{Backend: d, NormaliseLineEnds: normalise}))
			k.do("EHLO x", "250")
			k.do("MAIL FROM:<alice@example.org>", "250")
			k.do("RCPT TO:<alice@example.org>", "250")
			k.bdat("From: alice@example.org\r\nX: y"+end+"From: boss@example.org\r\n\r\nx\r\n", true, "55")
			require.Empty(t, stored(t, st, "alice"))
		}
	}
}

// A message whose client went away between two chunks is not taken for whole.
func TestChunkLost(t *testing.T) {
	got := make(chan error, 1)
	r := &recorder{data: func(_ context.Context, r io.Reader) error {
		_, err := io.ReadAll(r)
		got <- err
		return err
	}}
	for _, copied := range []bool{false, true} {
		if copied {
			r.data = func(_ context.Context, r io.Reader) error {
				_, err := io.Copy(io.Discard, r)
				got <- err
				return err
			}
		}
		k := begin(t, start(t, &smtpserver.Server{Backend: r}), "")
		k.bdat("Subject: x\r\n\r\n", false, "250")
		require.NoError(t, k.c.Close())
		require.Error(t, <-got)
	}
}

// Shutdown between two chunks refuses the message and ends the session.
func TestChunkShutdown(t *testing.T) {
	got := make(chan error, 1)
	r := &recorder{data: func(_ context.Context, r io.Reader) error {
		_, err := io.Copy(io.Discard, r)
		got <- err
		return nil // a Session that says yes in spite of it
	}}
	srv := &smtpserver.Server{Backend: r}
	k := begin(t, start(t, srv), "")
	k.bdat("Subject: x\r\n\r\n", false, "250")
	done := make(chan error)
	go func() { done <- srv.Shutdown(context.Background()) }()
	k.expect("421 4.3.2")
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF, "one 421 only")
	require.Error(t, <-got)
	require.NoError(t, <-done)
}

// Octets of a chunk that is known to be too big are not shown to the Session.
func TestChunkTooBig(t *testing.T) {
	var mu sync.Mutex
	seen := 0
	r := &recorder{data: func(_ context.Context, r io.Reader) error {
		b, _ := io.ReadAll(r)
		mu.Lock()
		defer mu.Unlock()
		seen += len(b)
		return nil
	}}
	addr := start(t, &smtpserver.Server{Backend: r, Limits: smtpserver.Limits{Message: 100, Discard: 1000}})
	total := func() int { mu.Lock(); defer mu.Unlock(); return seen }
	line := strings.Repeat("x", 48) + "\r\n"

	k := begin(t, addr, "")
	k.bdat(line+line+line, true, "552 5.3.4")
	k.do("NOOP", "250")
	require.Zero(t, total())

	k = begin(t, addr, "")
	k.bdat(line, false, "250")
	k.bdat(line+line, false, "552 5.3.4")
	k.bdat(line, true, "503")
	k.do("NOOP", "250")
	require.Equal(t, 50, total())

	k = begin(t, addr, "")
	k.bdat(line+line, false, "250")
	k.bdat("", true, "250 2.0.0 accepted")

	// More than is read only to be thrown away is not waited for.
	for _, size := range []string{"1001", "999999999999999999"} {
		k = begin(t, addr, "")
		k.do("BDAT "+size+" LAST", "552 5.3.4")
		_, err := k.c.ReadLine()
		require.ErrorIs(t, err, io.EOF)
		k = begin(t, addr, "")
		k.bdat(line, false, "250")
		k.do("BDAT "+size, "552 5.3.4")
		_, err = k.c.ReadLine()
		require.ErrorIs(t, err, io.EOF)
	}
	k = begin(t, addr, "")
	k.do("BDAT 99999999999999999999 LAST", "501 5.5.4")
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)
}

// mutexBackend has Sessions that hold a mutex in every method there is.
type mutexBackend struct{}

func (mutexBackend) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return &mutexSession{}, nil
}

func (mutexBackend) FetchURL(context.Context, *smtpserver.Conn, string) (io.ReadCloser, error) {
	return io.NopCloser(strings.NewReader("fetched\r\n")), nil
}

type mutexSession struct{ mu sync.Mutex }

func (s *mutexSession) hold() error { s.mu.Lock(); defer s.mu.Unlock(); return nil }

func (s *mutexSession) Mail(context.Context, smtp.Address, *smtp.MailOptions) error { return s.hold() }
func (s *mutexSession) Rcpt(context.Context, smtp.Address, *smtp.RcptOptions) error { return s.hold() }
func (s *mutexSession) Reset(context.Context)                                       { s.hold() }
func (s *mutexSession) Close() error                                                { return s.hold() }
func (s *mutexSession) Hello(context.Context, string) error                         { return s.hold() }
func (s *mutexSession) Authenticated(context.Context, string) error                 { return s.hold() }
func (s *mutexSession) BeginData(context.Context) error                             { return s.hold() }
func (s *mutexSession) StartQueue(context.Context, string) error                    { return s.hold() }

func (s *mutexSession) Verify(context.Context, string, bool) (string, error) { return "x", s.hold() }

func (s *mutexSession) Expand(context.Context, string, bool) ([]string, error) {
	return []string{"x"}, s.hold()
}

func (s *mutexSession) Data(_ context.Context, r io.Reader) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, err := io.Copy(io.Discard, r)
	return err
}

// Between chunks Data is running: no command calls another method of the Session
// then, each has one reply, and the message can go on unless the command ends it.
func TestCommandsBetweenChunks(t *testing.T) {
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("tim", "secret"))
	cfg, _ := testutil.TLS(t, "mx.example.org")
	srv := &smtpserver.Server{
		Backend: mutexBackend{}, Authenticator: users, AllowInsecureAuth: true,
		XClientFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
	srv.TLSConfig = cfg
	addr := start(t, srv)
	opened := func() *talker {
		k := talk(t, addr)
		k.do("EHLO x", "250")
		k.do("AUTH PLAIN AHRpbQBzZWNyZXQ=", "235")
		k.do("EHLO x", "250")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<a@example.org>", "250")
		k.bdat("a\r\n", false, "250 2.0.0 3 octets received")
		return k
	}
	want := map[string]string{
		"EHLO x": "ends", "HELO x": "ends", "LHLO x": "ends", "RSET": "ends", "QUIT": "ends",
		"NOOP": "250", "HELP": "214", "VRFY x": "252 2.5.0", "EXPN x": "252 2.5.0",
		"BURL imap://x": "250 2.0.0 9 octets received", "BDAT 0": "250 2.0.0 0 octets received",
		"MAIL FROM:<>": "503 5.5.1", "RCPT TO:<a@example.org>": "503 5.5.1", "DATA": "503 5.5.1",
		"AUTH PLAIN AHRpbQBzZWNyZXQ=": "503 5.5.1", "STARTTLS": "503 5.5.1", "ETRN example.org": "503 5.5.1",
		"XCLIENT NAME=x": "503 5.5.1", "XFORWARD NAME=x": "503 5.5.1",
	}
	verbs := map[string]bool{}
	for line, reply := range want {
		verb, _, _ := strings.Cut(line, " ")
		verbs[verb] = true
		k := opened()
		if reply == "ends" {
			k.do(line, "")
			continue
		}
		k.do(line, reply)
		k.bdat("b\r\n", true, "250 2.0.0 accepted")
		k.do("VRFY x", "250")
		k.do("QUIT", "221")
	}
	// The list is complete.
	help := opened().do("HELP", "214")
	for verb := range strings.FieldsSeq(help[strings.Index(help, ":")+1:]) {
		require.True(t, verbs[verb], verb)
	}
}
