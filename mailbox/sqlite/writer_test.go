package sqlite

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// block keeps the writer busy until the function it returns is called.
func block(t testing.TB, s *Store) (release func()) {
	t.Helper()
	began, end := make(chan struct{}), make(chan struct{})
	r := &request{run: func(*tx) error { close(began); <-end; return nil }}
	require.NoError(t, s.submit(t.Context(), r))
	<-began
	return func() { close(end) }
}

// createAccount is a request that creates an account.
func createAccount(name string) func(*tx) error {
	return func(t *tx) error {
		_, err := t.exec("INSERT INTO account VALUES (NULL, ?, 1, 0, 1, 0, 0, -1, -1, -1)", name)
		if err != nil {
			return err
		}
		_, err = t.exec("INSERT INTO mailbox SELECT NULL, id, 'INBOX', 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0 FROM account WHERE name = ?", name)
		return err
	}
}

func TestGroupCommit(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	release := block(t, s)
	var mu sync.Mutex
	seen := map[*tx]int{}
	var requests []*request
	for range 20 {
		r := &request{run: func(t *tx) error {
			mu.Lock()
			defer mu.Unlock()
			seen[t]++
			row, err := t.box(m.(*box).a.id, m.(*box).id)
			if err == nil {
				row.change(t).modseq++
			}
			return err
		}}
		require.NoError(t, s.submit(t.Context(), r))
		requests = append(requests, r)
	}
	release()
	for _, r := range requests {
		require.NoError(t, s.wait(t.Context(), r))
	}
	require.Len(t, seen, 1, "what waits together is committed together")
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 21, st.HighestModSeq)
}

// An acknowledged change has been synced; the pieces of an arriving body need not
// be.
func TestSync(t *testing.T) {
	s := openStore(t, nil)
	const normal, full = 1, 2
	mode := func(lazy bool) (n int64) {
		r := &request{lazy: lazy, run: func(t *tx) (err error) { n, err = t.c.queryInt("PRAGMA synchronous"); return err }}
		require.NoError(t, s.do(t.Context(), r))
		return n
	}
	for range 2 {
		require.EqualValues(t, full, mode(false))
		require.EqualValues(t, normal, mode(true))
	}
	// A change that must be synced syncs the others of its group.
	release := block(t, s)
	var n int64
	lazy := &request{lazy: true, run: func(t *tx) (err error) { n, err = t.c.queryInt("PRAGMA synchronous"); return err }}
	require.NoError(t, s.submit(t.Context(), lazy))
	sync := &request{run: func(*tx) error { return nil }}
	require.NoError(t, s.submit(t.Context(), sync))
	release()
	require.NoError(t, s.wait(t.Context(), lazy))
	require.NoError(t, s.wait(t.Context(), sync))
	require.EqualValues(t, full, n)
}

func TestFailureInGroup(t *testing.T) {
	s := openStore(t, nil)
	release := block(t, s)
	broken := errors.New("broken")
	var requests []*request
	submit := func(run func(*tx) error) {
		r := &request{run: run}
		require.NoError(t, s.submit(t.Context(), r))
		requests = append(requests, r)
	}
	submit(createAccount("a"))
	submit(func(*tx) error { return mailbox.ErrLimit }) // has changed nothing, so the others are not repeated
	submit(func(t *tx) error {
		if err := createAccount("b")(t); err != nil {
			return err
		}
		return broken
	})
	submit(createAccount("c"))
	submit(createAccount("a")) // fails in the database
	submit(func(t *tx) error { // changes a counter only
		a, err := t.account(1)
		if err == nil {
			a.change(t).messages = 5
			err = broken
		}
		return err
	})
	submit(func(t *tx) error { _, err := t.c.queryInt("SELECT nonsense"); return err })
	release()
	require.ErrorContains(t, s.wait(t.Context(), requests[6]), "nonsense")
	for i, want := range []error{nil, mailbox.ErrLimit, broken, nil, nil, broken} {
		err := s.wait(t.Context(), requests[i])
		if i == 4 {
			require.ErrorContains(t, err, "UNIQUE")
		} else {
			require.ErrorIs(t, err, want)
		}
	}
	var names []string
	for name, err := range s.Accounts(t.Context()) {
		require.NoError(t, err)
		names = append(names, name)
	}
	require.Equal(t, []string{"a", "c"}, names)
}

func TestCancelQueued(t *testing.T) {
	s := openStore(t, nil)
	release := block(t, s)
	ctx, cancel := context.WithCancelCause(t.Context())
	why := errors.New("why")
	r := &request{run: func(*tx) error { t.Error("it was cancelled"); return nil }}
	require.NoError(t, s.submit(ctx, r))
	cancel(why)
	require.ErrorIs(t, s.wait(ctx, r), why, "it does not wait for its turn")
	require.ErrorIs(t, s.write(ctx, nil), why)
	release()
	require.NoError(t, s.write(t.Context(), func(*tx) error { return nil }))
}

func TestCloseWhileBusy(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	release := block(t, s)
	results := make(chan error)
	for range 10 {
		go func() {
			_, err := m.Append(context.Background(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
			results <- err
		}()
	}
	time.Sleep(10 * time.Millisecond)
	closed := make(chan error)
	go func() { closed <- s.Close() }()
	<-s.closing
	release()
	require.NoError(t, <-closed)
	for range 10 {
		if err := <-results; err != nil {
			require.ErrorIs(t, err, mailbox.ErrClosed)
		}
	}
	_, err := m.Status(t.Context())
	require.ErrorIs(t, err, mailbox.ErrClosed)
	_, err = s.Account(t.Context(), "alice")
	require.ErrorIs(t, err, mailbox.ErrClosed)
}

// On a full disk, only changes that need space fail.
func TestDiskFull(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	setPages := func(n string) {
		require.NoError(t, s.write(t.Context(), func(t *tx) error { return t.c.script("PRAGMA max_page_count=" + n) }))
	}
	setPages("200")
	var full error
	n := 0
	for ; n < 1000; n++ {
		_, full = m.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
		if full != nil {
			break
		}
	}
	require.ErrorIs(t, full, mailbox.ErrUnavailable)
	require.Less(t, 10, n)
	_, err := m.Append(t.Context(), mailbox.Incoming{Body: lines(3 << 20), Size: 3 << 20})
	require.ErrorIs(t, err, mailbox.ErrUnavailable)
	requireSound(t, s)

	// Reads continue, and so do changes that need no space.
	count := 0
	for msg, err := range m.Messages(t.Context(), mailbox.AllUIDs(), mailbox.WantContent) {
		require.NoError(t, err)
		require.EqualValues(t, 4096, msg.Content.Size())
		count++
	}
	require.Equal(t, n, count)

	// A change that needs too much space does not fail the others of its group.
	release := block(t, s)
	results := make(chan error)
	go func() {
		_, err := m.Append(context.Background(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
		results <- err
	}()
	flagged := make(chan error)
	go func() {
		_, err := m.SetFlags(context.Background(), mailbox.UIDSetOf(1), mailbox.FlagChange{Flags: mailbox.NewFlagSet(mailbox.FlagFlagged)})
		flagged <- err
	}()
	for len(s.writer.queue) < 2 {
		time.Sleep(time.Millisecond)
	}
	release()
	require.ErrorIs(t, <-results, mailbox.ErrUnavailable)
	require.NoError(t, <-flagged)

	setPages("100000")
	res, err := m.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096})
	require.NoError(t, err)
	require.EqualValues(t, n+1, res.DestUIDs().Min(), "UIDs of what failed were not used up")
}
