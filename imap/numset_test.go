package imap

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

func set(pairs ...uint32) NumSet {
	var s NumSet
	for i := 0; i < len(pairs); i += 2 {
		s.Ranges = append(s.Ranges, NumRange{pairs[i], pairs[i+1]})
	}
	return s
}

func TestNumSetUIDs(t *testing.T) {
	for _, tc := range []struct {
		set  NumSet
		max  mailbox.UID
		want string
	}{
		{set(2, 4, 7, 7), 100, "2:4,7"},
		{set(4, 2), 100, "2:4"},
		{set(7, 7, 5, 6, 1, 1), 100, "1,5:7"},
		{set(559, Star), 500, "500:559"}, // contains the highest, RFC 9051 §9
		{set(Star, 4), 7, "4:7"},
		{set(Star, Star), 7, "7"},
		{set(Star, Star), 0, ""},
		{set(1, 4294967295, 4294967295, 4294967295), 9, "1:4294967295"},
		{NumSet{Saved: true}, 9, ""},
	} {
		require.Equal(t, tc.want, tc.set.UIDs(tc.max).String(), "%v of %d", tc.set, tc.max)
	}
}

func TestNumSetSeqs(t *testing.T) {
	for _, tc := range []struct {
		set   NumSet
		count SeqNum
		want  string
		ok    bool
	}{
		{set(2, 4, 7, 7), 7, "2:4,7", true},
		{set(2, 4, 7, 7), 6, "", false},
		{set(3, Star, 1, 1), 5, "1,3:5", true},
		{set(1, Star), 0, "", true},
		{set(Star, Star), 0, "", true},
		{set(Star, Star), 3, "3", true},
		{set(9, Star), 5, "5", true},
		{set(1, 1), 0, "", false},
		{set(2, 1, 3, 3), 5, "1:3", true},
	} {
		got, ok := tc.set.Seqs(tc.count)
		require.Equal(t, tc.ok, ok, "%v of %d", tc.set, tc.count)
		require.Equal(t, tc.want, got.String(), "%v of %d", tc.set, tc.count)
	}
}

func TestNumSetString(t *testing.T) {
	require.Equal(t, "2,4:7,9,12:*", set(2, 2, 4, 7, 9, 9, 12, Star).String())
	require.Equal(t, "$", NumSet{Saved: true}.String())
	require.Equal(t, "1:3,7", UIDNumSet(mailbox.UIDSetOf(1, 2, 3, 7)).String())
	seqs, _ := set(3, 1).Seqs(5)
	require.Equal(t, "1:3", SeqNumSet(seqs).String())
	require.True(t, NumSet{}.IsEmpty())
	require.False(t, NumSet{Saved: true}.IsEmpty())
}

func TestSeqSet(t *testing.T) {
	var s SeqSet
	require.True(t, s.IsEmpty())
	for _, n := range []SeqNum{1, 2, 3, 7, 9, 10} {
		s.Add(n)
	}
	require.Equal(t, "1:3,7,9:10", s.String())
	require.Equal(t, 6, s.Len())
	require.Equal(t, []SeqNum{1, 2, 3, 7, 9, 10}, slices.Collect(s.All()))
	for n := SeqNum(0); n < 12; n++ {
		require.Equal(t, slices.Contains([]SeqNum{1, 2, 3, 7, 9, 10}, n), s.Contains(n), n)
	}
	for range s.All() {
		break
	}
	require.Equal(t, []SeqRange{{1, 3}, {7, 7}, {9, 10}}, s.Ranges())
	top := SeqSet{ranges: []SeqRange{{4294967295, 4294967295}}}
	require.Equal(t, []SeqNum{4294967295}, slices.Collect(top.All()))
}

// Every set resolves to the numbers that it names, in ascending ranges that
// don't touch.
func FuzzNumSet(f *testing.F) {
	f.Add(uint32(1), uint32(0), uint32(4), uint32(2), uint32(7))
	f.Add(uint32(9), uint32(9), uint32(4294967295), uint32(4294967294), uint32(0))
	f.Fuzz(func(t *testing.T, a, b, c, d, max uint32) {
		s := set(a, b, c, d)
		for _, uid := range []uint32{a, b, c, d} {
			if uid == Star {
				uid = max
			}
			require.Equal(t, uid != 0, s.UIDs(mailbox.UID(max)).Contains(mailbox.UID(uid)))
		}
		seqs, ok := s.Seqs(SeqNum(max))
		last := int64(-1)
		for _, r := range seqs.Ranges() {
			require.True(t, ok)
			require.Greater(t, int64(r.First), last+1)
			require.LessOrEqual(t, r.First, r.Last)
			require.LessOrEqual(t, uint32(r.Last), max)
			require.NotZero(t, r.First)
			last = int64(r.Last)
		}
	})
}
