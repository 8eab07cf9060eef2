package growth

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth/count"
)

// What grows too fast is found, what does not is not.
func TestCheck(t *testing.T) {
	var kept []byte
	for name, c := range map[string]struct {
		parse func(string)
		ok    bool
	}{
		"linear":           {func(s string) { count.Steps += 10 * int64(len(s)) }, true},
		"quadratic":        {func(s string) { count.Steps += int64(len(s) * len(s)) }, false},
		"a little":         {func(s string) { count.Steps += int64(len(s) * len(s) / 4096) }, false},
		"much":             {func(s string) { count.Steps += 200 * int64(len(s)) }, false},
		"a fixed number":   {func(string) { count.Steps += slack }, true},
		"memory":           {func(s string) { kept = bytes.Repeat([]byte(s), 10) }, true},
		"too much memory":  {func(s string) { kept = bytes.Repeat([]byte(s), 150) }, false},
		"quadratic memory": {func(s string) { kept = make([]byte, len(s)*len(s)/16) }, false},
	} {
		p := Parser{Steps: 100, Octets: 100, Parse: c.parse}
		require.Equal(t, c.ok, p.check("a", 16<<10, 128<<10) == nil, name)
	}
	require.NotEmpty(t, kept)
}

func TestRepeat(t *testing.T) {
	require.Equal(t, "<((()))>", Repeat("<", "(…)", 6, ">"))
	require.Equal(t, "a0,a1,", Repeat("", "a№,", 10, ""))
	p := Parser{Alphabet: "aä"}
	require.Equal(t, []string{"a", "ä", "aa", "aä", "äa", "ää"}, slices.Collect(p.words(2)))
}

// Loops, functions and the calls that package count knows are counted, and nothing
// else is changed.
func TestInstrument(t *testing.T) {
	src := `package p

import "strings"

func f(s string, strings2 []int) (n int) {
	for strings.Contains(s, "x") {
		n += copy(make([]byte, 9), append([]byte(nil), s...))
	}
	for range strings2 {
		func() { strings.NewReader(s) }()
	}
	return n
}

func shadowed(strings struct{ Contains func() }) { strings.Contains() }
`
	want := `package p; import growthcount "` + counter + `"

import "strings"

func f(s string, strings2 []int) (n int) {growthcount.Steps++;
	for growthcount.StringsContains(s, "x") {growthcount.Steps++;
		n += growthcount.Copied(copy(make([]byte, 9), append([]byte(nil), growthcount.Spread(s)...)))
	}
	for range strings2 {growthcount.Steps++;
		func() {growthcount.Steps++; strings.NewReader(s) }()
	}
	return n
}

func shadowed(strings struct{ Contains func() }) {growthcount.Steps++; strings.Contains() }
var _ = growthcount.Copied;var _ = strings.ToLower
`
	got, err := instrument("p.go", []byte(src), functions(t))
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}
