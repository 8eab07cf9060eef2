package mailbox

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestCanonicalName(t *testing.T) {
	for in, want := range map[string]string{
		"inbox":               "INBOX",
		"Inbox/Lists":         "INBOX/Lists",
		"InBoxes":             "InBoxes",
		"a/inbox":             "a/inbox",
		"Entwu\u0308rfe":      "Entwürfe",
		"\xff":                "\xff",
		"":                    "",
		"INBOX":               "INBOX",
		"\u212bngstro\u0308m": "\u00c5ngstr\u00f6m",
	} {
		require.Equal(t, want, CanonicalName(in), "%q", in)
	}
}

func TestValidName(t *testing.T) {
	for _, name := range []string{"INBOX", "a", "a/b/c", "Entwürfe", "日本語", "a b", " a ", "...", "a.b", ".a", "#news", "~", `back\slash`, `"`, "&", strings.Repeat("x", DefaultMaxNameLength), strings.Repeat("a/", DefaultMaxNameDepth-1) + "a"} {
		require.NoError(t, ValidName(name, Limits{}), "%q", name)
	}
	for _, name := range []string{
		"", "/", "/a", "a/", "a//b", ".", "..", "a/./b", "../a", "a/..", "*", "a%b",
		"a\x00", "a\nb", "a\rb", "\t", "\x7f", "a\u0085", "a\u2028b", "a\u2029", "\xff", "Entwu\u0308rfe",
		strings.Repeat("x", DefaultMaxNameLength+1), strings.Repeat("a/", DefaultMaxNameDepth) + "a",
	} {
		require.ErrorIs(t, ValidName(name, Limits{}), ErrInvalidName, "%q", name)
	}
	require.NoError(t, ValidName("abc", Limits{MaxNameLength: 3}))
	require.ErrorIs(t, ValidName("abcd", Limits{MaxNameLength: 3}), ErrInvalidName)
	require.NoError(t, ValidName("a/b/c", Limits{MaxNameDepth: 3}))
	require.ErrorIs(t, ValidName("a/b/c/d", Limits{MaxNameDepth: 3}), ErrInvalidName)
	require.NoError(t, ValidName(strings.Repeat("a/", 3000)+"b", Limits{MaxNameDepth: -1, MaxNameLength: -1}))
}

func FuzzName(f *testing.F) {
	f.Add("iNbOx/a")
	f.Add("e\u0301")
	f.Fuzz(func(t *testing.T, name string) {
		c := CanonicalName(name)
		require.Equal(t, c, CanonicalName(c))
		_ = ValidName(c, Limits{})
	})
}

func TestSpecialUse(t *testing.T) {
	n := 0
	for u := range SpecialUses.All() {
		n++
		back, ok := ParseSpecialUse(strings.ToLower(u.String()))
		require.True(t, ok)
		require.Equal(t, u, back)
	}
	require.Equal(t, 8, n)
	require.Equal(t, `\Sent \Trash`, (UseSent | UseTrash).String())
	require.Equal(t, `\Important`, UseImportant.String())
	require.Equal(t, "", SpecialUse(0).String())
	_, ok := ParseSpecialUse(`\Inbox`)
	require.False(t, ok)
	_, ok = ParseSpecialUse(`\All \Sent`)
	require.False(t, ok)
}
