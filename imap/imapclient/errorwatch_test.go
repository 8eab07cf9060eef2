package imapclient_test

import (
	"context"
	"crypto/tls"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A bubbleTest plays a script in fake time.
func bubbleTest(t *testing.T, script string, f func(t *testing.T, srv *transcript.Server)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f(t, transcript.Serve(t, "@timeout 24h\n"+script, &transcript.ServeOptions{Pipe: true}))
	})
}

// What happens before a Client exists is an error of Dial, which never takes longer
// than its context and the timeouts.
func TestDialEnds(t *testing.T) {
	login := &imapclient.Options{Credentials: &sasl.Credentials{Username: "tim", Password: "secret"}, AllowInsecureAuth: true, Mechanisms: []string{"PLAIN"}}
	const greeting = "S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN SASL-IR] ready\nC: {{t:}} AUTHENTICATE PLAIN {{.*}}\n"
	const preauth = "S: * PREAUTH [CAPABILITY IMAP4rev1 ID] ready\nC: {{t:}} ID {{.*}}\n"
	for _, x := range []struct {
		name, script string
		took         time.Duration
		check        func(t *testing.T, err error)
	}{
		{"no greeting", "SILENT 29s\nDROP", 30 * time.Second, timedOut},
		{"end before the greeting", "CLOSE", 0, func(t *testing.T, err error) { require.ErrorIs(t, err, io.EOF) }},
		{"BYE", "S: * BYE [UNAVAILABLE] not now\nCLOSE", 0, isBye},
		{"BAD", "S: * BAD what\nCLOSE", 0, func(t *testing.T, err error) {
			require.ErrorIs(t, err, &imap.Error{Status: imap.BAD, Text: "what"})
		}},
		{"NO", "S: * NO not now\nCLOSE", 0, func(t *testing.T, err error) {
			require.ErrorIs(t, err, &imap.Error{Status: imap.NO, Text: "not now"})
		}},
		{"silence after the login", greeting + "SILENT 9m\nDROP", 10 * time.Minute, timedOut},
		{"end after the login", greeting + "CLOSE", 0, func(t *testing.T, err error) { require.ErrorIs(t, err, io.EOF) }},
		{"BYE after the login", greeting + "S: * BYE [UNAVAILABLE] not now\nCLOSE", 0, isBye},
		{"refused", greeting + "S: ${t} NO [AUTHENTICATIONFAILED] wrong\nDROP", 0, func(t *testing.T, err error) {
			require.ErrorIs(t, err, sasl.ErrAuthFailed)
			require.ErrorIs(t, err, &imap.Error{Code: imap.CodeAuthenticationFailed})
		}},
		{"unavailable", greeting + "S: ${t} NO [UNAVAILABLE] later\nDROP", 0, func(t *testing.T, err error) {
			require.ErrorIs(t, err, sasl.ErrUnavailable)
		}},
		// once, it gets the response again
		{"plus after the login", greeting + "S: +\nC: AHRpbQBzZWNyZXQ=\nS: +\nC: *\nS: ${t} BAD what\nDROP", 0, func(t *testing.T, err error) {
			require.ErrorIs(t, err, sasl.ErrMalformed)
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			bubbleTest(t, x.script, func(t *testing.T, srv *transcript.Server) {
				start := time.Now()
				_, err := imapclient.NewClient(t.Context(), srv.Dial(), login)
				x.check(t, err)
				require.Equal(t, x.took, time.Since(start))
				require.NotContains(t, err.Error(), "secret")
			})
		})
	}
	for _, script := range []string{
		"DROP", greeting + "DROP",
		"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\nC: {{t:}} AUTHENTICATE PLAIN\nDROP",
		"S: * OK [CAPABILITY IMAP4rev1 AUTH=PLAIN] ready\nC: {{t:}} AUTHENTICATE PLAIN\nS: +\nC: {{.*}}\nDROP",
	} {
		bubbleTest(t, script, func(t *testing.T, srv *transcript.Server) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			start := time.Now()
			_, err := imapclient.NewClient(ctx, srv.Dial(), login)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Equal(t, time.Second, time.Since(start))
		})
	}
	// What Dial has sent last need not have been answered.
	bubbleTest(t, preauth+"SILENT 9m\nDROP", func(t *testing.T, srv *transcript.Server) {
		c := connect(t, srv, nil)
		<-c.Closed()
		timedOut(t, c.Err())
	})
}

func timedOut(t *testing.T, err error) {
	t.Helper()
	var e *textproto.TimeoutError
	require.ErrorAs(t, err, &e)
}

func isBye(t *testing.T, err error) {
	t.Helper()
	require.ErrorIs(t, err, &imap.Error{Status: imap.BYE, Code: imap.CodeUnavailable, Text: "not now"})
}

const selected = `S: * PREAUTH [CAPABILITY IMAP4rev1 IDLE] ready
C: {{t:}} SELECT INBOX
S: * 0 EXISTS
S: ${t} OK done
`

// Watch ends with the connection, and with its context.
func TestWatchEnds(t *testing.T) {
	for _, x := range []struct {
		name, script string
		took         time.Duration
		check        func(t *testing.T, err error)
	}{
		{"IDLE is not taken up", "C: {{t:}} IDLE\nSILENT 14s\nDROP", 15 * time.Second, timedOut},
		{"BYE", "C: {{t:}} IDLE\nS: + idling\nWAIT 1m\nS: * BYE [UNAVAILABLE] not now\nCLOSE", time.Minute, isBye},
		{"end", "C: {{t:}} IDLE\nS: + idling\nWAIT 1m\nCLOSE", time.Minute, func(t *testing.T, err error) { require.ErrorIs(t, err, io.EOF) }},
		{"ended by the server", "C: {{t:}} IDLE\nS: + idling\nS: ${t} OK enough\nC: {{t:}} IDLE\nS: ${t} OK enough\nC: {{t:}} IDLE\nS: * BYE [UNAVAILABLE] not now\nCLOSE",
			0, isBye},
		{"refused", "C: {{t:}} IDLE\nS: ${t} NO not here\nC: {{t:}} NOOP\nS: ${t} OK\nC: {{t:}} NOOP\nS: * BYE [UNAVAILABLE] not now\nCLOSE",
			2 * time.Minute, isBye},
		{"DONE is not answered", "C: {{t:}} IDLE\nS: + idling\nC: DONE\nSILENT 14s\nDROP", 8 * time.Minute, timedOut},
		{"plus", "C: {{t:}} IDLE\nS: + idling\nS: + idling\nDROP", 0, func(t *testing.T, err error) {
			var e *imapclient.ProtocolError
			require.ErrorAs(t, err, &e)
		}},
	} {
		t.Run(x.name, func(t *testing.T) {
			bubbleTest(t, selected+x.script, func(t *testing.T, srv *transcript.Server) {
				c, m := inbox(t, srv)
				start := time.Now()
				n := 0
				for u, err := range m.Watch(t.Context()) {
					require.Nil(t, u)
					x.check(t, err)
					require.ErrorIs(t, err, imapclient.ErrClosed)
					n++
				}
				require.Equal(t, 1, n)
				require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
				require.InDelta(t, x.took, time.Since(start), float64(time.Second+x.took/6))
			})
		})
	}
	bubbleTest(t, selected+"C: {{t:}} IDLE\nS: + idling\nC: DONE\nS: ${t} OK\nC: {{t:}} NOOP\nS: ${t} OK", func(t *testing.T, srv *transcript.Server) {
		c, m := inbox(t, srv)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		for u, err := range m.Watch(ctx) {
			require.Nil(t, u)
			require.ErrorIs(t, err, context.DeadlineExceeded)
		}
		usable(t, c)
	})
}

// A reset is an end as any other.
func TestReset(t *testing.T) {
	srv := transcript.Serve(t, selected+"C: {{t:}} NOOP\nRESET", nil)
	c, _ := inbox(t, srv)
	require.ErrorIs(t, c.Noop(t.Context()), imapclient.ErrClosed)
	require.ErrorIs(t, c.Err(), imapclient.ErrClosed)
}

// STARTTLS trusts nothing that came without TLS, and either is done or fails.
func TestStartTLSFails(t *testing.T) {
	const offered = "S: * OK [CAPABILITY IMAP4rev1 STARTTLS] ready\nC: {{t:}} STARTTLS\n"
	for name, x := range map[string]struct {
		script string
		check  func(t *testing.T, err error)
	}{
		"not offered": {"S: * OK [CAPABILITY IMAP4rev1] ready\nDROP", func(t *testing.T, err error) {
			require.ErrorIs(t, err, imapclient.ErrNoStartTLS)
		}},
		"PREAUTH": {"S: * PREAUTH [CAPABILITY IMAP4rev1 STARTTLS] ready\nDROP", func(t *testing.T, err error) {
			require.ErrorIs(t, err, imapclient.ErrPreAuth)
		}},
		"refused": {offered + "S: ${t} NO not now\nDROP", func(t *testing.T, err error) {
			require.ErrorIs(t, err, &imap.Error{Status: imap.NO})
		}},
		"octets behind it": {offered + `S- "${t} OK go on\r\n* CAPABILITY IMAP4rev1 AUTH=PLAIN\r\n"` + "\nDROP", func(t *testing.T, err error) {
			require.ErrorIs(t, err, textproto.ErrPlaintextBuffered)
		}},
		"answer before it": {"S- \"* OK [CAPABILITY IMAP4rev1 STARTTLS] ready\\r\\nP1 OK go on\\r\\n\"\nC: {{t:}} STARTTLS\nSILENT 1ms\nS: ${t} BAD what\nDROP", func(t *testing.T, err error) {
			require.Error(t, err)
		}},
		"no TLS": {offered + "S: ${t} OK go on\nS: * OK hello\nDROP", func(t *testing.T, err error) {
			require.Error(t, err)
		}},
		"other certificate": {offered + "S: ${t} OK go on\nSTARTTLS", func(t *testing.T, err error) {
			var e *tls.CertificateVerificationError
			require.ErrorAs(t, err, &e)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			script, err := transcript.Parse(name, x.script)
			require.NoError(t, err)
			rec := &recorder{TB: t}
			srv := script.Serve(rec, nil)
			_, err = imapclient.NewClientStartTLS(t.Context(), srv.Dial(), &imapclient.Options{
				Credentials: &sasl.Credentials{Username: "tim", Password: "secret"}, TLSConfig: &tls.Config{ServerName: "localhost"},
			})
			x.check(t, err)
		})
	}
}

// A recorder takes failures of a server whose client goes away.
type recorder struct{ testing.TB }

func (*recorder) Error(...any)          {}
func (*recorder) Errorf(string, ...any) {}
