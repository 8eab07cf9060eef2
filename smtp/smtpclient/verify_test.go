package smtpclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// RFC 6531 §3.7.4.2: the client takes UTF-8 wherever the server knows it.
func TestVerifyUTF8(t *testing.T) {
	ctx := t.Context()
	c, err := smtpclient.NewClient(ctx, testutil.Script(t, `S: 220 hi
C* EHLO
S: 250-x
S: 250 SMTPUTF8
C: VRFY müller SMTPUTF8
S: 250 2.1.5 Jörg Müller <müller@example.org>
C: VRFY jim SMTPUTF8
S: 252 2.5.0 perhaps
C: EXPN list SMTPUTF8
S: 250-2.1.5 <jörg@example.org>
S: 250 2.1.5 <jim@example.org>
C: VRFY SMTPUTF8 SMTPUTF8
S: 550 5.1.1 no
C: NOOP
S: 250 ok`), nil)
	require.NoError(t, err)
	defer c.Close()
	r, err := c.Verify(ctx, "müller")
	require.NoError(t, err)
	require.Equal(t, "Jörg Müller <müller@example.org>", r.Text)
	r, err = c.Verify(ctx, "jim")
	require.NoError(t, err)
	require.Equal(t, 252, r.Code)
	r, err = c.Expand(ctx, "list")
	require.NoError(t, err)
	require.Equal(t, "<jörg@example.org>\n<jim@example.org>", r.Text)
	_, err = c.Verify(ctx, "SMTPUTF8")
	require.ErrorIs(t, err, &smtp.Error{Code: 550})
	for _, bad := range []string{"", "a\r\nRSET", "m\xfcller", "a\u0085b", "a\x7f"} {
		_, err = c.Verify(ctx, bad)
		require.ErrorContains(t, err, "smtpclient: VRFY: name", "%q", bad)
	}
	require.NoError(t, c.Noop(ctx))
}

// Without SMTPUTF8, or where it is disabled, names are in ASCII.
func TestVerifyASCII(t *testing.T) {
	ctx := t.Context()
	for _, tc := range []struct {
		ehlo    string
		options smtpclient.Options
	}{
		{ehlo: "S: 250 x"},
		{ehlo: "S: 250-x\nS: 250 SMTPUTF8", options: smtpclient.Options{Disable: smtp.ExtensionsOf(smtp.ExtSMTPUTF8)}},
	} {
		c, err := smtpclient.NewClient(ctx, testutil.Script(t, "S: 220 hi\nC* EHLO\n"+tc.ehlo+`
C: VRFY jim
S: 250 2.1.5 Jim <jim@example.org>
C: EXPN list
S: 252 2.5.0 perhaps
C: NOOP
S: 250 ok`), &tc.options)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Verify(ctx, "jim")
		require.NoError(t, err)
		_, err = c.Expand(ctx, "list")
		require.NoError(t, err)
		var missing *smtp.UnsupportedError
		_, err = c.Verify(ctx, "müller")
		require.ErrorAs(t, err, &missing)
		require.Equal(t, smtp.ExtSMTPUTF8, missing.Extension)
		_, err = c.Expand(ctx, "müllers")
		require.ErrorAs(t, err, &missing)
		require.NoError(t, c.Noop(ctx))
	}
}
