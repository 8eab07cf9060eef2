package imap

import (
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// Sets of very many are as those of few.
func TestCapSetOfMany(t *testing.T) {
	var caps []Cap
	for i := range 2 * manyCaps {
		caps = append(caps, Cap("X"+strconv.Itoa(i)))
	}
	s := NewCapSet(append(caps, "x1", "idle", "IDLE")...)
	require.Equal(t, len(caps)+1, s.Len())
	require.Equal(t, s, NewCapSet(caps[:10]...).With(caps...).With("idle", "X3"))
	require.Equal(t, s, s.With("IDLE"))
}
