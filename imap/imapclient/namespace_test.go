package imapclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The namespaces of RFC 2342 §5, and names in them.
func TestJoin(t *testing.T) {
	for _, x := range []struct {
		answer string
		levels []string
		want   string // empty: mailbox.ErrInvalidName
	}{
		{`(("" "/")) NIL NIL`, []string{"Lists", "Käse"}, "Lists/Käse"},
		{`(("INBOX." ".")) NIL NIL`, []string{"Lists", "a/b"}, "INBOX.Lists.a/b"},
		{`(("INBOX." ".")) NIL NIL`, []string{"inbox"}, "inbox"},
		{`(("INBOX." ".")) NIL NIL`, []string{"INBOX", "below"}, "INBOX.below"},
		{`(("" "/") ("#mh/" "/" "X-PARAM" ("FLAG1" "FLAG2"))) NIL NIL`, []string{"a"}, "a"},
		{`(("&AOQ-/" "/")) NIL NIL`, []string{"a"}, "ä/a"},
		{`NIL NIL (("" "."))`, []string{"a"}, "a"},
		{`(("" NIL)) NIL NIL`, []string{"a.b/c"}, "a.b/c"},
		{`(("" NIL)) NIL NIL`, []string{"a", "b"}, ""},
		{`(("" ".")) NIL NIL`, []string{"a.b"}, ""},
		{`(("" ".")) NIL NIL`, []string{"a", ""}, ""},
		{`(("" ".")) NIL NIL`, nil, ""},
	} {
		c := scripted(t, "NAMESPACE", "C: {{tag:}} NAMESPACE\nS: * NAMESPACE "+x.answer+"\nS: ${tag} OK done\n", nil)
		for range 2 { // asked once
			got, err := c.Join(t.Context(), x.levels...)
			require.Equal(t, x.want, got, x.answer)
			if x.want == "" {
				require.ErrorIs(t, err, mailbox.ErrInvalidName)
				continue
			}
			require.NoError(t, err)
		}
	}
	c := scripted(t, "", "C: {{tag:}} LIST \"\" \"\"\nS: * LIST (\\Noselect) \"/\" \"\"\nS: ${tag} OK done\n", nil)
	got, err := c.Join(t.Context(), "a", "b")
	require.NoError(t, err)
	require.Equal(t, "a/b", got)
	c = scripted(t, "NAMESPACE", "C: {{tag:}} NAMESPACE\nS: ${tag} NO no\n", nil)
	_, err = c.Join(t.Context(), "a", "b")
	require.Error(t, err)
}
