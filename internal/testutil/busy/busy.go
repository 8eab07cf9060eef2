// Package busy has users that cannot log in for the moment, for tests of servers.
package busy

import (
	"context"
	"runtime"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
)

// Users returns a table with a user whose line for checks of passwords is full
// until the test ends.
func Users(t testing.TB, user, password string) *sasl.Users {
	t.Helper()
	u := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true, Checks: &sasl.Checks{Concurrent: 1, MaxWaiting: 1}}
	require.NoError(t, u.Set(user, password))
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() { u.Checks.Do(ctx, func() error { <-ctx.Done(); return nil }) })
	}
	t.Cleanup(func() { cancel(); wg.Wait() })
	for u.Checks.Stats().Waiting == 0 {
		runtime.Gosched()
	}
	return u
}
