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
		_, err := t.exec("INSERT INTO account VALUES (NULL, ?, 1, 0, 1, 0, 0, -1, -1, -1, 0)", name)
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
	for s.writer.queue.len() < 2 {
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

// waiting are the requests that a test has queued while the writer was busy.
type waiting struct {
	s    *Store
	list []*request
	mu   sync.Mutex
	ran  []string // names, in the order in which they were carried out
	txs  map[*tx]int
}

func (w *waiting) add(t *testing.T, n int, name string, account int64, rows int) {
	t.Helper()
	for range n {
		r := &request{account: account, rows: rows, run: func(t *tx) error {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ran = append(w.ran, name)
			if w.txs == nil {
				w.txs = make(map[*tx]int)
			}
			w.txs[t]++
			return nil
		}}
		require.NoError(t, w.s.submit(t.Context(), r))
		w.list = append(w.list, r)
	}
}

func (w *waiting) wait(t *testing.T) {
	t.Helper()
	for _, r := range w.list {
		require.NoError(t, w.s.wait(t.Context(), r))
	}
}

// Small changes wait for one slice of a large one, however many of these wait.
func TestSmallBeforeLarge(t *testing.T) {
	s := openStore(t, nil)
	release := block(t, s)
	w := waiting{s: s}
	w.add(t, 20, "flags of a", 1, sliceRows)
	for account := range int64(20) {
		w.add(t, 5, "flags of others", 2+account, sliceRows)
	}
	w.add(t, 1, "append", 100, appendCost)
	release()
	w.wait(t)
	require.Equal(t, []string{"flags of a", "append", "flags of others"}, w.ran[:3])
	require.Equal(t, 20*5+20, len(w.txs), "one slice a transaction")
}

// Large changes take turns by account, and small ones as well.
func TestAccountsTakeTurns(t *testing.T) {
	for _, rows := range []int{sliceRows, maxLight - 1} {
		s := openStore(t, nil)
		release := block(t, s)
		w := waiting{s: s}
		w.add(t, 200, "a", 1, rows)
		w.add(t, 2, "b", 2, rows)
		w.add(t, 2, "c", 3, rows)
		release()
		w.wait(t)
		require.Equal(t, "abcabcaaaaaa", strings.Join(w.ran[:12], ""))
	}
}

// However small the requests are, a transaction has a bounded number.
func TestBatchIsBounded(t *testing.T) {
	s := openStore(t, nil)
	release := block(t, s)
	w := waiting{s: s}
	w.add(t, 1000, "a", 1, appendCost)
	w.add(t, 1000, "b", 2, maxLight-1)
	release()
	w.wait(t)
	for _, n := range w.txs {
		require.LessOrEqual(t, n*(appendCost+1), maxBatch)
	}
	require.Less(t, len(w.txs), 200, "they share")
}

// What is no longer wanted leaves the queue.
func TestQueueForgets(t *testing.T) {
	s := openStore(t, nil)
	release := block(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 1000 {
		r := &request{account: 1, rows: i % 2 * sliceRows, run: func(*tx) error { t.Error("it was cancelled"); return nil }}
		require.NoError(t, s.submit(t.Context(), r))
		require.ErrorIs(t, s.wait(ctx, r), context.Canceled)
	}
	require.Zero(t, s.writer.queue.len())
	release()
}

// lock locks the database as another process could. waits has a token whenever
// the writer finds it locked.
func lock(t *testing.T, s *Store) (unlock func(), waits chan struct{}) {
	t.Helper()
	waits = make(chan struct{}, 1)
	require.NoError(t, s.write(t.Context(), func(t *tx) error {
		s.tune.locked = func() {
			select {
			case waits <- struct{}{}:
			default:
			}
		}
		return nil
	}))
	c, err := openConn(s.dsn)
	require.NoError(t, err)
	require.NoError(t, c.script("BEGIN IMMEDIATE"))
	return func() { require.NoError(t, c.close()) }, waits
}

// A store that is closed waits for no lock.
func TestCloseWhileLocked(t *testing.T) {
	s := openStore(t, &Options{BusyTimeout: time.Hour})
	m := inbox(t, s, "alice")
	fill(t, m, 3)
	unlock, waits := lock(t, s)
	const n = 30
	errs := make(chan error)
	for range n {
		go func() {
			_, err := m.Append(context.Background(), mailbox.Incoming{Body: lines(1 << 20), Size: 1 << 20})
			errs <- err
		}()
	}
	<-waits
	require.NoError(t, s.Close())
	for range n {
		require.ErrorIs(t, <-errs, mailbox.ErrClosed)
	}
	unlock()
	s = openPath(t, s.path, nil)
	st, err := inbox(t, s, "alice").Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 3, st.Messages, "what was acknowledged")
}

// Who leaves while the database is locked need not wait, and changes nothing.
func TestCancelWhileLocked(t *testing.T) {
	s := openStore(t, &Options{BusyTimeout: time.Hour})
	m := inbox(t, s, "alice")
	unlock, waits := lock(t, s)
	ctx, cancel := context.WithCancel(t.Context())
	errs := make(chan error)
	go func() {
		_, err := m.Append(ctx, mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
		errs <- err
	}()
	<-waits
	cancel()
	require.ErrorIs(t, <-errs, context.Canceled)
	unlock()
	fill(t, m, 1)
	st, err := m.Status(t.Context())
	require.NoError(t, err)
	require.EqualValues(t, 1, st.Messages)
}
