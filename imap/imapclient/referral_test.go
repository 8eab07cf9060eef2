package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/sasl"
)

func login(t *testing.T, script string) (*imapclient.Client, error) {
	t.Helper()
	srv := transcript.Serve(t, script, nil)
	c, err := imapclient.NewClient(t.Context(), srv.Dial(), &imapclient.Options{
		Credentials: &sasl.Credentials{Username: "MIKE", Password: "PASSWORD"}, AllowInsecureAuth: true, ID: imap.IDFields{}})
	if c != nil {
		t.Cleanup(func() { c.Close() })
	}
	return c, err
}

// RFC 2221 §4.1, §4.2 and §4.3.
func TestLoginReferral(t *testing.T) {
	_, err := login(t, `
S: * OK [CAPABILITY IMAP4rev1 LOGIN-REFERRALS] ready
C: {{tag:}} LOGIN MIKE "PASSWORD"
S: ${tag} NO [REFERRAL IMAP://MIKE@SERVER2/] Specified user is invalid on this server. Try SERVER2.
`)
	urls, ok := imapclient.Referral(err)
	require.True(t, ok)
	require.Equal(t, []string{"IMAP://MIKE@SERVER2/"}, urls)
	require.ErrorIs(t, err, sasl.ErrAuthFailed)

	c, err := login(t, `
S: * OK [CAPABILITY IMAP4rev1 LOGIN-REFERRALS] ready
C: {{tag:}} LOGIN MIKE "PASSWORD"
S: ${tag} OK [REFERRAL IMAP://MATTHEW@SERVER2/] Specified user's personal mailboxes located on Server2, but public mailboxes are available.
C: {{tag:}} CAPABILITY
S: * CAPABILITY IMAP4rev1
S: ${tag} OK done
`)
	require.NoError(t, err)
	require.Equal(t, []string{"IMAP://MATTHEW@SERVER2/"}, c.LoginReferral())

	_, err = login(t, "S: * BYE [REFERRAL IMAP://user;AUTH=GSSAPI@SERVER2/] Server not accepting connections. Try SERVER2\n")
	urls, ok = imapclient.Referral(err)
	require.True(t, ok)
	require.Equal(t, []string{"IMAP://user;AUTH=GSSAPI@SERVER2/"}, urls)
}

// RFC 2193 §4.
func TestMailboxReferral(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "MAILBOX-REFERRALS", `
C: {{tag:}} DELETE SHARED/FOO
S: ${tag} NO [REFERRAL IMAP://user;AUTH=*@SERVER2/SHARED/FOO] Remote mailbox. Try SERVER2.
C: {{tag:}} SELECT REMOTE
S: ${tag} NO [REFERRAL IMAP://user;AUTH=*@SERVER2/REMOTE IMAP://user;AUTH=*@SERVER3/REMOTE] Remote mailbox. Try SERVER2 or SERVER3.
C: {{tag:}} RENAME FOO BAR
S: ${tag} NO [REFERRAL IMAP://user;AUTH=*@SERVER1/FOO IMAP://user;AUTH=*@SERVER2/BAR] Unable to rename mailbox across servers
C: {{tag:}} CREATE x
S: ${tag} NO [REFERRAL] nothing
C: {{tag:}} CREATE x
S: ${tag} NO no
`, nil)
	urls, ok := imapclient.Referral(c.Delete(ctx, "SHARED/FOO"))
	require.True(t, ok)
	require.Equal(t, []string{"IMAP://user;AUTH=*@SERVER2/SHARED/FOO"}, urls)
	_, err := c.Select(ctx, "REMOTE", nil)
	urls, ok = imapclient.Referral(err)
	require.True(t, ok)
	require.Equal(t, []string{"IMAP://user;AUTH=*@SERVER2/REMOTE", "IMAP://user;AUTH=*@SERVER3/REMOTE"}, urls)
	urls, _ = imapclient.Referral(c.Rename(ctx, "FOO", "BAR"))
	require.Len(t, urls, 2)
	for range 2 {
		_, ok = imapclient.Referral(c.Create(ctx, "x"))
		require.False(t, ok)
	}
	_, ok = imapclient.Referral(nil)
	require.False(t, ok)
	require.Nil(t, imapclient.CodeArg(nil))
}
