package imapserver

import (
	"context"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

type wakeCounter struct{ n atomic.Int64 }

func (w *wakeCounter) Wake() { w.n.Add(1) }

func TestHubIsSharedAndLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		require.NoError(t, store.CreateAccount(t.Context(), "fred"))
		var h hub
		_, err := h.join(t.Context(), store, "nobody", slog.Default())
		require.ErrorIs(t, err, mailbox.ErrNotExist)

		a, err := h.join(t.Context(), store, "fred", slog.Default())
		require.NoError(t, err)
		b, err := h.join(t.Context(), store, "fred", slog.Default())
		require.NoError(t, err)
		require.Same(t, a, b)

		inbox, err := a.acct.Mailbox(t.Context(), "INBOX")
		require.NoError(t, err)
		box := a.box(inbox.Info().ID)
		require.Same(t, box, b.box(inbox.Info().ID))
		var w wakeCounter
		stop := box.listen(&w)
		gen := box.gen.Load()

		// What another process does arrives by Watch.
		_, err = inbox.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
		require.NoError(t, err)
		synctest.Wait()
		require.Greater(t, box.gen.Load(), gen)
		woken := w.n.Load()
		require.Positive(t, woken)

		stop()
		a.changed(box.id)
		require.Equal(t, woken, w.n.Load())
		a.changed("no such mailbox")

		box.leave()
		box.leave()
		require.Empty(t, a.boxes)
		a.leave()
		b.leave()
		require.Empty(t, h.accounts)
		<-a.ended
	})
}

// A flakyAccount loses its watchers, or has none at first.
type flakyAccount struct {
	mailbox.Account
	fails atomic.Int64
	ends  chan context.CancelFunc
}

func (a *flakyAccount) Watch(ctx context.Context) (<-chan mailbox.Event, error) {
	if a.fails.Add(-1) >= 0 {
		return nil, mailbox.ErrUnavailable
	}
	ctx, cancel := context.WithCancel(ctx)
	a.ends <- cancel
	return a.Account.Watch(ctx)
}

type flakyStore struct {
	mailbox.Store
	acct *flakyAccount
}

func (s flakyStore) Account(ctx context.Context, name string) (mailbox.Account, error) {
	var err error
	s.acct.Account, err = s.Store.Account(ctx, name)
	return s.acct, err
}

func TestHubWatchesAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := memory.New(nil)
		defer store.Close()
		require.NoError(t, store.CreateAccount(t.Context(), "fred"))
		flaky := &flakyAccount{ends: make(chan context.CancelFunc, 10)}
		flaky.fails.Store(3)
		var h hub
		a, err := h.join(t.Context(), flakyStore{store, flaky}, "fred", slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		inbox, err := a.acct.Mailbox(t.Context(), "INBOX")
		require.NoError(t, err)
		box := a.box(inbox.Info().ID)
		change := func() {
			_, err := inbox.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
			require.NoError(t, err)
			synctest.Wait()
		}
		gen := box.gen.Load()
		change()
		require.Equal(t, gen, box.gen.Load(), "not watched yet")
		time.Sleep(8 * time.Second)
		synctest.Wait()
		require.Greater(t, box.gen.Load(), gen, "told of what was missed")
		gen = box.gen.Load()
		change()
		require.Greater(t, box.gen.Load(), gen)

		(<-flaky.ends)() // the store drops the watcher
		synctest.Wait()
		gen = box.gen.Load()
		change()
		require.Equal(t, gen, box.gen.Load())
		time.Sleep(2 * time.Second)
		synctest.Wait()
		require.Greater(t, box.gen.Load(), gen)
		box.leave()
		a.leave()
		(<-flaky.ends)()
	})
}

func TestHubOfDeletedAccount(t *testing.T) {
	store := memory.New(nil)
	defer store.Close()
	require.NoError(t, store.CreateAccount(t.Context(), "fred"))
	var h hub
	old, err := h.join(t.Context(), store, "fred", slog.Default())
	require.NoError(t, err)
	require.NoError(t, store.DeleteAccount(t.Context(), "fred"))
	_, err = h.join(t.Context(), store, "fred", slog.Default())
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.NoError(t, store.CreateAccount(t.Context(), "fred"))
	anew, err := h.join(t.Context(), store, "fred", slog.Default())
	require.NoError(t, err)
	require.NotSame(t, old, anew)
	old.leave()
	again, err := h.join(t.Context(), store, "fred", slog.Default())
	require.NoError(t, err)
	require.Same(t, anew, again)
	anew.leave()
	again.leave()
	require.Empty(t, h.accounts)
}
