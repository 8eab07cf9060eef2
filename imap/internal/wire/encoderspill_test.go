package wire

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What an Encoder holds does not grow with what it writes.
func TestEncoderSpills(t *testing.T) {
	for name, s := range map[string]string{
		"short":   "word",
		"long":    strings.Repeat("a", 1<<20),
		"escaped": strings.Repeat(`"\a`, 1<<18),
		"literal": strings.Repeat("a\r\n\x00", 1<<18),
	} {
		t.Run(name, func(t *testing.T) {
			var want Encoder
			write := func(e *Encoder) {
				for range max(1, 1<<20/len(s)) {
					e.String(s).SP()
				}
			}
			write(&want)

			var got strings.Builder
			most, calls := 0, 0
			e := Encoder{Spill: func(b []byte) ([]byte, error) {
				got.Write(b)
				most, calls = max(most, len(b)), calls+1
				return b[:0], nil
			}}
			write(&e)
			require.NoError(t, e.Err)
			got.Write(e.B)
			require.True(t, got.String() == string(want.B))
			require.LessOrEqual(t, most, 2*SpillSize)
			require.LessOrEqual(t, cap(e.B), 4*SpillSize)
			require.LessOrEqual(t, calls, len(want.B)/SpillSize)
		})
	}
}

// After an error nothing more is handed on, nor held.
func TestEncoderSpillFails(t *testing.T) {
	full := errors.New("full")
	calls := 0
	e := Encoder{Spill: func(b []byte) ([]byte, error) { calls++; return b[:0], full }}
	for range 100 {
		e.String(strings.Repeat("a", 10_000))
	}
	require.Equal(t, full, e.Err)
	require.Equal(t, 1, calls)
	require.Less(t, len(e.B), 2*SpillSize)

	calls = 0
	e = Encoder{Spill: e.Spill}
	e.Int(-1)
	e.String(strings.Repeat("a", 100_000))
	require.ErrorContains(t, e.Err, "negative")
	require.Zero(t, calls)
	require.Less(t, len(e.B), 2*SpillSize)
}
