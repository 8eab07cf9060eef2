package mailbox

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlagSet(t *testing.T) {
	s := NewFlagSet("zebra", `\seen`, "$Junk", "ZEBRA", `\Deleted`, `\Recent`, "", `\Custom`)
	require.Equal(t, `\Deleted \Seen $Junk \Custom zebra`, s.String())
	require.Equal(t, 5, s.Len())
	require.Equal(t, SystemDeleted|SystemSeen, s.System())
	require.Equal(t, []Flag{"$Junk", `\Custom`, "zebra"}, s.Keywords())
	for _, f := range []Flag{`\SEEN`, "$jUNK", "Zebra", `\custom`} {
		require.True(t, s.Has(f), f)
	}
	for _, f := range []Flag{`\Answered`, "$Jun", "$Junk2", "", `\Recent`} {
		require.False(t, s.Has(f), f)
	}
	require.True(t, FlagSet{}.IsEmpty() && !s.IsEmpty())

	two := NewFlagSet("zebra", FlagSeen)
	require.True(t, s.HasAll(two))
	require.False(t, two.HasAll(s))
	require.True(t, s.HasAll(FlagSet{}))
	require.Equal(t, `\Deleted $Junk \Custom`, s.Without(two).String())
	require.Equal(t, `\Seen Apple zebra`, two.With(NewFlagSet("Apple", "Zebra")).String())
	require.Equal(t, `\Seen zebra`, two.String())
	require.True(t, two.Equal(NewFlagSet("ZEBRA", `\SEEN`)))
	require.False(t, two.Equal(NewFlagSet("ZEBRA")))
	require.True(t, FlagSetOf(SystemSeen, two.Keywords()).Equal(two))
	require.Equal(t, `\Seen a b`, FlagSetOf(0, []Flag{"b", "a", `\Seen`, "B"}).String())
}

func TestFlagSetShares(t *testing.T) {
	words := make([]Flag, 2, 10)
	words[0], words[1] = "a", "b"
	s := FlagSetOf(0, words)
	_ = append(s.Keywords(), "c")
	require.Equal(t, Flag(""), words[:3][2], "Keywords is clipped")

	flags := FlagSetOf(SystemSeen, nil)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		u := flags.With(FlagSetOf(SystemDeleted, nil)).Without(flags)
		_ = u.Has(FlagDeleted) && u.HasAll(flags) && u.Equal(flags)
		_ = s.With(flags).Without(flags)
	}))
}

func FuzzFlagSet(f *testing.F) {
	f.Add("a b c", "B d")
	f.Add(`\Seen x`, `\seen \Deleted X`)
	f.Fuzz(func(t *testing.T, a, b string) {
		model := func(text string) map[string]bool {
			m := map[string]bool{}
			for _, w := range strings.Split(text, " ") {
				if w = asciiLower(w); w != "" && w != `\recent` {
					m[w] = true
				}
			}
			return m
		}
		set := func(text string) FlagSet {
			var flags []Flag
			for _, w := range strings.Split(text, " ") {
				flags = append(flags, Flag(w))
			}
			return NewFlagSet(flags...)
		}
		check := func(m map[string]bool, s FlagSet) {
			require.Equal(t, len(m), s.Len())
			require.Len(t, slices.Collect(s.All()), len(m))
			for w := range m {
				require.True(t, s.Has(Flag(w)), w)
			}
		}
		ma, mb, sa, sb := model(a), model(b), set(a), set(b)
		check(ma, sa)
		check(mb, sb)
		with, without := model(a), model(a)
		all := true
		for w := range mb {
			with[w] = true
			delete(without, w)
			all = all && ma[w]
		}
		check(with, sa.With(sb))
		check(without, sa.Without(sb))
		require.Equal(t, all, sa.HasAll(sb))
		require.Equal(t, all && len(ma) == len(mb), sa.Equal(sb))
	})
}

func asciiLower(s string) string {
	b := []byte(s)
	for i := range b {
		b[i] = lower(b[i])
	}
	return string(b)
}

func TestValidKeywords(t *testing.T) {
	word := Flag(strings.Repeat("k", DefaultMaxKeywordLength))
	require.NoError(t, ValidKeywords(NewFlagSet(FlagSeen, "a", word), Limits{}))
	require.ErrorIs(t, ValidKeywords(NewFlagSet("a", word+"k"), Limits{}), ErrLimit)
	require.NoError(t, ValidKeywords(NewFlagSet("a", word+"k"), Limits{MaxKeywordLength: -1}))
	require.ErrorIs(t, ValidKeywords(NewFlagSet(FlagSeen, "ab"), Limits{MaxKeywordLength: 1}), ErrLimit)
}
