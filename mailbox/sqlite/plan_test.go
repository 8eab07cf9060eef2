package sqlite

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Nothing that runs often may scan a table or sort.
func TestQueryPlans(t *testing.T) {
	s := openStore(t, nil)
	inbox(t, s, "alice")
	c, err := s.pool.get(t.Context(), 0)
	require.NoError(t, err)
	defer s.pool.put(c)
	for _, q := range append([]string{
		selectStatus,
		selectList,
		selectListStatus,
		selectExtent,
		selectNew,
		selectChanged,
		selectVanished,
		selectKeywords,
		selectNextKeywords,
		selectKeywordsSince,
		selectOldest,
		selectBefore,
		selectAfter,
		selectChunk,
		selectAccount,
		selectFree,
		selectFreeOf,
		selectFirstFree,
		selectTrash,
		selectTrashOf,
		"SELECT " + boxColumns + " FROM mailbox WHERE " + boxByID,
		"SELECT " + boxColumns + " FROM mailbox WHERE " + boxByName,
	}, pageQueries[:]...) {
		n := strings.Count(q, "?")
		args := make([]any, n)
		for i := range args {
			args[i] = int64(1)
		}
		r, err := c.query("EXPLAIN QUERY PLAN "+q, args...)
		require.NoError(t, err)
		for r.next() {
			step := r.text(3)
			require.NotContains(t, step, "SCAN", "%s", q)
			require.NotContains(t, step, "TEMP B-TREE", "%s", q)
			if strings.Contains(q, "flags & 8 = 0") && strings.Contains(step, "SEARCH m ") {
				require.Contains(t, step, "message_unseen", "%s", q)
			}
			if q == selectChanged {
				require.Contains(t, step, "USING COVERING INDEX message_modseq", "%s", q)
			}
		}
		require.NoError(t, r.close())
	}
}
