package imapserver

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// matchName reports whether a name matches a pattern.
func matchName(pattern, name string) bool {
	levels := compilePatterns("", []string{pattern}, len(name)).match(name, len(name))
	return levels[0].matched
}

func TestMatchName(t *testing.T) {
	for _, tc := range []struct {
		pattern, name string
		want          bool
	}{
		{"*", "a/b/c", true},
		{"%", "a", true},
		{"%", "a/b", false},
		{"%/%", "a/b", true},
		{"a*c", "a/b/c", true},
		{"a%c", "a/b/c", false},
		{"a%c", "abc", true},
		{"a%", "a", true},
		{"a*", "a", true},
		{"*%*", "", true},
		{"a", "", false},
		{"a/", "a", false},
		{"a", "a", true},
		{"a", "ab", false},
		{"inbox", "INBOX", true},
		{"InB*", "INBOX/sub", true},
		{"InB%/Sub", "INBOX/Sub", true},
		{"*nbox", "INBOX", true},
		{"inbox/SUB", "INBOX/sub", false},
		{"inbox", "INBOXES", false},
		{"%x", "INBOX", true},
		{"ä*", "äö", true},
		{"a", "A", false},
		{"*b", "aab", true},
		{"*ab*ab", "abab", true},
		{"*ab*ab", "aba", false},
		{strings.Repeat("a", 200) + "%b", strings.Repeat("a", 220) + "b", true},
		{"*" + strings.Repeat("a", 200) + "%b", strings.Repeat("a", 220) + "b", true},
		{"*" + strings.Repeat("a", 200) + "%b", strings.Repeat("a", 199) + "/ab", false},
	} {
		require.Equal(t, tc.want, matchName(tc.pattern, tc.name), "%q %q", tc.pattern, tc.name)
	}
}

// The cost of matching is bounded by the lengths of name and pattern, whatever
// wildcards the latter has, and its superiors cost nothing more.
func TestMatchSteps(t *testing.T) {
	flat, nested := strings.Repeat("a", 1000), strings.Repeat("a/", 500)+"b"
	for _, text := range []string{
		strings.Repeat("*%", 2000) + "x", strings.Repeat("*a", 400) + "x", strings.Repeat("%a", 400) + "x",
		strings.Repeat("*a%", 400) + "x", strings.Repeat("*/%", 400) + "x", strings.Repeat("a%", 400) + "x",
	} {
		for _, name := range []string{flat, nested} {
			ps := compilePatterns("", []string{text}, len(name))
			require.Len(t, ps.list, 1)
			require.False(t, ps.match(name, len(name))[0].matched)
			alone := ps.steps
			require.LessOrEqual(t, alone, len(name)*(ps.list[0].octets/64+1)+1)
			ps.steps = 0
			ps.match(name, 0)
			require.Equal(t, alone, ps.steps)
		}
	}
	// Most patterns are refused, or decided, at a glance.
	ps := compilePatterns("", []string{"A/%", "b*", "a/b", "a/b", strings.Repeat("x", 1001), ""}, 1000)
	require.Len(t, ps.list, 3, "once each, and none that no name can match")
	require.False(t, ps.match(nested, 0)[500].matched)
	require.Equal(t, 3, ps.steps)
}

// Superiors are matched as if they were names.
func TestMatchSuperiors(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	random := func(n int, letters string) string {
		b := make([]byte, r.IntN(n)+1)
		for i := range b {
			b[i] = letters[r.IntN(len(letters))]
		}
		return string(b)
	}
	for range 20_000 {
		texts := []string{random(6, "ab/*%"), random(6, "aN/*%")}
		name := random(12, "ab/")
		if r.IntN(3) == 0 {
			name = mailbox.Inbox + "/" + name
		}
		from := r.IntN(len(name) + 1)
		for _, l := range compilePatterns("", texts, len(name)).match(name, from) {
			require.True(t, l.end >= from || l.end == len(name))
			matched, deep := false, false
			for _, text := range texts {
				if matchName(text, name[:l.end]) {
					matched, deep = true, deep || strings.HasSuffix(text, "%")
				}
			}
			require.Equal(t, matched, l.matched, "%q %q", texts, name[:l.end])
			require.Equal(t, deep, l.deep, "%q %q", texts, name[:l.end])
		}
	}
}

func FuzzMatchName(f *testing.F) {
	f.Add("a*b%c", "aXbYc")
	f.Fuzz(func(t *testing.T, pattern, name string) {
		if len(pattern) > 8 || pattern == "" || len(name) > 12 || strings.HasPrefix(name, "INBOX") {
			return
		}
		require.Equal(t, slowMatch(pattern, name), matchName(pattern, name))
	})
}

// slowMatch is matchName by its definition.
func slowMatch(pattern, name string) bool {
	if pattern == "" {
		return name == ""
	}
	switch c := pattern[0]; c {
	case '*', '%':
		for i := 0; ; i++ {
			if slowMatch(pattern[1:], name[i:]) {
				return true
			}
			if i == len(name) || c == '%' && name[i] == separator {
				return false
			}
		}
	default:
		return name != "" && name[0] == c && slowMatch(pattern[1:], name[1:])
	}
}
