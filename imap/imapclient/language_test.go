package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// The examples of RFC 5255 §3.2 and §4.7.
func TestLanguage(t *testing.T) {
	ctx := t.Context()
	c := scripted(t, "LANGUAGE I18NLEVEL=2 NAMESPACE", `
C: {{tag:}} LANGUAGE MUL
S: ${tag} NO Unsupported language MUL
C: {{tag:}} LANGUAGE
S: * LANGUAGE (EN DE IT i-default)
S: ${tag} OK Supported languages have been enumerated
C: {{tag:}} LANGUAGE DE
S: * LANGUAGE (DE)
S: * NAMESPACE (("" "/")) (("Other Users/" "/" "TRANSLATION" ("Andere Ben&APw-tzer/"))) (("Public Folders/" "/" "TRANSLATION" ("Gemeinsame Postf&AM8-cher/")))
S: ${tag} OK Sprachwechsel durch LANGUAGE-Befehl ausgefuehrt
C: {{tag:}} LANGUAGE default
S: * LANGUAGE (DE)
S: ${tag} OK done
C: {{tag:}} COMPARATOR "cz;*" i;basic
S: * COMPARATOR i;basic
S: ${tag} OK Will use i;basic for collation
C: {{tag:}} COMPARATOR "i;*"
S: * COMPARATOR i;basic (i;basic i;ascii-numeric)
S: ${tag} OK done
C: {{tag:}} COMPARATOR nl
S: ${tag} NO [BADCOMPARATOR] none
C: {{tag:}} COMPARATOR
S: ${tag} OK nothing
`, nil)
	_, err := c.Language(ctx, "MUL")
	require.ErrorIs(t, err, &imap.Error{Status: imap.NO})
	tags, err := c.Language(ctx)
	require.NoError(t, err)
	require.Equal(t, []string{"EN", "DE", "IT", "i-default"}, tags)
	tags, err = c.Language(ctx, "DE")
	require.NoError(t, err)
	require.Equal(t, []string{"DE"}, tags)
	name, err := c.Join(ctx, "a", "b") // NAMESPACE is known
	require.NoError(t, err)
	require.Equal(t, "a/b", name)
	_, err = c.Language(ctx, "default")
	require.NoError(t, err)

	data, err := c.Comparator(ctx, "cz;*", "i;basic")
	require.NoError(t, err)
	require.Equal(t, "i;basic", data.Active)
	data, err = c.Comparator(ctx, "i;*")
	require.NoError(t, err)
	require.Equal(t, []string{"i;basic", "i;ascii-numeric"}, data.Available)
	_, err = c.Comparator(ctx, "nl")
	require.ErrorIs(t, err, &imap.Error{Code: imap.CodeBadComparator})
	_, err = c.Comparator(ctx)
	require.ErrorIs(t, err, imapclient.ErrItemMissing)

	var unsupported *imapclient.UnsupportedError
	c = scripted(t, "I18NLEVEL=1", "", nil)
	_, err = c.Language(ctx)
	require.ErrorAs(t, err, &unsupported)
	_, err = c.Comparator(ctx)
	require.ErrorAs(t, err, &unsupported)
}

// RFC 9698 §4.
func TestJMAPURL(t *testing.T) {
	c := scripted(t, "JMAPACCESS", `
C: {{tag:}} GETJMAPACCESS
S: * JMAPACCESS "https://example.com/.s/[jmap]"
S: ${tag} OK done
C: {{tag:}} GETJMAPACCESS
S: ${tag} NO not here
`, nil)
	url, err := c.JMAPURL(t.Context())
	require.NoError(t, err)
	require.Equal(t, "https://example.com/.s/[jmap]", url)
	_, err = c.JMAPURL(t.Context())
	require.ErrorIs(t, err, &imap.Error{Status: imap.NO})
	c = scripted(t, "", "", nil)
	var unsupported *imapclient.UnsupportedError
	_, err = c.JMAPURL(t.Context())
	require.ErrorAs(t, err, &unsupported)
}
