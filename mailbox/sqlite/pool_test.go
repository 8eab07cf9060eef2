package sqlite

import (
	"context"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// However much an account reads, others can read.
func TestReadersTakeTurns(t *testing.T) {
	s := openStore(t, nil)
	var held []*conn
	for range s.pool.gate.PerKey {
		c, err := s.pool.get(t.Context(), 1)
		require.NoError(t, err)
		held = append(held, c)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waiting := make(chan error)
	for range 20 {
		go func() { _, err := s.pool.get(ctx, 1); waiting <- err }()
	}
	c, err := s.pool.get(t.Context(), 2)
	require.NoError(t, err)
	s.pool.put(c)
	cancel()
	for range 20 {
		require.ErrorIs(t, <-waiting, context.Canceled)
	}
	for _, c := range held {
		s.pool.put(c)
	}
	require.Len(t, s.pool.idle, s.pool.size)
}

// Close waits for the reads in progress, and refuses those that wait.
func TestCloseWhileReading(t *testing.T) {
	s := openStore(t, nil)
	var held []*conn
	for range s.pool.gate.PerKey {
		c, err := s.pool.get(t.Context(), 1)
		require.NoError(t, err)
		held = append(held, c)
	}
	waiting := make(chan error)
	go func() { _, err := s.pool.get(context.Background(), 1); waiting <- err }()
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing
	for _, c := range held {
		require.NoError(t, c.script("SELECT 1"))
		s.pool.put(c)
	}
	require.ErrorIs(t, <-waiting, mailbox.ErrClosed)
	require.NoError(t, <-closed)
}

// A connection that is given back counts for the account that had it, even if
// another takes it at once.
func TestPoolCountsByAccount(t *testing.T) {
	s := openStore(t, nil)
	var wg sync.WaitGroup
	for account := range int64(8) {
		wg.Go(func() {
			for range 20_000 {
				c, err := s.pool.get(t.Context(), 1+account)
				if err != nil {
					t.Error(err)
					return
				}
				s.pool.put(c)
			}
		})
	}
	wg.Wait()
	for account := range int64(8) {
		for range s.pool.gate.PerKey {
			require.True(t, s.pool.gate.TryEnter(1+account), "account %d holds connections", 1+account)
		}
		for range s.pool.gate.PerKey {
			s.pool.gate.Leave(1 + account)
		}
	}
}
