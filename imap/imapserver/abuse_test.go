package imapserver

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Patterns of LIST are as long as a line may be; the time to match them does not
// depend on that.
func TestMatchNameBombs(t *testing.T) {
	name := strings.Repeat("ab", 60)
	for _, unit := range []string{"*a", "%a*", "*%*%", "a", "%/", "*/%"} {
		pattern := strings.Repeat(unit, 64<<10/len(unit))
		for range 200 {
			got := matchName(pattern+"*", name)
			require.Equal(t, unit == "*%*%", got, unit)
		}
	}
}

func TestSimplify(t *testing.T) {
	for _, tc := range []struct {
		in   string
		max  int
		want string
		ok   bool
	}{
		{"", 0, "", true},
		{"%%*%a%%b**", 2, "*a%b*", true},
		{"*%", 0, "*", true},
		{"*a", 0, "", false},
		{"a%b*c", 2, "", false},
	} {
		got, ok := simplify(tc.in, tc.max)
		require.Equal(t, tc.ok, ok, tc.in)
		require.Equal(t, tc.want, got, tc.in)
	}
}
