package search_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// recent is a key of another package.
type recent struct{}

func (recent) SearchKey() {}

func TestLeavesAndRewrite(t *testing.T) {
	seen := search.Flag{Flag: mailbox.FlagSeen}
	old := search.UID{Set: mailbox.UIDSetOf(3)}
	tree := search.And{recent{}, search.Or{A: search.Not{Key: recent{}}, B: seen}, search.And{}}
	require.Equal(t, []search.Key{recent{}, recent{}, seen}, slices.Collect(search.Leaves(tree)))
	for k := range search.Leaves(tree) {
		require.Equal(t, recent{}, k) // and no more after the break
		break
	}

	got, err := search.Rewrite(tree, func(k search.Key) (search.Key, error) {
		if _, ok := k.(recent); ok {
			return old, nil
		}
		return k, nil
	})
	require.NoError(t, err)
	require.Equal(t, search.And{old, search.Or{A: search.Not{Key: old}, B: seen}, search.And{}}, got)
	require.Equal(t, search.And{recent{}, search.Or{A: search.Not{Key: recent{}}, B: seen}, search.And{}}, tree, "left as it was")

	fault := errors.New("unknown")
	for _, tree := range []search.Key{seen, search.And{seen}, search.Not{Key: seen}, search.Or{A: seen, B: recent{}}, search.Or{A: recent{}, B: seen}} {
		_, err = search.Rewrite(tree, func(k search.Key) (search.Key, error) {
			if k == seen {
				return nil, fault
			}
			return k, nil
		})
		require.ErrorIs(t, err, fault)
	}
}
