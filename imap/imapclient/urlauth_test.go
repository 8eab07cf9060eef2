package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// The examples of RFC 4467 §7 and §8.
func TestURLAuth(t *testing.T) {
	ctx := t.Context()
	const url = "imap://joe@example.com/INBOX/;uid=20/;section=1.2;urlauth=submit+fred"
	const full = url + ":internal:91354a473744909de610943775f92038"
	c := scripted(t, "URLAUTH", `
C: {{tag:}} RESETKEY
S: ${tag} OK All keys removed
C: {{tag:}} RESETKEY INBOX
S: ${tag} OK [URLMECH INTERNAL] mechs
C: {{tag:}} RESETKEY INBOX XSAMPLE
S: ${tag} OK [URLMECH INTERNAL XSAMPLE=P34OKhO7VEkCbsiYY8rGEg==] done
C: {{tag:}} GENURLAUTH "imap://joe@example.com/INBOX/;uid=20/;section=1.2" INTERNAL
S: ${tag} BAD missing access identifier in supplied URL
C: {{tag:}} GENURLAUTH "`+url+`" INTERNAL
S: * GENURLAUTH "`+full+`"
S: ${tag} OK GENURLAUTH completed
C: {{tag:}} GENURLAUTH "`+url+`" XSAMPLE
S: ${tag} OK nothing
C: {{t1:}} URLFETCH "`+full+`"
C: {{t2:}} URLFETCH "imap://a"
C: {{t3:}} URLFETCH "imap://b"
S: * URLFETCH "`+full+`" ${lit "Si vis pacem, para bellum.\r\n"}
S: ${t1} OK URLFETCH completed
S: * URLFETCH "imap://b" ""
S: * URLFETCH "imap://a" NIL
S: ${t2} OK URLFETCH completed
S: ${t3} NO [UNAVAILABLE] sorry
`, nil)
	mechs, err := c.ResetKey(ctx, "", "XSAMPLE")
	require.NoError(t, err)
	require.Empty(t, mechs)
	mechs, err = c.ResetKey(ctx, "INBOX")
	require.NoError(t, err)
	require.Equal(t, []imap.URLMech{{Name: "INTERNAL"}}, mechs)
	mechs, err = c.ResetKey(ctx, "INBOX", "XSAMPLE")
	require.NoError(t, err)
	require.Len(t, mechs[1].Data, 16)
	_, err = c.GenURLAuth(ctx, "", "imap://joe@example.com/INBOX/;uid=20/;section=1.2")
	require.ErrorIs(t, err, &imap.Error{Status: imap.BAD})
	urls, err := c.GenURLAuth(ctx, imap.URLAuthInternal, url)
	require.NoError(t, err)
	require.Equal(t, []string{full}, urls)
	_, err = c.GenURLAuth(ctx, "XSAMPLE", url)
	require.ErrorIs(t, err, imapclient.ErrItemMissing)
	var got []string
	var errs []error
	for d, err := range c.URLFetch(ctx, imap.URLRequest{URL: full, Items: imap.URLBody}, imap.URLRequest{URL: "imap://a"}, imap.URLRequest{URL: "imap://b"}) {
		got = append(got, string(d.Body))
		errs = append(errs, err)
	}
	require.Equal(t, []string{"Si vis pacem, para bellum.\r\n", "", ""}, got)
	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], imapclient.ErrItemMissing)
	require.ErrorIs(t, errs[2], &imap.Error{Code: imap.CodeUnavailable})
	require.NotContains(t, errs[1].Error(), "imap://") // a secret

	var unsupported *imapclient.UnsupportedError
	for _, err := range c.URLFetch(ctx, imap.URLRequest{URL: full, Items: imap.URLBinary}) {
		require.ErrorAs(t, err, &unsupported)
	}
}

// What is longer than Limits costs that URL alone.
func TestURLFetchLimit(t *testing.T) {
	c := scripted(t, "URLAUTH URLAUTH=BINARY", `
C: {{t1:}} URLFETCH ("imap://a" BINARY)
C: {{t2:}} URLFETCH ("imap://b" BODY BINARY)
S: * URLFETCH "imap://a" (BINARY ~${lit 3000 "0123456789"})
S: ${t1} OK done
S: * URLFETCH "imap://b" (BODY "Yg==") (BINARY "b")
S: ${t2} OK done
C: {{tag:}} NOOP
S: ${tag} OK done
`, &imapclient.Options{Limits: imapclient.Limits{Response: 20000}})
	n := 0
	for d, err := range c.URLFetch(t.Context(), imap.URLRequest{URL: "imap://a", Items: imap.URLBinary}, imap.URLRequest{URL: "imap://b", Items: imap.URLBinary | imap.URLBody}) {
		if n++; n == 1 {
			var limit *imapclient.LimitError
			require.ErrorAs(t, err, &limit)
			continue
		}
		require.NoError(t, err)
		require.Equal(t, "b", string(d.Binary))
		require.Equal(t, "Yg==", string(d.Body))
	}
	require.Equal(t, 2, n)
	require.NoError(t, c.Noop(t.Context()))
}
