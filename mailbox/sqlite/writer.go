package sqlite

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// busyPause is how often the writer tries to begin while another process changes
// the database. It replaces SQLite's own wait, which grows to 100 ms, and would
// miss the pauses between the slices of a large change.
const busyPause = time.Millisecond

// writer makes all changes, on one goroutine with one connection. Changes that
// wait during a commit share the next one: a disk that syncs 300 times a second
// still stores thousands of messages a second from many sessions. A large call
// submits slices, and waits in the queue with each.
type writer struct {
	s     *Store
	c     *conn // used by run only, and by Close after it
	queue queue
	done  chan struct{} // closed when run has returned

	// The fields below are used by run only.
	batch   []*request
	lazy    bool  // the connection commits without sync
	copyAt  int   // it copies the log when that has so many pages; zero: it does not
	lazies  int   // commits since the last sync
	doubt   bool  // a sync has failed: the log must be written again
	version int64 // PRAGMA data_version, which changes with those of other processes
	swept   time.Time
	log     log
}

// request is a change to be made.
type request struct {
	run     func(*tx) error // may run several times; only the last run takes effect
	account int64           // whose turn it takes; zero: nobody's
	rows    int             // that it writes, roughly
	size    int             // octets it writes besides, roughly
	adds    bool            // it adds messages, mailboxes or subscriptions
	again   bool            // it has failed for want of space, and is tried with the reserve

	// lazy: the change need only survive a crash of the process. A power loss
	// may undo it, and all later changes.
	lazy bool

	since time.Time // when it was submitted
	place *fair.Item[int64, *request]
	state atomic.Int32  // of requestState
	err   error         // set before done is closed
	done  chan struct{} // closed when the request is finished
}

const (
	requestQueued int32 = iota
	requestTaken
	requestCancelled
)

func (r *request) cost() int { return 1 + r.rows + r.size/pageSize }

// wanted reports whether a caller waits for the request.
func (r *request) wanted() bool { return r.state.Load() != requestCancelled }

// take reports whether a request shall be carried out. It can't be cancelled then.
func (r *request) take() bool {
	return r.state.CompareAndSwap(requestQueued, requestTaken) || r.state.Load() == requestTaken
}

func (w *writer) init(s *Store, c *conn) {
	w.s, w.c = s, c
	w.queue.init()
	w.done = make(chan struct{})
	w.version, _ = c.queryInt("PRAGMA data_version")
}

// write makes a change and returns when it is durable. A request that has begun
// can no longer be cancelled: it ends soon, and the caller must know its result.
func (s *Store) write(ctx context.Context, run func(*tx) error) error {
	return s.do(ctx, &request{run: run})
}

func (s *Store) do(ctx context.Context, r *request) error {
	if err := s.submit(ctx, r); err != nil {
		return err
	}
	return s.wait(ctx, r)
}

// submit adds a request to the queue.
func (s *Store) submit(ctx context.Context, r *request) error {
	if ctx.Err() != nil {
		return ended(ctx)
	}
	if err := s.closed(); err != nil {
		return err
	}
	if err := s.roomInLog(r.adds); err != nil {
		return err
	}
	if r.adds && s.reserve.low.Load() {
		return errFull
	}
	r.done = make(chan struct{})
	r.since = time.Now()
	s.writer.queue.push(r)
	return nil
}

// wait waits for the end of a request that was submitted.
func (s *Store) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestQueued, requestCancelled) {
			s.writer.queue.remove(r)
			return ended(ctx)
		}
	case <-s.writer.done:
	}
	select {
	case <-r.done:
		return r.err
	case <-s.writer.done:
	}
	select {
	case <-r.done: // both were ready
		return r.err
	default:
		return mailbox.ErrClosed // it was queued after run ended
	}
}

// run takes requests until the store is closed.
func (w *writer) run() {
	defer close(w.done)
	tick := time.NewTicker(w.s.opts.PollInterval)
	defer tick.Stop()
	for {
		select {
		case <-w.s.closing:
			w.refuse()
			w.settleLog() // the last to close the database copies it
			return
		case <-tick.C:
			w.idle()
			continue
		default:
		}
		if w.batch = w.queue.batch(w.batch[:0]); len(w.batch) > 0 {
			w.commit(w.batch)
			clear(w.batch)
			continue
		}
		select {
		case <-w.queue.ready:
		case <-tick.C:
			w.idle()
		case <-w.s.closing:
		}
	}
}

// refuse ends all requests that are queued.
func (w *writer) refuse() {
	for {
		batch := w.queue.batch(nil)
		if len(batch) == 0 {
			return
		}
		for _, r := range batch {
			w.finish(r, mailbox.ErrClosed)
		}
	}
}

// finish ends a request, and wait returns.
func (w *writer) finish(r *request, err error) {
	r.err = err
	close(r.done)
}

// commit carries out requests in one transaction. If one of them fails
// after it has changed something, or because of the database, all are undone, and
// each gets a transaction of its own: failures are so rare that savepoints, which
// have the same effect, would cost more.
func (w *writer) commit(batch []*request) {
	t, err := w.begin(batch)
	if err != nil {
		for _, r := range batch {
			w.finish(r, err)
		}
		return
	}
	batch = slices.DeleteFunc(batch, func(r *request) bool { return !r.take() })
	errs := make([]error, len(batch))
	for i, r := range batch {
		t.wrote = false
		if errs[i] = r.run(t); errs[i] != nil && (t.wrote || w.c.failed) {
			err = errs[i]
			break
		}
	}
	if err == nil {
		err = t.commit()
	}
	if err != nil {
		w.doubt = w.doubt || isIOError(err)
		w.c.rollback()
		if len(batch) == 1 {
			r := batch[0]
			if isFull(err) && !r.adds && !r.again {
				r.again = true
				w.giveUpReserve()
				w.commit(batch)
				return
			}
			w.finish(r, err)
			return
		}
		for _, r := range batch {
			w.commit([]*request{r})
		}
		return
	}
	w.log.grew = true
	if w.lazies++; !w.lazy {
		w.lazies = 0
	}
	w.s.hub.publish(t.events)
	for i, r := range batch {
		w.finish(r, errs[i])
	}
}

// begin begins the transaction of a batch. While another process has the database
// locked it waits, as long as the store is open, a request of the batch has a
// caller, and BusyTimeout has not passed since one was submitted.
func (w *writer) begin(batch []*request) (*tx, error) {
	lazy := true
	var since time.Time
	for _, r := range batch {
		lazy = lazy && r.lazy
		if r.since.After(since) {
			since = r.since
		}
	}
	// While the disk is full the log has to be copied early, also by the sweeper.
	lazy = lazy && w.lazies < maxLazies && !w.s.reserve.low.Load()
	if err := w.setLazy(lazy); err != nil {
		return nil, err
	}
	for {
		err := w.c.begin(context.Background())
		if err == nil && w.doubt {
			if err = w.s.renewLog(); err != nil {
				w.c.rollback()
				return nil, err
			}
			w.doubt = false
		}
		if err == nil {
			return newTx(w.s, w.c), nil
		}
		if !isBusy(err) || time.Since(since) > w.s.opts.BusyTimeout || !slices.ContainsFunc(batch, (*request).wanted) {
			return nil, err
		}
		if hook := w.s.tune.locked; hook != nil {
			hook()
		}
		select {
		case <-time.After(busyPause):
		case <-w.s.closing:
			return nil, mailbox.ErrClosed
		}
	}
}

// maxLazies is how many commits in a row may be lazy: 8 MB of a large message.
const maxLazies = 32

// setLazy sets whether commits wait for the disk. The log is copied back into the
// database only after those that do: if the sync before a copy failed, SQLite would
// not say so.
func (w *writer) setLazy(lazy bool) error {
	mode, copyAt := "FULL", w.s.tune.copyLog
	switch {
	case lazy:
		mode, copyAt = "NORMAL", 0
	case w.s.reserve.low.Load():
		copyAt = min(copyAt, lowLogPages)
	}
	if w.lazy == lazy && w.copyAt == copyAt {
		return nil
	}
	if err := w.c.script(fmt.Sprintf("PRAGMA synchronous=%s; PRAGMA wal_autocheckpoint=%d", mode, copyAt)); err != nil {
		return err
	}
	w.lazy, w.copyAt = lazy, copyAt
	return nil
}

// idle does periodic work: it looks for changes of other processes, frees the space
// of deleted messages, bounds the log, and keeps the reserve.
func (w *writer) idle() {
	w.boundLog()
	if w.s.hub.watched() {
		version, err := w.c.queryInt("PRAGMA data_version")
		if err != nil {
			w.s.opts.Logger.Error("sqlite: look for changes", "error", err)
		} else if version != w.version {
			w.version = version
			w.s.hub.foreign()
		}
	}
	now := time.Now()
	if now.Sub(w.swept) < w.s.tune.sweep {
		return
	}
	more := false
	sweep := &request{
		run:  func(t *tx) (err error) { more, err = t.sweep(); return err },
		lazy: true,
		done: make(chan struct{}),
	}
	w.commit([]*request{sweep}) // it was not submitted: it does not wait for a lock
	if sweep.err != nil && !isBusy(sweep.err) {
		w.s.opts.Logger.Error("sqlite: free space", "error", sweep.err)
	}
	if !more {
		w.swept = now
		w.keepReserve()
	}
}
