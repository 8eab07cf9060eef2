package pop3client

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

func TestSession(t *testing.T) {
	testutil.NoLeaks(t)
	ctx := context.Background()
	ts := serve(t, nil, numbered(3)...)
	c, err := Dial(ctx, ts.addr, insecure())
	require.NoError(t, err)
	defer c.Close()
	require.Contains(t, c.Greeting(), "mail.example.org")
	require.True(t, c.Capabilities().Has("UIDL"))

	n, size, err := c.Stat(ctx)
	require.NoError(t, err)
	require.Equal(t, 3, n)
	require.EqualValues(t, 54, size)

	list, err := c.List(ctx)
	require.NoError(t, err)
	require.Len(t, list, 3)
	require.Equal(t, Entry{Num: 2, Size: 18, UID: list[1].UID}, list[1])
	require.NotEmpty(t, list[1].UID)

	body, err := c.Retr(ctx, 2)
	require.NoError(t, err)
	_, _, err = c.Stat(ctx)
	require.ErrorIs(t, err, ErrBusy)
	text, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "Subject: 2\r\n\r\n.2\r\n", string(text))
	require.NoError(t, body.Close())
	_, err = body.Read(make([]byte, 1))
	require.ErrorIs(t, err, ErrBodyClosed)

	body, err = c.Top(ctx, 3, 0)
	require.NoError(t, err)
	require.NoError(t, body.Close()) // unread

	_, err = c.Retr(ctx, 4)
	var e *pop3.Error
	require.ErrorAs(t, err, &e)
	require.Equal(t, "RETR", e.Command)

	require.NoError(t, c.Delete(ctx, 1, 2))
	require.Error(t, c.Delete(ctx, 1, 3))
	require.NoError(t, c.Noop(ctx))
	require.NoError(t, c.Reset(ctx))
	require.NoError(t, c.Language(ctx, "en"))
	require.Error(t, c.Language(ctx, "tlh"))
	require.ErrorIs(t, c.Language(ctx, "en\r\nDELE 1"), textproto.ErrInvalidLine)
	require.NoError(t, c.Delete(ctx, 3))
	require.NoError(t, c.Quit(ctx))
	require.Equal(t, 2, ts.count(t))
	require.ErrorIs(t, c.Noop(ctx), ErrClosed)
	require.ErrorIs(t, c.Quit(ctx), ErrClosed)
}

func TestMessages(t *testing.T) {
	testutil.NoLeaks(t)
	ctx := context.Background()
	msgs := numbered(500)
	msgs[7] += strings.Repeat("long line ", 1<<18) + "\r\n" // more than the bound of what is asked for ahead
	for _, pipelining := range []bool{true, false} {
		ts := serve(t, nil, msgs...)
		o := insecure()
		o.NoPipelining = !pipelining
		c, err := Dial(ctx, ts.addr, o)
		require.NoError(t, err)

		// All, half of them unread; every third deleted.
		n := 0
		for m, err := range c.Messages(ctx, nil) {
			require.NoError(t, err)
			n++
			require.Equal(t, n, m.Num)
			require.ErrorIs(t, c.Noop(ctx), ErrBusy)
			if n%2 == 0 {
				text, err := io.ReadAll(m.Body)
				require.NoError(t, err)
				require.True(t, msgs[n-1] == string(text), n)
			}
			if n%3 == 0 {
				m.Delete()
			}
		}
		require.Equal(t, 500, n)

		// Chosen ones, and an early end.
		var got []int
		o2 := &MessagesOptions{Select: func(e Entry) bool { return e.Num%5 == 0 }, Top: true}
		for m, err := range c.Messages(ctx, o2) {
			require.NoError(t, err)
			text, err := io.ReadAll(m.Body)
			require.NoError(t, err)
			require.Equal(t, fmt.Sprintf("Subject: %d\r\n\r\n", m.Num), string(text))
			m.Delete()
			if got = append(got, m.Num); len(got) == 5 {
				break
			}
		}
		require.Equal(t, []int{5, 10, 20, 25, 35}, got)
		require.NoError(t, c.Quit(ctx))
		require.Equal(t, 500-166-5, ts.count(t))
	}
}

// A message that is refused does not end the iteration.
func TestMessagesRefused(t *testing.T) {
	ctx := context.Background()
	addr := scripted(t, "+OK\r\n", map[string]string{
		"USER mrose": "+OK\r\n", "PASS tanstaaf": "+OK\r\n", "CAPA": "+OK\r\nPIPELINING\r\n.\r\n",
		"LIST":   "+OK\r\n1 10\r\n2 10\r\n3 10\r\n.\r\n",
		"UIDL":   "-ERR what?\r\n",
		"RETR 1": "+OK\r\none\r\n.\r\n", "RETR 2": "-ERR [SYS/TEMP] not now\r\n", "RETR 3": "+OK\r\nthree\r\nHANGUP",
	})
	c, err := Dial(ctx, addr, insecure())
	require.NoError(t, err)
	var got []string
	for m, err := range c.Messages(ctx, nil) {
		var e *pop3.Error
		switch {
		case errors.As(err, &e):
			require.Equal(t, 2, m.Num)
			got = append(got, string(e.Code))
		case err != nil:
			got = append(got, "broken")
			require.ErrorIs(t, err, io.ErrUnexpectedEOF)
		default:
			text, err := io.ReadAll(m.Body)
			got = append(got, string(text))
			if m.Num == 3 {
				require.ErrorIs(t, err, io.ErrUnexpectedEOF)
			}
		}
	}
	require.Equal(t, []string{"one\r\n", "SYS/TEMP", "three\r\nHANGUP", "broken"}, got)
	_, err = c.List(ctx)
	require.ErrorIs(t, err, ErrClosed)
}

func TestTLS(t *testing.T) {
	ctx := context.Background()
	cfg := certificate(t)
	ts := serve(t, func(s *pop3server.Server) { s.TLSConfig = cfg; s.AllowInsecureAuth = false }, "x\r\n")
	o := &Options{Credentials: &mrose, TLSConfig: cfg}

	c, err := DialStartTLS(ctx, ts.addr, o)
	require.NoError(t, err)
	require.NotNil(t, c.TLS())
	require.NoError(t, c.Quit(ctx))

	tlsAddr := testutil.ServeTLS(t, ts)
	c, err = DialTLS(ctx, tlsAddr, o)
	require.NoError(t, err)
	require.NoError(t, c.Quit(ctx))

	// A certificate that is not trusted.
	_, err = DialTLS(ctx, tlsAddr, &Options{Credentials: &mrose})
	var unknown *tls.CertificateVerificationError
	require.ErrorAs(t, err, &unknown)

	// Without TLS no password goes out, but what doesn't show it does.
	_, err = Dial(ctx, ts.addr, &Options{Credentials: &mrose, Mechanisms: []string{"PLAIN", "USER"}})
	require.ErrorIs(t, err, sasl.ErrEncryptionNeeded)
	c, err = Dial(ctx, ts.addr, &Options{Credentials: &mrose})
	require.NoError(t, err)
	require.NoError(t, c.Quit(ctx))
	c, err = Dial(ctx, ts.addr, nil)
	require.NoError(t, err)
	require.ErrorIs(t, c.Auth(ctx, sasl.Plain("", "mrose", "tanstaaf")), sasl.ErrEncryptionNeeded)
	require.NoError(t, c.Auth(ctx, sasl.CramMD5("mrose", "tanstaaf")))
	require.NoError(t, c.Close())

	// STLS that is refused, and one with something behind it.
	for _, answer := range []string{"-ERR no\r\n", "+OK\r\n+OK injected\r\n", "HTTP/1.1 400\r\n"} {
		addr := scripted(t, "+OK\r\n", map[string]string{"STLS": answer, "": "+OK\r\n"})
		_, err = DialStartTLS(ctx, addr, o)
		require.Error(t, err, answer)
	}
}

// Each way to log in works, and a wrong password is an error with its code.
func TestLogin(t *testing.T) {
	ctx := context.Background()
	ts := serve(t, nil)
	for _, way := range []string{"SCRAM-SHA-256", "SCRAM-SHA-1", "CRAM-MD5", "APOP", "PLAIN", "LOGIN", "USER"} {
		o := insecure()
		o.Mechanisms = []string{way}
		var lines []string
		o.Trace = func(e textproto.Event) { lines = append(lines, string(e.Line)) }
		c, err := Dial(ctx, ts.addr, o)
		require.NoError(t, err, way)
		require.NoError(t, c.Quit(ctx))
		require.NotContains(t, strings.Join(lines, "\n"), "tanstaaf")

		wrong := mrose
		wrong.Password = "wrong"
		o.Credentials = &wrong
		_, err = Dial(ctx, ts.addr, o)
		var e *pop3.Error
		require.ErrorAs(t, err, &e, way)
		require.Equal(t, pop3.CodeAuth, e.Code)
	}
	c, err := Dial(ctx, ts.addr, &Options{AllowInsecureAuth: true})
	require.NoError(t, err)
	require.Error(t, c.Login(ctx, sasl.Credentials{Username: "mrose", Password: "wrong"}))
	require.NoError(t, c.Login(ctx, mrose))
	require.NoError(t, c.Close())
}

// What servers are known to do (P1 to P7 of the list of quirks).
func TestQuirks(t *testing.T) {
	ctx := context.Background()
	plain := "AUTH PLAIN AG1yb3NlAHRhbnN0YWFm"
	for _, tc := range []struct {
		name, greeting string
		answers        map[string]string
	}{
		{"P1: +OK without a text", "+OK\r\n", map[string]string{
			"CAPA": "+OK\r\nSASL PLAIN\r\n.\r\n", plain: "+OK\r\n"}},
		{"P2: +OK in place of a challenge", "+OK\r\n", map[string]string{
			"CAPA": "+OK\r\nSASL LOGIN\r\n.\r\n", "AUTH LOGIN": "+OK\r\n", "bXJvc2U=": "+ UGFzc3dvcmQ6\r\n", "dGFuc3RhYWY=": "+OK\r\n"}},
		{"P4: stamp at the end of the greeting, none in CAPA", "+OK mail.test POP3 ready <F201706231210.AA102635MD1932@mail.test>\r\n", map[string]string{
			"CAPA": "+OK\r\nUSER\r\n.\r\n",
			"APOP mrose " + sasl.APOPDigest("<F201706231210.AA102635MD1932@mail.test>", "tanstaaf"): "+OK\r\n"}},
		{"P5: CAPA without UIDL", "+OK\r\n", map[string]string{"CAPA": "+OK\r\nUSER\r\n.\r\n", "USER mrose": "+OK\r\n", "PASS tanstaaf": "+OK\r\n"}},
		{"no CAPA", "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "USER mrose": "+OK\r\n", "PASS tanstaaf": "+OK\r\n"}},
		{"small letters, and a TAB", "+ok\tready\r\n", map[string]string{"CAPA": "-err\r\n", "USER mrose": "+Ok name is valid\r\n", "PASS tanstaaf": "+ok\tyou are in\r\n", "DELE 9": "-err\tno\r\n"}},
		{"P5: UIDL only after login", "+OK\r\n", map[string]string{"CAPA": "+OK\r\nUSER\r\nSASL\r\n.\r\n", "USER mrose": "+OK\r\n", "PASS tanstaaf": "+OK\r\n"}},
		{"bare LF", "+OK\n", map[string]string{"CAPA": "-ERR\n", "USER mrose": "+OK\n", "PASS tanstaaf": "+OK\n"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			tc.answers["LIST"] = "+OK\r\n1 10\r\n2 20 more\r\n.\r\n"
			tc.answers["UIDL"] = "+OK\r\n1   three-blanks\r\n2 two\r\n.\r\n" // P3
			tc.answers["DELE 1"] = "\r\n+OK\r\n"                             // P7
			tc.answers["QUIT"] = "+OK\r\n"
			tc.answers[""] = "-ERR unexpected\r\n"
			c, err := Dial(ctx, scripted(t, tc.greeting, tc.answers), insecure())
			require.NoError(t, err)
			list, err := c.List(ctx)
			require.NoError(t, err)
			require.Equal(t, []Entry{{1, 10, "three-blanks"}, {2, 20, "two"}}, list)
			require.NoError(t, c.Delete(ctx, 1))
			var refused *pop3.Error
			require.ErrorAs(t, c.Delete(ctx, 9), &refused)
			require.NoError(t, c.Quit(ctx))
		})
	}
}

// Capabilities are read again after login (RFC 2449 §5): there may be others.
func TestCapabilitiesAfterLogin(t *testing.T) {
	ctx := context.Background()
	c, err := NewClient(ctx, testutil.Script(t, `
		S: +OK
		C: CAPA
		S: +OK
		S: SASL PLAIN
		S: .
		C: AUTH PLAIN AG1yb3NlAHRhbnN0YWFm
		S: +OK
		C: CAPA
		S: +OK
		S: UIDL
		S: .`), insecure())
	require.NoError(t, err)
	require.True(t, c.Capabilities().Has("UIDL"))
	require.False(t, c.Capabilities().Has("SASL"))
	require.NoError(t, c.Close())
}

func TestBrokenServers(t *testing.T) {
	ctx := context.Background()
	for _, greeting := range []string{"HANGUP", "220 smtp\r\n", "-ERR go away\r\n", "\r\n\r\n\r\n\r\n\r\n+OK\r\n", strings.Repeat("x", 1<<17)} {
		addr := scripted(t, greeting, nil)
		nc, err := net.Dial("tcp", addr)
		require.NoError(t, err)
		if !strings.HasSuffix(greeting, "\n") {
			nc.(*net.TCPConn).CloseWrite() // so that the server hangs up
		}
		_, err = NewClient(ctx, nc, nil)
		require.Error(t, err, greeting[:min(20, len(greeting))])
	}
	for _, answer := range []string{"+OK\r\n" + strings.Repeat("x y\r\n", 1001) + ".\r\n", "garbage\r\n", "+OK\r\n1 2HANGUP"} {
		addr := scripted(t, "+OK\r\n", map[string]string{"LIST": answer, "": "-ERR\r\n"})
		c, err := Dial(ctx, addr, nil)
		require.NoError(t, err)
		_, err = c.List(ctx)
		require.Error(t, err)
		require.NoError(t, c.Close())
	}
	// An impostor who knows no keys, and one who says nothing.
	addr := scripted(t, "+OK\r\n", map[string]string{"CAPA": "+OK\r\nSASL SCRAM-SHA-256\r\n.\r\n", "": "+OK welcome\r\n"})
	_, err := Dial(ctx, addr, insecure())
	require.Error(t, err)

	o := insecure()
	o.Timeout = 50 * time.Millisecond
	_, err = Dial(ctx, scripted(t, "+OK\r\n", nil), o)
	var ne net.Error
	require.ErrorAs(t, err, &ne)
	require.True(t, ne.Timeout())
}

// A context that ends aborts the call in progress.
func TestCancel(t *testing.T) {
	testutil.NoLeaks(t)
	addr := scripted(t, "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "RETR 1": "+OK\r\nbeginning\r\n"})
	ctx, cancel := context.WithCancelCause(context.Background())
	c, err := Dial(ctx, addr, nil)
	require.NoError(t, err)
	reason := errors.New("enough")
	time.AfterFunc(20*time.Millisecond, func() { cancel(reason) })
	require.ErrorIs(t, c.Noop(ctx), reason)
	require.ErrorIs(t, c.Noop(context.Background()), ErrClosed)

	c, err = Dial(context.Background(), addr, nil)
	require.NoError(t, err)
	ctx, cancel = context.WithCancelCause(context.Background())
	body, err := c.Retr(ctx, 1)
	require.NoError(t, err)
	time.AfterFunc(20*time.Millisecond, func() { cancel(reason) })
	_, err = io.ReadAll(body)
	require.ErrorIs(t, err, reason)
	require.NoError(t, body.Close())
	require.ErrorIs(t, c.Quit(context.Background()), ErrClosed)
}

func BenchmarkMessages(b *testing.B) {
	msg := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 57)
	msgs := make([]string, 10_000)
	for i := range msgs {
		msgs[i] = msg
	}
	ts := serve(b, nil, msgs...)
	ctx := context.Background()
	b.SetBytes(int64(len(msg) * len(msgs)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := Dial(ctx, ts.addr, insecure())
		require.NoError(b, err)
		var n int64
		for m, err := range c.Messages(ctx, nil) {
			require.NoError(b, err)
			k, _ := io.Copy(io.Discard, m.Body)
			n += k
		}
		require.EqualValues(b, len(msg)*len(msgs), n)
		c.Quit(ctx)
	}
	b.ReportMetric(float64(len(msgs)*b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkRetr reads one message of 64 MB, BenchmarkLoopback as many octets
// without POP3.
func BenchmarkRetr(b *testing.B) {
	line := strings.Repeat("x", 76) + "\r\n"
	ts := serve(b, nil, "Subject: x\r\n\r\n"+strings.Repeat(line, 64<<20/len(line)))
	ctx := context.Background()
	c, err := Dial(ctx, ts.addr, insecure())
	require.NoError(b, err)
	defer c.Close()
	b.SetBytes(64 << 20)
	b.ReportAllocs()
	for b.Loop() {
		body, err := c.Retr(ctx, 1)
		require.NoError(b, err)
		_, err = io.Copy(io.Discard, body)
		require.NoError(b, err)
		require.NoError(b, body.Close())
	}
}

func BenchmarkLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	b.SetBytes(64 << 20)
	for b.Loop() {
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			piece := make([]byte, 64<<10)
			for range 1024 {
				c.Write(piece)
			}
			c.Close()
		}()
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c})
		c.Close()
	}
}

func TestBodyWriteTo(t *testing.T) {
	ctx := context.Background()
	long := "Subject: x\r\n\r\n" + strings.Repeat("0123456789\r\n.\r\n", 10_000)
	ts := serve(t, nil, long, "short\r\n")
	c, err := Dial(ctx, ts.addr, insecure())
	require.NoError(t, err)
	body, err := c.Retr(ctx, 1)
	require.NoError(t, err)
	var text strings.Builder
	n, err := io.Copy(&text, body)
	require.NoError(t, err)
	require.EqualValues(t, len(long), n)
	require.True(t, long == text.String())
	require.NoError(t, body.Close())
	_, err = io.Copy(&text, body)
	require.ErrorIs(t, err, ErrBodyClosed)

	// A writer that fails leaves the connection usable.
	body, err = c.Retr(ctx, 1)
	require.NoError(t, err)
	_, err = io.Copy(full{}, body)
	require.ErrorIs(t, err, errFull)
	require.NoError(t, body.Close())
	body, err = c.Retr(ctx, 2)
	require.NoError(t, err)
	rest, err := io.ReadAll(body)
	require.NoError(t, err)
	require.Equal(t, "short\r\n", string(rest))
	require.NoError(t, body.Close())
	require.NoError(t, c.Quit(ctx))
}

var errFull = errors.New("disk is full")

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errFull }

// An exchange that the client can't go on with is cancelled, and the session
// goes on.
func TestAuthCancelled(t *testing.T) {
	ctx := context.Background()
	for answer, ok := range map[string]bool{"-ERR cancelled\r\n": true, "+OK welcome\r\n": false} {
		for _, challenge := range []string{"+ ????\r\n", "+ cj14\r\n"} {
			addr := scripted(t, "+OK\r\n", map[string]string{"NOOP": "+OK\r\n", "CAPA": "-ERR\r\n", "*": answer, "": challenge})
			c, err := Dial(ctx, addr, nil)
			require.NoError(t, err)
			require.Error(t, c.Auth(ctx, sasl.SCRAM(sasl.SHA256, "a", "b", nil)))
			if ok {
				require.NoError(t, c.Noop(ctx))
			} else {
				require.ErrorIs(t, c.Noop(ctx), ErrClosed)
			}
			require.NoError(t, c.Close())
		}
	}
	// What the server says of a token is in the error.
	addr := scripted(t, "+OK\r\n", map[string]string{
		"CAPA": "-ERR\r\n", "AQ==": "-ERR [AUTH] no\r\n",
		"": "+ eyJzdGF0dXMiOiJpbnZhbGlkX3Rva2VuIiwic2NvcGUiOiJleGFtcGxlX3Njb3BlIn0=\r\n"})
	c, err := Dial(ctx, addr, &Options{AllowInsecureAuth: true})
	require.NoError(t, err)
	err = c.Auth(ctx, sasl.OAuthBearer(sasl.Token{Bearer: strings.Repeat("long", 100)}))
	var oe *sasl.OAuthError
	require.ErrorAs(t, err, &oe)
	require.Equal(t, "example_scope", oe.Scope)
	var e *pop3.Error
	require.ErrorAs(t, err, &e)
	require.NoError(t, c.Close())
}

// UTF-8 mode is turned on before login.
func TestUTF8(t *testing.T) {
	ctx := context.Background()
	text := "Subject: Grüße\r\n\r\nText\r\n"
	ts := serve(t, nil, text)
	for _, on := range []bool{true, false} {
		o := insecure()
		o.UTF8 = on
		c, err := Dial(ctx, ts.addr, o)
		require.NoError(t, err)
		for m, err := range c.Messages(ctx, nil) {
			require.NoError(t, err)
			got, err := io.ReadAll(m.Body)
			require.NoError(t, err)
			require.Equal(t, on, string(got) == text)
		}
		require.NoError(t, c.Quit(ctx))
	}
}
