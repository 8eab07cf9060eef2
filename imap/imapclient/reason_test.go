package imapclient_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// What servers answer to commands of the authenticated state.
func TestDiagnose(t *testing.T) {
	for _, x := range []struct {
		who, answer string // without the tag
		want        imapclient.Reason
	}{
		{"Yahoo (Q38)", "NO [SERVERBUG] UID SEARCH Server error - Please try again later", imapclient.ReasonUnavailable},
		{"Yahoo", "NO [LIMIT] CAPABILITY Rate limit hit.", imapclient.ReasonThrottled},
		{"Exchange (Q46)", "NO Server Unavailable. 15", imapclient.ReasonUnavailable},
		{"Exchange (Q45)", "BAD Command Error. 10", imapclient.ReasonUnsupported},
		{"163 (Q48)", "NO SELECT Unsafe Login. Please contact kefu@188.com for help", imapclient.ReasonAccess},
		{"163 (Q48)", "NO EXAMINE Unsafe Login. Please contact kefu@188.com for help", imapclient.ReasonAccess},
		{"Office 365 (Q49)", "BAD User is authenticated but not connected.", imapclient.ReasonToken},
		{"Office 365", "NO Request is throttled. Suggested Backoff Time: 299609 milliseconds", imapclient.ReasonThrottled},
		{"Office 365", "BAD Request is throttled. Suggested Backoff Time: 89117 milliseconds", imapclient.ReasonThrottled},
		{"Gmail (Q51)", "NO [ALERT] Too many simultaneous connections. (Failure)", imapclient.ReasonConnections},
		{"Gmail (Q51)", "NO [OVERQUOTA] Account exceeded command or bandwidth limits.", imapclient.ReasonThrottled},
		{"Gmail", "NO System Error (Failure)", imapclient.ReasonUnavailable},
		{"Dovecot", "NO [OVERQUOTA] Quota exceeded (mailbox for user is full)", imapclient.ReasonOverQuota},
		{"Dovecot", "NO [NONEXISTENT] Unknown Mailbox: too (0.001 + 0.000 secs).", imapclient.ReasonGone},
		{"without a code", "NO Mailbox does not exist", imapclient.ReasonGone},
		{"Cyrus", "NO Mailbox is locked by POP server", imapclient.ReasonBusy},
		{"RFC 5530", "NO [INUSE] Mailbox in use. Please try again later.", imapclient.ReasonBusy},
		{"RFC 5530", "NO [NOPERM] Access denied", imapclient.ReasonPermission},
		{"RFC 5530", "NO [LIMIT] At most 32 flags in one mailbox supported", imapclient.ReasonUnsupported},
		{"RFC 5530", "NO [EXPUNGEISSUED] Could not fetch the body of 1:3", imapclient.ReasonGone},
		{"RFC 5530", "NO [CANNOT] \"/\" is not allowed", imapclient.ReasonUnsupported},
		{"RFC 5530", "NO [UNAVAILABLE] User's backend down for maintenance.", imapclient.ReasonUnavailable},
		{"RFC 5530", "NO [CONTACTADMIN] call us", imapclient.ReasonAccess},
		{"nobody", "NO nothing that is known", imapclient.ReasonUnknown},
	} {
		c := scripted(t, "", "C: {{tag:}} DELETE x\nS: ${tag} "+x.answer+"\n", nil)
		err := c.Delete(t.Context(), "x")
		require.Error(t, err)
		require.Equal(t, x.want, imapclient.Diagnose(err), "%s: %s", x.who, x.answer)
	}
}

// What servers answer to a login.
func TestDiagnoseLogin(t *testing.T) {
	for _, x := range []struct {
		who, answer string
		want        imapclient.Reason
	}{
		{"Gmail", "NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)", imapclient.ReasonCredentials},
		{"Gmail", "NO [ALERT] Application-specific password required: https://support.google.com/accounts/answer/185833 (Failure)", imapclient.ReasonCredentials},
		{"Gmail", "NO [ALERT] Please log in via your web browser: https://support.google.com/mail/accounts/answer/78754 (Failure)", imapclient.ReasonAccess},
		{"Gmail", "NO [WEBALERT https://accounts.google.com/signin/continue?sarp=1] Web login required.", imapclient.ReasonAccess},
		{"Gmail (Q51)", "NO [ALERT] Too many simultaneous connections. (Failure)", imapclient.ReasonConnections},
		{"iCloud", "NO [AUTHENTICATIONFAILED] Authentication failed", imapclient.ReasonCredentials},
		{"Outlook", "NO LOGIN failed.", imapclient.ReasonCredentials},
		{"Outlook", "NO AUTHENTICATE failed.", imapclient.ReasonCredentials},
		{"Office 365 (Q49)", "BAD User is authenticated but not connected.", imapclient.ReasonToken},
		{"163", "NO LOGIN Login error or password error", imapclient.ReasonCredentials},
		{"QQ", "NO Login fail. Account is abnormal, service is not open, password is incorrect, login frequency limited, or system is busy.", imapclient.ReasonCredentials},
		{"Yandex", "NO [AUTHENTICATIONFAILED] LOGIN invalid credentials or IMAP is disabled sc=ebI8JB0ug4Y1_290737_53p", imapclient.ReasonCredentials},
		{"Yahoo", "NO [LIMIT] LOGIN Rate limit hit.", imapclient.ReasonThrottled},
		{"Dovecot", "NO [UNAVAILABLE] Maximum number of connections from user+IP exceeded (mail_max_userip_connections=30)", imapclient.ReasonConnections},
		{"Dovecot", "NO [LIMIT] no more", imapclient.ReasonConnections},
		{"Dovecot", "NO [UNAVAILABLE] Temporary authentication failure.", imapclient.ReasonUnavailable},
		{"RFC 5530", "NO [EXPIRED] That password isn't valid any more", imapclient.ReasonCredentials},
		{"RFC 5530", "NO [AUTHORIZATIONFAILED] No such authorization-ID", imapclient.ReasonPermission},
		{"RFC 5530", "NO [PRIVACYREQUIRED] Connection offers no privacy", imapclient.ReasonInsecure},
		{"nobody", "NO no", imapclient.ReasonCredentials},
	} {
		srv := transcript.Serve(t, "S: * OK [CAPABILITY IMAP4rev1] hi\nC: {{tag:}} LOGIN tim \"secret\"\nS: ${tag} "+x.answer+"\n", nil)
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), &imapclient.Options{
			Credentials: &sasl.Credentials{Username: "tim", Password: "secret"}, AllowInsecureAuth: true})
		require.Error(t, err)
		require.Equal(t, x.want, imapclient.Diagnose(err), "%s: %s: %v", x.who, x.answer, err)
	}
}

// A token that Google refuses (Q50): the challenge is answered, then comes NO.
func TestDiagnoseToken(t *testing.T) {
	srv := transcript.Serve(t, `
S: * OK [CAPABILITY IMAP4rev1 SASL-IR AUTH=XOAUTH2] Gimap ready
C: {{tag:}} AUTHENTICATE XOAUTH2 {{.+}}
S: + eyJzdGF0dXMiOiJpbnZhbGlkX3JlcXVlc3QiLCJzY29wZSI6Imh0dHBzOi8vbWFpbC5nb29nbGUuY29tLyJ9
C: {{.*}}
S: ${tag} NO [AUTHENTICATIONFAILED] Invalid credentials (Failure)
`, nil)
	_, err := imapclient.NewClient(t.Context(), srv.Dial(), &imapclient.Options{AllowInsecureAuth: true, Credentials: &sasl.Credentials{
		Username: "tim", Token: func(context.Context) (string, error) { return "old", nil }}})
	require.Equal(t, imapclient.ReasonToken, imapclient.Diagnose(err), "%v", err)
	var token *sasl.OAuthError
	require.ErrorAs(t, err, &token)
	require.Equal(t, "https://mail.google.com/", token.Scope)
}

// Greetings that are none (Q14, Q15), and an untagged BAD instead of an answer (Q16).
func TestDiagnoseGreeting(t *testing.T) {
	for greeting, want := range map[string]imapclient.Reason{
		" NO LOGOUT Intrusion prevention active for 50.***.***.***":               imapclient.ReasonAccess,
		"421 Server is busy, try again later.":                                    imapclient.ReasonUnavailable,
		"* BYE Too many connections from your address":                            imapclient.ReasonConnections,
		"* BYE [UNAVAILABLE] down":                                                imapclient.ReasonUnavailable,
		"* BYE Connection closed. 14":                                             imapclient.ReasonConnection,
		"* BAD [ALERT] Please enable IMAP access in your account settings first.": imapclient.ReasonAccess,
	} {
		srv := transcript.Serve(t, fmt.Sprintf("S- %q\nCLOSE\n", greeting+"\r\n"), nil)
		_, err := imapclient.NewClient(t.Context(), srv.Dial(), nil)
		require.Error(t, err)
		require.Equal(t, want, imapclient.Diagnose(err), "%s: %v", greeting, err)
		require.ErrorContains(t, err, greeting[len(greeting)-4:])
	}
}

func TestDiagnoseOthers(t *testing.T) {
	timeout, cancel := context.WithTimeout(t.Context(), time.Nanosecond)
	defer cancel()
	<-timeout.Done()
	for _, x := range []struct {
		err  error
		want imapclient.Reason
	}{
		{nil, imapclient.ReasonUnknown},
		{io.EOF, imapclient.ReasonConnection},
		{imapclient.ErrClosed, imapclient.ReasonConnection},
		{&net.OpError{Op: "dial", Err: os.ErrDeadlineExceeded}, imapclient.ReasonConnection},
		{&textproto.TimeoutError{Op: "read"}, imapclient.ReasonConnection},
		{&imapclient.InterruptedError{Err: timeout.Err()}, imapclient.ReasonInterrupted},
		{timeout.Err(), imapclient.ReasonInterrupted},
		{imapclient.ErrNoStartTLS, imapclient.ReasonInsecure},
		{sasl.ErrEncryptionNeeded, imapclient.ReasonInsecure},
		{sasl.ErrUnsupported, imapclient.ReasonUnsupported},
		{&imapclient.UnsupportedError{}, imapclient.ReasonUnsupported},
		{fmt.Errorf("x: %w", mailbox.ErrNotExist), imapclient.ReasonGone},
		{&imapclient.CommandError{Err: imapclient.ErrUIDValidity}, imapclient.ReasonGone},
		{fmt.Errorf("x"), imapclient.ReasonUnknown},
	} {
		require.Equal(t, x.want, imapclient.Diagnose(x.err), "%v", x.err)
	}
	names := map[string]bool{}
	for r := imapclient.ReasonUnknown; r <= imapclient.ReasonInterrupted; r++ {
		require.False(t, names[r.String()], r)
		names[r.String()] = true
	}
	require.Equal(t, "unknown", imapclient.Reason(200).String())
	require.True(t, imapclient.ReasonThrottled.Temporary())
	require.False(t, imapclient.ReasonCredentials.Temporary())
	err := &imapclient.CommandError{Err: &imap.Error{Status: imap.BAD, Text: "Request is throttled. Suggested Backoff Time: 89117 milliseconds"}}
	require.Equal(t, 89117*time.Millisecond, imapclient.RetryAfter(err))
	require.Zero(t, imapclient.RetryAfter(io.EOF))
	require.Zero(t, imapclient.RetryAfter(&imap.Error{Text: "Suggested Backoff Time: none"}))
}
