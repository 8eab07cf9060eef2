package imapserver

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
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

// A scriptedBox answers Changes as told.
type scriptedBox struct {
	mailbox.Mailbox
	calls   atomic.Int64
	changes func(ctx context.Context) (mailbox.Changes, error)
}

func (b *scriptedBox) Changes(ctx context.Context, _ mailbox.State) (mailbox.Changes, error) {
	b.calls.Add(1)
	return b.changes(ctx)
}

func TestHubSharesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := (&accountHub{boxes: map[string]*boxHub{}}).box("id")
		release := make(chan struct{})
		mb := &scriptedBox{changes: func(ctx context.Context) (mailbox.Changes, error) {
			select {
			case <-release:
				return mailbox.Changes{State: mailbox.State{ModSeq: 7}}, nil
			case <-ctx.Done():
				return mailbox.Changes{}, context.Cause(ctx)
			}
		}}
		var wg sync.WaitGroup
		ask := func(since mailbox.ModSeq) {
			gen := box.gen.Load()
			wg.Go(func() {
				d, err := box.changes(t.Context(), mb, mailbox.State{ModSeq: since}, gen)
				require.NoError(t, err)
				require.EqualValues(t, 7, d.State.ModSeq)
			})
		}
		for range 10 {
			ask(5)
		}
		synctest.Wait()
		require.EqualValues(t, 1, mb.calls.Load())
		ask(4) // an older state needs a call of its own
		synctest.Wait()
		require.EqualValues(t, 2, mb.calls.Load())

		// A session that waits for the call of another can give up.
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() {
			_, err := box.changes(ctx, mb, mailbox.State{ModSeq: 5}, 0)
			given <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)

		box.gen.Add(1) // what was asked before does not tell of this
		ask(5)
		synctest.Wait()
		require.EqualValues(t, 3, mb.calls.Load())
		close(release)
		wg.Wait()
		ask(5) // a result that is new enough
		wg.Wait()
		require.EqualValues(t, 3, mb.calls.Load())

		// The error of one session does not affect the others.
		box.gen.Add(1)
		trouble := errors.New("trouble")
		var first atomic.Bool
		hold := make(chan struct{})
		mb.changes = func(context.Context) (mailbox.Changes, error) {
			if first.CompareAndSwap(false, true) {
				<-hold
				return mailbox.Changes{}, trouble
			}
			return mailbox.Changes{State: mailbox.State{ModSeq: 7}}, nil
		}
		failed := make(chan error, 1)
		go func() {
			_, err := box.changes(t.Context(), mb, mailbox.State{ModSeq: 5}, box.gen.Load())
			failed <- err
		}()
		synctest.Wait()
		ask(5)
		synctest.Wait()
		close(hold)
		require.ErrorIs(t, <-failed, trouble)
		wg.Wait()
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
