package imapserver_test

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
)

// TestMechanisms logs in by every mechanism that is offered, under TLS from
// the start and with initial responses and without.
func TestMechanisms(t *testing.T) {
	srv := &imapserver.Server{Store: newStore(t, nil), Authenticator: testUsers(), Hostname: "localhost", ChannelBinding: true}
	srv.TLSConfig, _ = testutil.TLS(t)
	addr := testutil.ServeTLS(t, srv)
	connect := func(t *testing.T) (*client, *tls.Conn, string) {
		conn, err := tls.Dial("tcp", addr, &tls.Config{InsecureSkipVerify: true})
		require.NoError(t, err)
		t.Cleanup(func() { conn.Close() })
		c := newClient(t, conn)
		return c, conn, c.line()
	}
	c, _, greeting := connect(t)
	c.ok("LOGOUT")
	list, _, _ := strings.Cut(strings.TrimPrefix(greeting, "* OK [CAPABILITY "), "]")
	var caps imap.CapSet
	for _, name := range strings.Fields(list) {
		caps = caps.With(imap.Cap(name))
	}
	mechs := caps.Mechanisms()
	require.Contains(t, mechs, "SCRAM-SHA-256-PLUS")
	require.Contains(t, mechs, "CRAM-MD5")
	for _, mech := range mechs {
		for _, initial := range []bool{true, false} {
			t.Run(mech, func(t *testing.T) {
				c, conn, _ := connect(t)
				state := conn.ConnectionState()
				m, err := sasl.Select(t.Context(), mechs, sasl.Credentials{Username: "fred", Password: "secret"},
					sasl.Conn{Service: "imap", Host: "localhost", TLS: &state, Mechanisms: []string{mech}})
				require.NoError(t, err)
				response, err := m.Start()
				require.NoError(t, err)
				line := "a AUTHENTICATE " + mech
				if initial && response != nil {
					line += " " + base64.StdEncoding.EncodeToString(response)
					response = nil
				}
				c.send(line + "\r\n")
				for first := true; ; first = false {
					l := c.line()
					text, more := strings.CutPrefix(l, "+ ")
					if !more {
						require.True(t, strings.HasPrefix(l, "a OK [CAPABILITY "), l)
						break
					}
					challenge, err := base64.StdEncoding.DecodeString(text)
					require.NoError(t, err)
					if !first || response == nil {
						response, err = m.Next(challenge)
						require.NoError(t, err)
					}
					c.send(base64.StdEncoding.EncodeToString(response) + "\r\n")
				}
				require.NoError(t, m.Finish())
				c.ok("SELECT INBOX")
			})
		}
	}
}

func TestOnAuth(t *testing.T) {
	attempts := make(chan sasl.Attempt, 10)
	srv := &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true, MaxAuthFailures: 4,
		OnAuth: func(_ context.Context, a sasl.Attempt) { attempts <- a }}
	addr := start(t, srv)
	c := dial(t, addr)
	for _, tc := range []struct {
		cmd, status, mechanism string
		err                    error
	}{
		{"LOGIN fred wrong", "NO [AUTHENTICATIONFAILED] wrong user name or password", "LOGIN", sasl.ErrAuthFailed},
		{"AUTHENTICATE PLAIN AGZyZWQAd3Jvbmc=", "NO [AUTHENTICATIONFAILED] wrong user name or password", "PLAIN", sasl.ErrAuthFailed},
		{"AUTHENTICATE plain !", "BAD ", "", nil},
		{"LOGIN joe secret", "NO [AUTHORIZATIONFAILED] this user has no mail account", "LOGIN", &imap.Error{Code: imap.CodeAuthorizationFailed}},
		{"LOGIN fred secret", "OK ", "LOGIN", nil},
	} {
		_, status := c.cmd(tc.cmd)
		require.True(t, strings.HasPrefix(status, tc.status), status)
		if tc.mechanism == "" {
			continue
		}
		a := <-attempts
		require.Equal(t, tc.mechanism, a.Mechanism)
		require.ErrorIs(t, a.Err, tc.err)
		require.Equal(t, "imap", a.Conn.Service)
		require.Equal(t, "1", a.Conn.ID)
		if a.Err == nil {
			require.Equal(t, "fred", a.Identity)
		}
		require.LessOrEqual(t, a.Failures, 3)
	}
	require.Empty(t, attempts)

	c = dial(t, addr)
	for range 4 {
		_, status := c.cmd("LOGIN fred wrong")
		require.True(t, strings.HasPrefix(status, "NO "), status)
	}
	require.Equal(t, "* BYE [LIMIT] too many failed logins", c.line())

	// A cancelled attempt is a failure, and is reported to OnAuth.
	c = dial(t, addr)
	for range 4 {
		c.send("a AUTHENTICATE PLAIN\r\n")
		require.Equal(t, "+ ", c.line())
		c.send("*\r\n")
		require.True(t, strings.HasPrefix(c.line(), "a BAD "))
	}
	require.Equal(t, "* BYE [LIMIT] too many failed logins", c.line())
	for range 4 {
		<-attempts
	}
	for i := range 4 {
		a := <-attempts
		require.ErrorIs(t, a.Err, sasl.ErrCancelled)
		require.Equal(t, i+1, a.Failures)
	}
}

// An authenticator or a store that is out of service is no failure of the client.
func TestOutage(t *testing.T) {
	down := sasl.AuthFunc(func(_ context.Context, user, _ string) (string, error) {
		if user == "fred" {
			return user, nil
		}
		return "", io.ErrUnexpectedEOF
	})
	store := newStore(t, nil)
	c := dial(t, start(t, &imapserver.Server{Store: store, Authenticator: down, AllowInsecureAuth: true, MaxAuthFailures: 1}))
	for range 3 {
		_, status := c.cmd("LOGIN joe secret")
		require.True(t, strings.HasPrefix(status, "NO [UNAVAILABLE] "), status)
	}
	require.NoError(t, store.Close())
	for range 3 {
		_, status := c.cmd("LOGIN fred secret")
		require.True(t, strings.HasPrefix(status, "NO "), status)
	}
	c.ok("NOOP")
}

// RFC 4422 §5: the proof of SCRAM comes as a challenge, and the response to it
// must be empty.
func TestResponseAfterSuccess(t *testing.T) {
	addr := start(t, &imapserver.Server{Store: newStore(t, nil), AllowInsecureAuth: true})
	for response, status := range map[string]string{"": "a OK ", "YQ==": "a BAD ", "*": "a BAD "} {
		c := dial(t, addr)
		mech := sasl.SCRAM(sasl.SHA256, "fred", "secret", nil)
		initial, err := mech.Start()
		require.NoError(t, err)
		c.send("a AUTHENTICATE " + mech.Name() + " " + sasl.EncodeInitial(initial) + "\r\n")
		challenge, err := sasl.Decode([]byte(strings.TrimPrefix(c.line(), "+ ")))
		require.NoError(t, err)
		final, err := mech.Next(challenge)
		require.NoError(t, err)
		c.send(base64.StdEncoding.EncodeToString(final) + "\r\n")
		require.True(t, strings.HasPrefix(c.line(), "+ "))
		c.send(response + "\r\n")
		line := c.line()
		require.True(t, strings.HasPrefix(line, status), line)
	}
}
