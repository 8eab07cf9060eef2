package sqlite

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Commits that do not sync the log do not copy it either, and every so often one
// does both.
func TestLazyCommits(t *testing.T) {
	s := openStore(t, nil)
	var full []int
	for i := range 3 * (maxLazies + 1) {
		err := s.do(t.Context(), &request{lazy: true, run: func(t *tx) error {
			mode, err := t.c.queryInt("PRAGMA synchronous")
			if err != nil {
				return err
			}
			copyLog, err := t.c.queryInt("PRAGMA wal_autocheckpoint")
			if mode == 2 {
				full = append(full, i)
			}
			if (mode == 2) != (copyLog > 0) {
				full = append(full, -1)
			}
			return err
		}})
		require.NoError(t, err)
	}
	require.Equal(t, []int{maxLazies, 2*maxLazies + 1, 3*maxLazies + 2}, full)
}
