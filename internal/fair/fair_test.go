package fair

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

// popAll returns the values in the order in which they come out.
func popAll(q *Queue[string, string]) string {
	var out []string
	for next := q.Peek(); next != nil; next = q.Peek() {
		out = append(out, next.Value)
		if q.Pop() != next {
			return "Peek showed another item"
		}
	}
	return strings.Join(out, " ")
}

func TestQueueRounds(t *testing.T) {
	var q Queue[string, string]
	for _, v := range strings.Fields("a1 a2 a3 a4 b1 c1 b2") {
		q.Push(v[:1], v)
	}
	require.Equal(t, 7, q.Len())
	require.Equal(t, 4, q.LenOf("a"))
	require.Equal(t, "a1 b1 c1 a2 b2 a3 a4", popAll(&q))
	require.Zero(t, q.Len())
	require.Empty(t, q.lines)
}

// One who comes late waits for one item of each of the others.
func TestQueueLate(t *testing.T) {
	var q Queue[string, string]
	for range 1000 {
		q.Push("a", "a")
		q.Push("b", "b")
	}
	q.Pop()
	q.Push("c", "c")
	order := popAll(&q)
	require.Equal(t, 4, strings.Index(order, "c"), "b a c") // "b a c …"
}

func TestQueueRemove(t *testing.T) {
	var q Queue[string, string]
	items := make(map[string]*Item[string, string])
	for _, v := range strings.Fields("a1 b1 a2 b2 a3 c1") {
		items[v] = q.Push(v[:1], v)
	}
	q.Remove(items["a2"])
	q.Remove(items["c1"])
	q.Remove(items["c1"]) // once more
	require.Equal(t, "a1", q.Pop().Value)
	q.Remove(items["a1"]) // it has left
	q.Remove(items["b1"])
	require.Equal(t, "b2 a3", popAll(&q))
	require.Empty(t, q.lines)
}

func TestQueueStop(t *testing.T) {
	var q Queue[string, string]
	for _, v := range strings.Fields("a1 b1 a2 b2") {
		q.Push(v[:1], v)
	}
	q.Stop("a")
	q.Stop("c")
	c1 := q.Push("c", "c1")
	require.Equal(t, "b1 b2", popAll(&q))
	require.Equal(t, 3, q.Len())
	q.Remove(c1)
	q.Start("a")
	q.Start("c")
	q.Start("d")
	require.Equal(t, "a1 a2", popAll(&q))
	require.Empty(t, q.lines)
}

func TestGate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Gate[string]{Size: 3, PerKey: 2}
		ctx := t.Context()
		var mu sync.Mutex
		var order []string
		enter := func(key string) {
			go func() {
				if g.Enter(ctx, key) == nil {
					mu.Lock()
					order = append(order, key)
					mu.Unlock()
				}
			}()
			synctest.Wait()
		}
		for _, key := range strings.Fields("a a a a b b c") {
			enter(key)
		}
		require.Equal(t, "a a b", strings.Join(order, " "))
		in, waiting := g.Len()
		require.Equal(t, []int{3, 4}, []int{in, waiting})
		require.Equal(t, []int{2, 0}, []int{g.WaitingOf("a"), g.WaitingOf("x")})
		g.Leave("b") // a has two already
		synctest.Wait()
		require.Equal(t, "a a b b", strings.Join(order, " "))
		g.Leave("b")
		synctest.Wait()
		g.Leave("a")
		synctest.Wait()
		require.Equal(t, "a a b b c a", strings.Join(order, " "))
		for _, key := range strings.Fields("a a a c") {
			g.Leave(key)
			synctest.Wait()
		}
		in, waiting = g.Len()
		require.Equal(t, []int{0, 0}, []int{in, waiting})
		require.Empty(t, g.byKey)
		require.Empty(t, g.waiting.lines)
	})
}

// Who passes is behind those that wait, as in the rounds of Queue.
func TestGatePass(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Gate[string]{Size: 1}
		require.NoError(t, g.Enter(t.Context(), "a"))
		require.NoError(t, g.Pass(t.Context(), "a"), "nobody waits")
		var order []string
		for _, key := range strings.Fields("a a b") {
			go func() {
				if g.Enter(t.Context(), key) != nil {
					return
				}
				for range 3 {
					order = append(order, key)
					if g.Pass(t.Context(), key) != nil {
						return
					}
				}
				g.Leave(key)
			}()
			synctest.Wait()
		}
		g.Leave("a")
		synctest.Wait()
		require.Equal(t, "a b a b a b a a a", strings.Join(order, " "))
		in, waiting := g.Len()
		require.Equal(t, []int{0, 0}, []int{in, waiting})

		require.True(t, g.TryEnter("a"))
		go g.Enter(t.Context(), "b")
		synctest.Wait()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		require.ErrorIs(t, g.Pass(ctx, "a"), context.Canceled)
		synctest.Wait()
		in, waiting = g.Len()
		require.Equal(t, []int{1, 0}, []int{in, waiting})
	})
}

func TestGateGivesUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := Gate[int]{Size: 1, MaxWaiting: 3, MaxWaitingPerKey: 2}
		require.NoError(t, g.Enter(t.Context(), 1))
		require.False(t, g.TryEnter(2))
		ctx, cancel := context.WithCancelCause(t.Context())
		gone := errors.New("gone")
		errs := make(chan error, 3)
		for _, key := range []int{1, 1, 2} {
			go func() { errs <- g.Enter(ctx, key) }()
		}
		synctest.Wait()
		require.ErrorIs(t, g.Enter(ctx, 3), ErrFull)
		g.MaxWaiting = 0
		require.ErrorIs(t, g.Enter(ctx, 1), ErrFull)
		cancel(gone)
		for range 3 {
			require.ErrorIs(t, <-errs, gone)
		}
		_, waiting := g.Len()
		require.Zero(t, waiting)
		g.Leave(1)
		require.True(t, g.TryEnter(2))
	})
}

// Those who come and give up at the same time lose no place.
func TestGateRace(t *testing.T) {
	g := Gate[int]{Size: 2, PerKey: 1}
	var wg sync.WaitGroup
	for key := range 4 {
		for range 8 {
			wg.Go(func() {
				for i := range 200 {
					ctx, cancel := context.WithCancel(context.Background())
					if i%3 == 0 {
						go cancel()
					}
					if g.Enter(ctx, key) == nil {
						g.Leave(key)
					}
					cancel()
				}
			})
		}
	}
	wg.Wait()
	in, waiting := g.Len()
	require.Equal(t, []int{0, 0}, []int{in, waiting})
	require.Empty(t, g.waiting.lines)
}
