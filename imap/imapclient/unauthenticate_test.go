package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/sasl"
)

// RFC 8437: what belongs to a login ends with it.
func TestUnauthenticate(t *testing.T) {
	ctx := t.Context()
	c, err := login(t, `
S: * OK [CAPABILITY IMAP4rev1 LITERAL+] ready
C: {{tag:}} LOGIN MIKE "PASSWORD"
S: ${tag} OK [CAPABILITY IMAP4rev1 ENABLE UTF8=ACCEPT UNAUTHENTICATE] in
C: {{tag:}} ENABLE UTF8=ACCEPT
S: * ENABLED UTF8=ACCEPT
S: ${tag} OK done
C: {{tag:}} SELECT "Käse"
S: * 3 EXISTS
S: ${tag} OK done
C: {{tag:}} UNAUTHENTICATE
S: ${tag} OK bye, MIKE
C: {{tag:}} CAPABILITY
S: * CAPABILITY IMAP4rev1
S: ${tag} OK done
C: {{tag:}} LOGIN tim "secret"
S: ${tag} OK [CAPABILITY IMAP4rev1] in
C: {{tag:}} SELECT K&AOQ-se
S: * 1 EXISTS
S: ${tag} OK done
`)
	require.NoError(t, err)
	m, err := c.Select(ctx, "Käse", nil)
	require.NoError(t, err)
	require.True(t, c.Enabled().Has(imap.CapUTF8Accept))
	require.NoError(t, c.Unauthenticate(ctx))
	require.ErrorIs(t, m.AddFlags(ctx, imapclient.UIDs(1), "x"), imapclient.ErrNotSelected)
	require.False(t, c.Enabled().Has(imap.CapUTF8Accept))
	require.Equal(t, "IMAP4rev1", c.Capabilities().String())
	require.NoError(t, c.Login(ctx, sasl.Credentials{Username: "tim", Password: "secret"}))
	m, err = c.Select(ctx, "Käse", nil)
	require.NoError(t, err)
	require.Equal(t, 1, m.Exists())
	var unsupported *imapclient.UnsupportedError
	require.ErrorAs(t, c.Unauthenticate(ctx), &unsupported)
}

// A refusal changes nothing, and the deflate of a connection can't be ended.
func TestUnauthenticateRefused(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "UNAUTHENTICATE COMPRESS=DEFLATE", `
C: {{tag:}} SELECT INBOX
S: ${tag} OK done
C: {{tag:}} UNAUTHENTICATE
S: ${tag} NO not now
C: {{tag:}} STORE{{.*}}
S: ${tag} OK done
C: {{tag:}} COMPRESS DEFLATE
S: ${tag} OK done
DEFLATE
C: {{tag:}} NOOP
S: ${tag} OK done
`, nil)
	m, err := c.Select(ctx, "INBOX", nil)
	require.NoError(t, err)
	require.Error(t, c.Unauthenticate(ctx))
	_, err = m.Raw(ctx, imapclient.RawCommand{Name: "STORE", Args: []imap.Value{imap.Atom("1"), imap.Atom("FLAGS"), imap.ListOf()}})
	require.NoError(t, err)
	require.NoError(t, c.Compress(ctx))
	var unsupported *imapclient.UnsupportedError
	require.ErrorAs(t, c.Unauthenticate(ctx), &unsupported)
	require.NoError(t, c.Noop(ctx))
}
