package mailboxtest

import (
	"context"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// patience is how long the suite waits for what must happen. It is no measure
// of speed: a store that needs it is broken.
const patience = 20 * time.Second

// await reads events until there is one about the mailbox ("" for the list of
// mailboxes) of that kind.
func await(t testing.TB, events <-chan mailbox.Event, id string, kind mailbox.EventKind) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case e, ok := <-events:
			require.True(t, ok, "the channel was closed")
			if e.MailboxID == id && e.Kind&kind != 0 {
				return
			}
		case <-timeout:
			t.Fatalf("no event of kind %d about mailbox %q", kind, id)
		}
	}
}

// awaitClosed reads events until the channel is closed.
func awaitClosed(t testing.TB, events <-chan mailbox.Event) {
	t.Helper()
	timeout := time.After(patience)
	for {
		select {
		case _, ok := <-events:
			if !ok {
				return
			}
		case <-timeout:
			t.Fatal("the channel was not closed")
		}
	}
}

func testWatch(t *testing.T, f *fixture) {
	m, other := f.box(t, "INBOX"), f.box(t, "other")
	inbox, there := m.Info().ID, other.Info().ID
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	events, err := f.Watch(ctx)
	require.NoError(t, err)
	// A second handle hears of what is done through the first.
	again, err := f.account(t, user).Watch(ctx)
	require.NoError(t, err)
	both := func(id string, kind mailbox.EventKind) {
		t.Helper()
		await(t, events, id, kind)
		await(t, again, id, kind)
	}

	put := fill(t, m, 4)
	both(inbox, mailbox.EventNew)
	_, err = m.SetFlags(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagSeen)})
	require.NoError(t, err)
	both(inbox, mailbox.EventFlags)
	_, err = m.Expunge(f.ctx, mailbox.UIDSetOf(put[0]), mailbox.FlagSet{})
	require.NoError(t, err)
	both(inbox, mailbox.EventVanished)
	_, err = m.Copy(f.ctx, mailbox.UIDSetOf(put[1]), "other")
	require.NoError(t, err)
	both(there, mailbox.EventNew)
	_, err = m.Move(f.ctx, mailbox.UIDSetOf(put[1]), "other")
	require.NoError(t, err)
	await(t, events, there, mailbox.EventNew)
	await(t, again, inbox, mailbox.EventVanished)

	for i, change := range []func() error{
		func() error { _, err := f.Create(f.ctx, "new", nil); return err },
		func() error { return f.Rename(f.ctx, "new", "newer") },
		func() error { return f.Subscribe(f.ctx, "newer", true) },
		func() error { return f.Subscribe(f.ctx, "newer", false) },
		func() error { return f.Delete(f.ctx, "newer") },
	} {
		require.NoError(t, change(), i)
		both("", mailbox.EventMailboxes)
	}

	doomed := f.box(t, "doomed")
	require.NoError(t, f.Delete(f.ctx, "doomed"))
	await(t, events, doomed.Info().ID, mailbox.EventVanished)
	if q, ok := f.Account.(mailbox.QuotaKeeper); ok && !f.lacks(LackSetQuota) {
		fresh, err := f.Watch(ctx)
		require.NoError(t, err)
		root, _ := f.quotaRoot(t, q, "INBOX")
		require.NoError(t, q.SetQuota(f.ctx, root, nil))
		await(t, fresh, "", mailbox.EventMailboxes)
	}

	// An account is told nothing of other accounts.
	require.NoError(t, f.create("bob"))
	bob := f.account(t, "bob")
	bobs, err := bob.Watch(ctx)
	require.NoError(t, err)
	fill(t, m, 1)
	both(inbox, mailbox.EventNew)
	select {
	case e := <-bobs:
		t.Fatalf("an event of another account: %v", e)
	default:
	}

	if admin, ok := f.store.(mailbox.Admin); ok {
		require.NoError(t, admin.DeleteAccount(f.ctx, "bob"))
		await(t, bobs, "", mailbox.EventMailboxes)
	}
	cancel()
	awaitClosed(t, events)
	awaitClosed(t, again)
	awaitClosed(t, bobs)
	fill(t, m, 1) // without watchers, this has no effect

	// A context that is done gives an error, or a channel that is closed soon.
	if late, err := f.Watch(ctx); err == nil {
		awaitClosed(t, late)
	} else {
		require.ErrorIs(t, err, context.Canceled)
	}

	closer, ok := f.store.(io.Closer)
	if !ok {
		return
	}
	last, err := f.Watch(f.ctx)
	require.NoError(t, err)
	require.NoError(t, closer.Close())
	awaitClosed(t, last)
}

// testWatchConcurrent lets a reader follow by events alone while others write.
func testWatchConcurrent(t *testing.T, f *fixture) {
	m := f.box(t, "INBOX")
	id := m.Info().ID
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	events, err := f.Watch(ctx)
	require.NoError(t, err)
	v := look(t, m)
	w := workers{t: t}
	for worker := range 4 {
		w.do(func() error {
			for i := range 25 {
				res, err := m.Append(f.ctx, draft(fmt.Sprint("w", worker, i)))
				if err != nil {
					return err
				}
				if _, err := m.Expunge(f.ctx, mailbox.UIDSetOf(arrived(res)[0]-1), mailbox.FlagSet{}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	finished := make(chan struct{})
	go func() { w.wg.Wait(); close(finished) }()
	timeout := time.After(patience)
	for done := finished; ; {
		select {
		case e, ok := <-events:
			require.True(t, ok)
			if e.MailboxID == id {
				v.update(t, m, changesSince(t, m, v.state))
			}
		case <-done:
			done = nil
		case <-timeout:
			t.Fatal("an event was lost, or sent before the change was readable")
		}
		if done == nil && status(t, m).HighestModSeq == v.state.ModSeq {
			break
		}
	}
	w.wait()
	require.Equal(t, look(t, m), v)
}

// testWatchSlow lets a reader sleep while much happens, and checks that it
// still learns of the last change of each mailbox.
func testWatchSlow(t *testing.T, f *fixture) {
	ctx, cancel := context.WithCancel(f.ctx)
	defer cancel()
	events, err := f.Watch(ctx)
	require.NoError(t, err)
	boxes := map[string]mailbox.Mailbox{}
	views := map[string]*view{}
	for i := range 5 {
		m := f.box(t, fmt.Sprint("box", i))
		boxes[m.Info().ID] = m
		v := look(t, m)
		views[m.Info().ID] = &v
	}
	// None of these calls may wait for the reader.
	for range 100 {
		for _, m := range boxes {
			put := fill(t, m, 1)
			_, err := m.SetFlags(f.ctx, mailbox.UIDSetOf(put...), mailbox.FlagChange{Flags: mailbox.NewFlagSet("x")})
			require.NoError(t, err)
		}
	}
	// A reader that looks at a mailbox only when told to ends up to date.
	timeout := time.After(patience)
	behind := func() bool {
		for id, m := range boxes {
			if status(t, m).HighestModSeq != views[id].state.ModSeq {
				return true
			}
		}
		return false
	}
	for n := 0; behind(); n++ {
		select {
		case e, ok := <-events:
			require.True(t, ok)
			if v := views[e.MailboxID]; v != nil {
				v.update(t, boxes[e.MailboxID], changesSince(t, boxes[e.MailboxID], v.state))
			}
			require.Less(t, n, 2000, "more events than changes")
		case <-timeout:
			t.Fatal("an event was lost")
		}
	}
	for id, m := range boxes {
		require.Equal(t, look(t, m), *views[id])
	}
}
