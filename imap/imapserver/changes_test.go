package imapserver

import (
	"context"
	"errors"
	"iter"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A scriptedBox answers Changes as told, and Messages with flags.
type scriptedBox struct {
	mailbox.Mailbox
	calls   atomic.Int64
	read    atomic.Int64 // messages
	changes func(ctx context.Context, since mailbox.State) (mailbox.Changes, error)
	flags   func(uid mailbox.UID) (mailbox.FlagSet, error)
}

func (b *scriptedBox) Changes(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
	b.calls.Add(1)
	return b.changes(ctx, since)
}

func (b *scriptedBox) Messages(ctx context.Context, set mailbox.UIDSet, want mailbox.Want) iter.Seq2[*mailbox.Message, error] {
	return func(yield func(*mailbox.Message, error) bool) {
		for uid := range set.All() {
			b.read.Add(1)
			flags, err := b.flags(uid)
			if err == nil {
				err = ctx.Err()
			}
			if !yield(&mailbox.Message{Entry: mailbox.Entry{UID: uid, ModSeq: 7, Flags: flags}}, err) || err != nil {
				return
			}
		}
	}
}

// toSeven changes message 1 with ModSeq 7.
func toSeven(_ context.Context, since mailbox.State) (ch mailbox.Changes, err error) {
	ch.State.ModSeq = 7
	if since.ModSeq < 7 {
		ch.Changed.Add(1)
	}
	return ch, nil
}

// catchUp asks for all changes after a state, as a session does.
func catchUp(ctx context.Context, box *boxHub, mb mailbox.Mailbox, since mailbox.ModSeq, gen uint64) (mailbox.ModSeq, error) {
	calls := box.shared.begun()
	for {
		d, fresh, err := box.since(ctx, mb, mailbox.State{ModSeq: since}, gen, calls)
		if fresh || err != nil {
			return d.State.ModSeq, err
		}
		since = d.State.ModSeq
	}
}

func TestHubSharesChanges(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := (&accountHub{boxes: map[string]*boxHub{}}).box("id")
		release := make(chan struct{})
		mb := &scriptedBox{changes: func(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
			select {
			case <-release:
				return toSeven(ctx, since)
			case <-ctx.Done():
				return mailbox.Changes{}, context.Cause(ctx)
			}
		}}
		var wg sync.WaitGroup
		ask := func(since mailbox.ModSeq, gen uint64) {
			wg.Go(func() {
				got, err := catchUp(t.Context(), box, mb, since, gen)
				require.NoError(t, err)
				require.EqualValues(t, 7, got)
			})
		}
		for range 10 {
			ask(5, 0)
		}
		synctest.Wait()
		require.EqualValues(t, 1, mb.calls.Load())
		ask(4, 0) // an older state needs a call of its own
		synctest.Wait()
		require.EqualValues(t, 2, mb.calls.Load())

		// A session that waits for the call of another can give up.
		ctx, cancel := context.WithCancel(t.Context())
		given := make(chan error, 1)
		go func() {
			_, _, err := box.since(ctx, mb, mailbox.State{ModSeq: 5}, 0, 0)
			given <- err
		}()
		synctest.Wait()
		cancel()
		require.ErrorIs(t, <-given, context.Canceled)

		// What was asked before does not tell of this, but the rest is little.
		box.gen.Add(1)
		for range 10 {
			ask(5, 1)
			ask(5, math.MaxUint64)
		}
		synctest.Wait()
		require.EqualValues(t, 2, mb.calls.Load())
		close(release)
		wg.Wait()
		after := mb.calls.Load()
		require.Greater(t, after, int64(2))
		require.LessOrEqual(t, after, int64(2+10))
		ask(5, 1) // a result that is new enough
		ask(7, 1) // even that nothing has changed
		wg.Wait()
		require.Equal(t, after, mb.calls.Load())

		// That nothing has changed takes no place of what has.
		for range 2 * keptResults {
			ask(5, math.MaxUint64)
			wg.Wait()
		}
		require.Equal(t, after+2*keptResults, mb.calls.Load())
		require.NotNil(t, box.shared.find(mailbox.State{ModSeq: 5}))
	})
}

// The error of one session does not affect the others.
func TestHubSharesNoErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := (&accountHub{boxes: map[string]*boxHub{}}).box("id")
		trouble := errors.New("trouble")
		hold := make(chan struct{})
		mb := new(scriptedBox)
		mb.changes = func(ctx context.Context, since mailbox.State) (mailbox.Changes, error) {
			if mb.calls.Load() > 1 {
				return toSeven(ctx, since)
			}
			select {
			case <-hold:
				return mailbox.Changes{}, trouble
			case <-ctx.Done():
				return mailbox.Changes{}, context.Cause(ctx)
			}
		}
		for _, tc := range []struct {
			how   string
			calls int64
		}{{"trouble", 1 + 10}, {"gone", 1 + 1}} {
			mb.calls.Store(0)
			box.shared = sharedChanges{}
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			failed := make(chan error, 1)
			go func() {
				_, err := catchUp(ctx, box, mb, 5, 0)
				failed <- err
			}()
			synctest.Wait()
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() {
					got, err := catchUp(t.Context(), box, mb, 5, 0)
					require.NoError(t, err)
					require.EqualValues(t, 7, got)
				})
			}
			synctest.Wait()
			if tc.how == "gone" {
				leave()
				require.ErrorIs(t, <-failed, context.Canceled)
			} else {
				hold <- struct{}{}
				require.ErrorIs(t, <-failed, trouble)
			}
			wg.Wait()
			require.Equal(t, tc.calls, mb.calls.Load(), tc.how)
		}
	})
}

// The flags of changed messages are read once for all sessions, if what they have
// become is not too much to keep.
func TestHubSharesFlags(t *testing.T) {
	const messages, sessions = 131072, 20
	seen := mailbox.NewFlagSet(mailbox.FlagSeen)
	same := func(mailbox.UID) (mailbox.FlagSet, error) { return seen, nil }
	for _, tc := range []struct {
		name  string
		flags func(mailbox.UID) (mailbox.FlagSet, error)
		step  mailbox.UID // of the UIDs that have changed
		read  int64
	}{
		{"alike", same, 1, messages},
		{"with gaps", same, 40, messages},
		{"different", func(uid mailbox.UID) (mailbox.FlagSet, error) {
			if uid%2 == 0 {
				return seen, nil
			}
			return mailbox.FlagSet{}, nil
		}, 1, messages * sessions},
	} {
		t.Run(tc.name, func(t *testing.T) {
			box := (&accountHub{boxes: map[string]*boxHub{}}).box("id")
			var changed mailbox.UIDSet
			mb := &scriptedBox{flags: tc.flags, changes: func(context.Context, mailbox.State) (mailbox.Changes, error) {
				return mailbox.Changes{State: mailbox.State{ModSeq: 7}, Changed: changed}, nil
			}}
			for uid := mailbox.UID(1); uid <= messages; uid += tc.step {
				changed.Add(uid)
			}
			for range sessions {
				d, _, err := box.since(t.Context(), mb, mailbox.State{ModSeq: 5}, 0, 0)
				require.NoError(t, err)
				told, total := mailbox.UIDSet{}, 0
				require.NoError(t, d.flags(t.Context(), mb, func(set mailbox.UIDSet, p *flagPage, read int) error {
					for _, r := range p.runs {
						told.AddRange(r.first, r.last)
					}
					total += read
					require.LessOrEqual(t, box.shared.held, maxKeptOctets)
					require.LessOrEqual(t, set.Len(), pageMessages)
					return nil
				}))
				require.True(t, told.Equal(changed))
			}
			require.EqualValues(t, 1, mb.calls.Load())
			if tc.step > 1 {
				tc.read = int64(changed.Len())
			}
			require.LessOrEqual(t, mb.read.Load(), tc.read)
		})
	}
}

// What is held for sessions that have not asked yet is bounded, and the oldest goes.
func TestHubHoldsLittle(t *testing.T) {
	box := (&accountHub{boxes: map[string]*boxHub{}}).box("id")
	ranges := 0
	mb := &scriptedBox{changes: func(_ context.Context, since mailbox.State) (ch mailbox.Changes, err error) {
		for i := range ranges {
			ch.Changed.Add(mailbox.UID(2*i + 1))
		}
		ch.State.ModSeq = since.ModSeq + 1
		return ch, nil
	}}
	ask := func(since mailbox.ModSeq) {
		_, _, err := box.since(t.Context(), mb, mailbox.State{ModSeq: since}, 0, 0)
		require.NoError(t, err)
	}
	// A session that is slow to tell of a result keeps nothing that was read for it.
	ranges = 2*pageMessages + 1
	mb.flags = func(mailbox.UID) (mailbox.FlagSet, error) { return mailbox.FlagSet{}, nil }
	slow, _, err := box.since(t.Context(), mb, mailbox.State{ModSeq: 100}, 0, 0)
	require.NoError(t, err)
	pages := 0
	require.NoError(t, slow.flags(t.Context(), mb, func(_ mailbox.UIDSet, p *flagPage, read int) error {
		require.Len(t, p.runs, read)
		if pages++; pages == 1 {
			require.Len(t, slow.pages, 1)
			for i := range keptResults {
				ask(mailbox.ModSeq(200 + i))
			}
		}
		require.True(t, pages == 1 || len(slow.pages) == 0)
		return nil
	}))
	require.Equal(t, 3, pages)

	ranges = maxKeptOctets / rangeOctets / 2
	for since := range mailbox.ModSeq(10) {
		ask(since)
		require.LessOrEqual(t, box.shared.held, maxKeptOctets)
	}
	require.Len(t, box.shared.results, 2)
	require.EqualValues(t, 9, box.shared.results[1].since.ModSeq)
	ranges = maxKeptOctets/rangeOctets + 1
	ask(20)
	require.Nil(t, box.shared.find(mailbox.State{ModSeq: 20}))
	require.LessOrEqual(t, box.shared.held, maxKeptOctets)
	ranges = 1
	for since := range mailbox.ModSeq(10) {
		ask(30 + since)
	}
	require.Len(t, box.shared.results, keptResults)
	require.Equal(t, keptResults*rangeOctets, box.shared.held)
}
