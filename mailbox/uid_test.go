package mailbox

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
)

// requireSet checks that s is well-formed and holds exactly the UIDs of model.
func requireSet(t testing.TB, model map[UID]bool, s UIDSet) {
	t.Helper()
	var want []UID
	for uid := range model {
		want = append(want, uid)
	}
	slices.Sort(want)
	require.Equal(t, want, slices.Collect(s.All()), "%v", s)
	require.Equal(t, len(want), s.Len())
	require.Equal(t, len(want) == 0, s.IsEmpty())
	for i, r := range s.Ranges() {
		require.True(t, 0 < r.First && r.First <= r.Last, "%v", s)
		require.True(t, i == 0 || s.Ranges()[i-1].Last+1 < r.First, "%v", s)
	}
	for i, uid := range want {
		require.Equal(t, uid, s.At(i))
		require.Equal(t, i, s.Index(uid))
	}
	if len(want) > 0 {
		require.Equal(t, want[0], s.Min())
		require.Equal(t, want[len(want)-1], s.Max())
	} else {
		require.Zero(t, s.Min()+s.Max())
	}
	require.Zero(t, s.At(len(want)))
	require.Zero(t, s.At(-1))
	back, err := ParseUIDSet(s.String())
	require.NoError(t, err)
	require.True(t, s.Equal(back))
}

// fuzzSets builds two sets and their models from bytes: each pair of bytes is
// a range added to one of them.
func fuzzSets(data []byte) (models [2]map[UID]bool, sets [2]UIDSet, ranges [2][]UIDRange) {
	models = [2]map[UID]bool{{}, {}}
	for ; len(data) >= 2; data = data[2:] {
		k := int(data[0] >> 7)
		first := UID(data[0] & 0x7f)
		last := first + UID(data[1]%16) - 2 // sometimes below first
		if first < 2 {
			last = first
		}
		sets[k].AddRange(first, last)
		ranges[k] = append(ranges[k], UIDRange{first, last})
		for uid := max(first, 1); uid <= last; uid++ {
			models[k][uid] = true
		}
	}
	return models, sets, ranges
}

func FuzzUIDSet(f *testing.F) {
	f.Add([]byte("\x05\x03\x07\x05\x01\x08\x85\x03\x87\x05\x81\x08"))
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		b := make([]byte, rng.IntN(60))
		for i := range b {
			b[i] = byte(rng.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		models, sets, ranges := fuzzSets(data)
		union, both, minus := map[UID]bool{}, map[UID]bool{}, map[UID]bool{}
		for uid := UID(0); uid < 160; uid++ {
			a, b := models[0][uid], models[1][uid]
			require.Equal(t, a, sets[0].Contains(uid))
			require.Equal(t, b, sets[1].Contains(uid))
			if !a {
				require.Equal(t, -1, sets[0].Index(uid))
			}
			if a || b {
				union[uid] = true
			}
			if a && b {
				both[uid] = true
			}
			if a && !b {
				minus[uid] = true
			}
		}
		requireSet(t, models[0], sets[0])
		requireSet(t, models[1], sets[1])
		requireSet(t, models[0], UIDSetOfRanges(ranges[0]...))
		requireSet(t, union, sets[0].Union(sets[1]))
		requireSet(t, union, sets[1].Union(sets[0]))
		requireSet(t, both, sets[0].Intersect(sets[1]))
		requireSet(t, both, sets[1].Intersect(sets[0]))
		requireSet(t, minus, sets[0].Subtract(sets[1]))

		// Adding to a result does not change the operands.
		u := sets[0].Union(UIDSet{})
		u.Add(200)
		u = sets[0].Subtract(UIDSet{})
		u.Add(201)
		requireSet(t, models[0], sets[0])
	})
}

func FuzzParseUIDSet(f *testing.F) {
	for _, s := range []string{"", "1", "1:3,7", "7,1:3", "3:1", "1:4294967295", "4294967296", "0", "01", "1,", ",1", "1:", ":1", "1:*", "*", "1;2", "1 2", "5:1,2:9,9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := ParseUIDSet(text)
		if err != nil {
			require.ErrorIs(t, err, errUIDSet)
			require.True(t, s.IsEmpty())
			return
		}
		back, err := ParseUIDSet(s.String())
		require.NoError(t, err)
		require.True(t, s.Equal(back))
	})
}

func TestParseUIDSet(t *testing.T) {
	for in, want := range map[string]string{
		"":               "",
		"5":              "5",
		"3:1,7":          "1:3,7",
		"7,1:2,3":        "1:3,7",
		"1,2,3,5:9,4":    "1:9",
		"4294967295":     "4294967295",
		"1:4294967295,6": "1:4294967295",
	} {
		s, err := ParseUIDSet(in)
		require.NoError(t, err, in)
		require.Equal(t, want, s.String())
	}
	for _, in := range []string{"0", "1:0", "01", "4294967296", "99999999999999999999", "1,", ",", "1::2", "1:*", "a", "-1", "1 ", "1\r\n"} {
		_, err := ParseUIDSet(in)
		require.ErrorIs(t, err, errUIDSet, in)
	}
}

func TestUIDSetEdges(t *testing.T) {
	all := AllUIDs()
	require.Equal(t, "1:4294967295", all.String())
	require.True(t, all.Contains(1) && all.Contains(MaxUID) && !all.Contains(0))
	require.Equal(t, int(MaxUID), all.Len())
	require.Equal(t, MaxUID, all.At(int(MaxUID)-1))
	require.Equal(t, "1:6,8:4294967295", all.Subtract(UIDSetOf(7)).String())
	require.Equal(t, "", all.Subtract(all).String())
	require.Equal(t, "3,9", UIDSetOf(9, 3, 9, 0).Intersect(all).String())

	var s UIDSet
	s.AddRange(MaxUID-1, MaxUID)
	s.AddRange(1, MaxUID-2)
	require.True(t, s.Equal(all))
	n := 0
	for range UIDRangeSet(MaxUID-1, MaxUID).All() {
		n++
	}
	require.Equal(t, 2, n)
	require.True(t, UIDRangeSet(5, 4).IsEmpty())
}

func TestUIDSetAddAllocates(t *testing.T) {
	s := UIDSetOf(1)
	next := UID(2)
	require.Zero(t, testing.AllocsPerRun(100, func() { s.Add(next); next++ }))
	require.Zero(t, testing.AllocsPerRun(100, func() { _ = s.Contains(50); _ = s.Len() }))
}

func BenchmarkUIDSetContains(b *testing.B) {
	var s UIDSet
	for uid := UID(1); uid < 300_000; uid += 3 {
		s.Add(uid)
	}
	b.ReportAllocs()
	uid := UID(0)
	for b.Loop() {
		s.Contains(uid % 300_000)
		uid += 7919
	}
}
