package grammar

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
)

// The examples of RFC 5255 §3.2 and §4.7.
func TestLanguage(t *testing.T) {
	for line, want := range map[string]imap.Command{
		"LANGUAGE":                  &imap.Language{},
		"LANGUAGE FR-CA EN-CA":      &imap.Language{Ranges: []string{"FR-CA", "EN-CA"}},
		`LANGUAGE "default"`:        &imap.Language{Ranges: []string{"default"}},
		`COMPARATOR "cz;*" i;basic`: &imap.Comparator{Order: []string{"cz;*", "i;basic"}},
	} {
		cmd, err := parseOne(t, line)
		require.NoError(t, err)
		require.Equal(t, want, cmd)
	}
	for line, want := range map[string]Response{
		"* LANGUAGE (EN DE IT i-default)":              &imap.LanguageData{Tags: []string{"EN", "DE", "IT", "i-default"}},
		"* COMPARATOR i;basic":                         &imap.ComparatorData{Active: "i;basic"},
		`* COMPARATOR "a" (i;basic "i;ascii-numeric")`: &imap.ComparatorData{Active: "a", Available: []string{"i;basic", "i;ascii-numeric"}},
		`* NAMESPACE (("" "/"))(("Other Users/" "/" "TRANSLATION" ("Andere Ben&APw-tzer/"))) (("Public Folders/" "/" "TRANSLATION" ("Gemeinsame Postf&AM8-cher/")))`: &imap.NamespaceData{
			Personal:   []imap.NamespaceEntry{{Separator: '/'}},
			OtherUsers: []imap.NamespaceEntry{{Prefix: "Other Users/", Separator: '/', Translation: "Andere Benützer/"}},
			Shared:     []imap.NamespaceEntry{{Prefix: "Public Folders/", Separator: '/', Translation: "Gemeinsame PostfÏcher/"}},
		},
		`* NAMESPACE (("" "/" "X" ("a" "b") "TRANSLATION" NIL NIL)) NIL NIL`: &imap.NamespaceData{
			Personal: []imap.NamespaceEntry{{Separator: '/', Extensions: []imap.NamespaceExtension{{Name: "X", Values: []string{"a", "b"}}, {Name: "TRANSLATION"}}}}},
	} {
		resp, err := readOne(t, line)
		require.NoError(t, err, line)
		require.Equal(t, want, resp)
	}
}

func TestJMAPAccess(t *testing.T) {
	resp, err := readOne(t, `* JMAPACCESS "https://example.com/.s/[jmap]"`)
	require.NoError(t, err)
	require.Equal(t, &imap.JMAPAccessData{URL: "https://example.com/.s/[jmap]"}, resp)
}
