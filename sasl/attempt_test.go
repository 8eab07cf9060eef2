package sasl

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

func TestSlowDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, tt := range []struct {
			attempt Attempt
			want    time.Duration
		}{
			{Attempt{Identity: "alice"}, 0},
			{Attempt{Err: ErrAuthFailed, Failures: 1}, time.Second},
			{Attempt{Err: ErrAuthFailed, Failures: 3}, 4 * time.Second},
			{Attempt{Err: ErrAuthFailed, Failures: 1000}, 16 * time.Second},
		} {
			began := time.Now()
			SlowDown(t.Context(), tt.attempt)
			require.Equal(t, tt.want, time.Since(began))
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		began := time.Now()
		SlowDown(ctx, Attempt{Err: ErrAuthFailed, Failures: 9})
		require.Equal(t, time.Millisecond, time.Since(began))
	})
}
