package imapclient

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The parts of a set have no more octets and messages than allowed, ascend, and
// are the set together.
func TestSplitSet(t *testing.T) {
	var gaps mailbox.UIDSet
	for uid := mailbox.UID(1); uid < 5000; uid += 3 {
		gaps.AddRange(uid, uid+uid%2)
	}
	for _, set := range []mailbox.UIDSet{
		{}, mailbox.UIDSetOf(7), mailbox.UIDRangeSet(1, 10000), gaps, mailbox.UIDRangeSet(4294960000, mailbox.MaxUID),
	} {
		for _, line := range []int{30, 100, 1000} {
			for _, batch := range []int{1, 7, 2000, 1 << 31} {
				if batch == 1 && set.Len() > 8000 {
					continue
				}
				var all mailbox.UIDSet
				last := mailbox.UID(0)
				for _, part := range splitSet(set, line, batch) {
					require.LessOrEqual(t, part.Len(), batch)
					require.LessOrEqual(t, len(part.String()), line)
					require.Greater(t, part.Min(), last)
					last = part.Max()
					all = all.Union(part)
				}
				require.Equal(t, set.String(), all.String())
			}
		}
	}
	require.Len(t, splitSet(mailbox.UIDRangeSet(1, 10000), 700, 2000), 5)
}
