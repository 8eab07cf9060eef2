package sqlite

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// sliced begins a call that works in slices, and does f right after the first
// one.
func sliced(t *testing.T, s *Store, call func(), f func(*tx) error) {
	t.Helper()
	release := block(t, s)
	done := make(chan struct{})
	go func() { defer close(done); call() }()
	for s.writer.queue.len() < 1 {
		time.Sleep(time.Millisecond)
	}
	r := &request{run: f}
	require.NoError(t, s.submit(t.Context(), r))
	release()
	require.NoError(t, s.wait(t.Context(), r))
	<-done
}

func TestSlices(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	b := m.(*box)
	const n = 3*sliceRows + 10
	fill(t, m, n)
	state := func() mailbox.State {
		st, err := m.Status(t.Context())
		require.NoError(t, err)
		return st.State()
	}
	add := func(ctx context.Context, flag mailbox.Flag) (mailbox.FlagResult, error) {
		return m.SetFlags(ctx, mailbox.AllUIDs(), mailbox.FlagChange{Flags: mailbox.NewFlagSet(flag)})
	}

	// Undisturbed, the slices count as one step.
	before := state()
	res, err := add(t.Context(), mailbox.FlagSeen)
	require.NoError(t, err)
	require.Equal(t, mailbox.Steps{{From: before.ModSeq, To: before.ModSeq + 4}}, res.Steps)
	require.True(t, res.Changed.Equal(mailbox.UIDRangeSet(1, n)))
	require.Equal(t, before.ModSeq+4, state().ModSeq)

	// A change that waits for the first slice comes before the second. What
	// arrives meanwhile is not in the set.
	before = state()
	var between mailbox.Steps
	sliced(t, s, func() { res, err = add(t.Context(), "Work") }, func(tx *tx) error {
		row, err := tx.box(b.a.id, b.id)
		if err == nil {
			before := row.modseq
			err = appendStaged(tx, m, &staged{summary: []byte{}, rest: []byte("x"), size: 1})
			between = mailbox.Steps{row.step(before)}
		}
		return err
	})
	require.NoError(t, err)
	require.Equal(t, mailbox.Steps{{From: before.ModSeq + 1, To: before.ModSeq + 2}}, between)
	require.Equal(t, mailbox.Steps{
		{From: before.ModSeq, To: before.ModSeq + 1},
		{From: before.ModSeq + 2, To: before.ModSeq + 5},
	}, res.Steps)
	require.True(t, res.Changed.Equal(mailbox.UIDRangeSet(1, n)))
	ch, err := m.Changes(t.Context(), before)
	require.NoError(t, err)
	require.True(t, ch.Changed.Equal(mailbox.UIDRangeSet(1, n)))
	require.True(t, ch.New.Equal(mailbox.UIDSetOf(n+1)))

	// If the call ends early, the finished part remains, and is returned.
	why := errors.New("why")
	ctx, cancel := context.WithCancelCause(t.Context())
	sliced(t, s, func() { res, err = add(ctx, mailbox.FlagDeleted) }, func(*tx) error { cancel(why); return nil })
	require.ErrorIs(t, err, why)
	require.NotEmpty(t, res.Changed.Ranges())
	require.Less(t, res.Changed.Max(), mailbox.UID(n))
	require.Len(t, res.Steps, 1)
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, res.Changed.Len(), st.Deleted)
	require.Equal(t, res.Steps[0].To, st.HighestModSeq)

	// An expunge finds the few that are deleted without reading the others.
	before = state()
	gone, err := m.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.NewFlagSet(mailbox.FlagDeleted))
	require.NoError(t, err)
	require.True(t, gone.SourceUIDs().Equal(res.Changed))
	require.Len(t, gone.Moved, 1, "a run")
	require.Len(t, gone.Steps, 1)

	var part mailbox.Result
	sliced(t, s, func() { part, err = m.Expunge(t.Context(), mailbox.AllUIDs(), mailbox.FlagSet{}) }, func(tx *tx) error {
		row, err := tx.box(b.a.id, b.id)
		if err != nil {
			return err
		}
		acct, err := tx.account(b.a.id)
		if err != nil {
			return err
		}
		acct.change(tx).mailboxes--
		acct.messages -= row.messages
		acct.storage -= row.storage
		return tx.deleteBox(row)
	})
	require.ErrorIs(t, err, mailbox.ErrNotExist)
	require.Equal(t, sliceRows, part.Len())
}

// While one account's flags are changed in slices, the changes of others, also
// in other processes, wait for about one slice at a time.
func TestSlicesAreFair(t *testing.T) {
	path := filepath.Join(t.TempDir(), "mail.db")
	s, another := openPath(t, path, nil), openPath(t, path, nil)
	m := inbox(t, s, "alice")
	const slices = 20
	fill(t, m, slices*sliceRows)
	for i, other := range []mailbox.Mailbox{inbox(t, s, "bob"), inbox(t, another, "bob")} {
		done := make(chan error)
		go func() {
			_, err := m.SetFlags(context.Background(), mailbox.AllUIDs(), mailbox.FlagChange{
				Op: mailbox.FlagsReplace, Flags: mailbox.NewFlagSet(mailbox.Flag(fmt.Sprint("flag", i))),
			})
			done <- err
		}()
		n := 0
		for running := true; running; {
			select {
			case err := <-done:
				require.NoError(t, err)
				running = false
			default:
				_, err := other.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
				require.NoError(t, err)
				n++
			}
		}
		require.Less(t, slices/4, n)
	}
}

// A pass over a set reads each of its messages once, however the set is made.
func TestCursor(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	fill(t, m, 1000)
	for _, text := range []string{"", "1:*", "1", "1000", "1001:1100", "1:10,20,50:900", "3:5,999:4294967295", "every 2nd", "every 30th"} {
		var set mailbox.UIDSet
		switch text {
		case "1:*":
			set = mailbox.AllUIDs()
		case "every 2nd":
			for uid := mailbox.UID(1); uid < 3000; uid += 2 {
				set.Add(uid)
			}
		case "every 30th":
			for uid := mailbox.UID(7); uid < 3000; uid += 30 {
				set.Add(uid)
			}
		default:
			var err error
			set, err = mailbox.ParseUIDSet(text)
			require.NoError(t, err)
		}
		want := set.Intersect(mailbox.UIDRangeSet(1, 1000))
		var read []mailbox.UID
		for msg, err := range m.Messages(t.Context(), set, 0) {
			require.NoError(t, err)
			read = append(read, msg.UID)
		}
		require.Len(t, read, want.Len(), text)
		require.True(t, want.Equal(mailbox.UIDSetOf(read...)), text)

		read = nil
		require.NoError(t, s.write(t.Context(), func(t *tx) error {
			row, err := t.box(m.(*box).a.id, m.(*box).id)
			if err != nil {
				return err
			}
			at := cursorOf(set)
			return t.slices(row, &at, 1<<20, 0, func(e *entry) error { read = append(read, e.UID); return nil })
		}))
		require.Len(t, read, want.Len(), text)
		require.True(t, want.Equal(mailbox.UIDSetOf(read...)), text)
	}
}

// Ranges may come in any order, and be many.
func TestCollect(t *testing.T) {
	s := openStore(t, nil)
	const n = 3 * collectRanges
	var want mailbox.UIDSet
	for i := range n {
		want.Add(mailbox.UID(3*i + 1))
	}
	require.NoError(t, s.write(t.Context(), func(t *tx) error {
		for i := range n {
			k := i * 7919 % n // in an order of its own
			if err := t.addVanished(&boxRow{account: 9, id: 9}, int64(i), mailbox.UIDRange{First: mailbox.UID(3*k + 1), Last: mailbox.UID(3*k + 1)}); err != nil {
				return err
			}
		}
		return nil
	}))
	require.NoError(t, s.read(t.Context(), func(c *conn) error {
		got, err := collect(t.Context(), c, selectVanished, int64(9), int64(9), always)
		require.True(t, want.Equal(got))
		return err
	}))
	ctx, cancel := context.WithCancel(t.Context())
	require.ErrorIs(t, s.read(ctx, func(c *conn) error {
		cancel()
		_, err := collect(ctx, c, selectVanished, int64(9), int64(9), always)
		return err
	}), context.Canceled)
}

// A large Copy or Move works in slices, between which others are served. What a Copy
// has done is taken back if it fails.
func TestTransferSlices(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	a := m.(*box).a
	const n = 2*transferRows + 10
	fill(t, m, n)
	all := mailbox.UIDRangeSet(1, n)
	open := func(name string) mailbox.Mailbox {
		t.Helper()
		_, err := a.Create(t.Context(), name, nil)
		require.NoError(t, err)
		other, err := a.Mailbox(t.Context(), name)
		require.NoError(t, err)
		return other
	}
	count := func(m mailbox.Mailbox) uint32 {
		st, err := m.Status(t.Context())
		require.NoError(t, err)
		return st.Messages
	}

	// Undisturbed it counts as one step, also into the mailbox itself.
	for _, dest := range []mailbox.Mailbox{open("copies"), m} {
		before, err := dest.Status(t.Context())
		require.NoError(t, err)
		res, err := m.Copy(t.Context(), all, dest.Info().Name)
		require.NoError(t, err)
		require.Equal(t, []mailbox.Moved{{Source: mailbox.UIDRange{First: 1, Last: n}, Dest: mailbox.UIDRange{First: before.UIDNext, Last: before.UIDNext + n - 1}}}, res.Moved)
		require.Len(t, append(res.Steps, res.DestSteps...), 1)
		require.EqualValues(t, before.Messages+n, count(dest))
	}
	require.EqualValues(t, 2*n, count(m))
	copies := mailbox.UIDRangeSet(n+1, 2*n)

	// One that is ended between two slices.
	why := errors.New("why")
	for _, end := range []string{"cancel", "rename", "delete"} {
		dest := open(end)
		ctx, cancel := context.WithCancelCause(t.Context())
		var err error
		between := uint32(0)
		sliced(t, s, func() { _, err = m.Copy(ctx, all, end) }, func(tx *tx) error {
			row, err := tx.box(a.id, dest.(*box).id)
			if err != nil {
				return err
			}
			between = uint32(row.messages)
			switch end {
			case "cancel":
				cancel(why)
			case "rename":
				return tx.rename(a.id, end, "renamed")
			case "delete":
				acct, err := tx.account(a.id)
				if err != nil {
					return err
				}
				acct.change(tx).mailboxes--
				acct.messages -= row.messages
				acct.storage -= row.storage
				return tx.deleteBox(row)
			}
			return nil
		})
		require.EqualValues(t, transferRows, between)
		if end == "cancel" {
			require.ErrorIs(t, err, why)
		} else {
			require.ErrorIs(t, err, mailbox.ErrNotExist)
		}
		if end != "delete" {
			require.Zero(t, count(dest), end)
		}
		cancel(nil)
	}

	// A Copy that does not fit copies nothing at all.
	require.NoError(t, a.SetQuota(t.Context(), QuotaRoot, map[mailbox.QuotaName]int64{mailbox.QuotaMessage: 5*n - 1}))
	dest := open("full")
	_, err := m.Copy(t.Context(), mailbox.AllUIDs(), "full")
	require.ErrorIs(t, err, mailbox.ErrOverQuota)
	st, err := dest.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, st.UIDNext)

	// A Move that is ended has moved a part.
	dest = open("moved")
	ctx, cancel := context.WithCancelCause(t.Context())
	var res mailbox.Result
	sliced(t, s, func() { res, err = m.Move(ctx, copies, "moved") }, func(*tx) error { cancel(why); return nil })
	require.ErrorIs(t, err, why)
	require.Equal(t, transferRows, res.Len())
	require.EqualValues(t, transferRows, count(dest))
	require.EqualValues(t, 2*n-transferRows, count(m))
	res, err = m.Move(t.Context(), copies, "moved")
	require.NoError(t, err)
	require.Equal(t, n-transferRows, res.Len())
	require.EqualValues(t, n, count(dest))
}

func TestMaxAppend(t *testing.T) {
	s := openStore(t, &Options{MaxAppend: 3})
	m := inbox(t, s, "alice")
	msgs := make([]mailbox.Incoming, 4)
	for i := range msgs {
		msgs[i] = mailbox.Incoming{Body: strings.NewReader("x"), Size: 1}
	}
	_, err := m.Append(t.Context(), msgs...)
	require.ErrorIs(t, err, mailbox.ErrLimit)
	_, err = m.Append(t.Context(), msgs[:3]...)
	require.NoError(t, err)
}
