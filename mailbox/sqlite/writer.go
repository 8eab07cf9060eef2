package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The limits of one transaction.
const (
	maxBatch      = 256
	maxBatchBytes = 4 << 20
)

// busyPause is how often the writer tries to begin while another process changes
// the database. It replaces SQLite's own wait, which grows to 100 ms, and would
// miss the pauses between the slices of a large change.
const busyPause = time.Millisecond

// writer makes all changes, on one goroutine with one connection, in the order
// in which they were submitted. Changes that wait during a commit share the next
// one: a disk that syncs 300 times a second still stores thousands of messages a
// second from many sessions. A large call submits slices, and waits in the queue
// with each.
type writer struct {
	s     *Store
	c     *conn // used by run only, and by Close after it
	queue chan *request
	done  chan struct{} // closed when run has returned

	// The fields below are used by run only.
	batch   []*request
	lazy    bool  // the connection commits without sync
	version int64 // PRAGMA data_version, which changes with those of other processes
	swept   time.Time
}

// request is a change to be made.
type request struct {
	run  func(*tx) error // may run several times; only the last run takes effect
	size int             // octets it writes, roughly

	// lazy: the change need only survive a crash of the process. A power loss
	// may undo it, and all later changes.
	lazy bool

	state atomic.Int32  // of requestState
	err   error         // set before done is closed
	done  chan struct{} // closed when the request is finished
}

const (
	requestQueued int32 = iota
	requestTaken
	requestCancelled
)

func (w *writer) init(s *Store, c *conn) {
	w.s, w.c = s, c
	w.queue = make(chan *request, maxBatch)
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
	r.done = make(chan struct{})
	select {
	case s.writer.queue <- r:
		return nil
	case <-ctx.Done():
		return ended(ctx)
	case <-s.closing:
		return mailbox.ErrClosed
	}
}

// wait waits for the end of a request that was submitted.
func (s *Store) wait(ctx context.Context, r *request) error {
	select {
	case <-r.done:
		return r.err
	case <-ctx.Done():
		if r.state.CompareAndSwap(requestQueued, requestCancelled) {
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
		case r := <-w.queue:
			w.take(r)
		case <-tick.C:
			w.idle()
		case <-w.s.closing:
			for {
				select {
				case r := <-w.queue:
					w.finish(r, mailbox.ErrClosed)
				default:
					return
				}
			}
		}
	}
}

// take collects other waiting requests and carries them out.
func (w *writer) take(first *request) {
	w.batch = w.batch[:0]
	bytes, lazy := 0, true
	for r := first; r != nil; {
		if r.state.CompareAndSwap(requestQueued, requestTaken) {
			w.batch = append(w.batch, r)
			bytes += r.size
			lazy = lazy && r.lazy
		}
		r = nil
		if len(w.batch) < maxBatch && bytes < maxBatchBytes {
			select {
			case r = <-w.queue:
			default:
			}
		}
	}
	if len(w.batch) > 0 {
		w.commit(w.batch, lazy)
	}
	clear(w.batch)
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
func (w *writer) commit(batch []*request, lazy bool) {
	t, err := w.begin(lazy)
	if err != nil {
		for _, r := range batch {
			w.finish(r, err)
		}
		return
	}
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
		w.c.rollback()
		if len(batch) == 1 {
			w.finish(batch[0], err)
			return
		}
		for _, r := range batch {
			w.commit([]*request{r}, lazy)
		}
		return
	}
	w.s.hub.publish(t.events)
	for i, r := range batch {
		w.finish(r, errs[i])
	}
}

func (w *writer) begin(lazy bool) (*tx, error) {
	if err := w.setLazy(lazy); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(w.s.opts.BusyTimeout); ; time.Sleep(busyPause) {
		err := w.c.begin(context.Background())
		if err == nil {
			return newTx(w.s, w.c), nil
		}
		if !isBusy(err) || time.Now().After(deadline) {
			return nil, err
		}
	}
}

// setLazy sets whether commits wait for the disk.
func (w *writer) setLazy(lazy bool) error {
	if w.lazy == lazy {
		return nil
	}
	mode := "FULL"
	if lazy {
		mode = "NORMAL"
	}
	if err := w.c.script("PRAGMA synchronous=" + mode); err != nil {
		return err
	}
	w.lazy = lazy
	return nil
}

// idle does periodic work: it looks for changes of other processes, frees the space
// of deleted messages, and bounds the log.
func (w *writer) idle() {
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
		done: make(chan struct{}),
	}
	w.commit([]*request{sweep}, true)
	if sweep.err != nil {
		w.s.opts.Logger.Error("sqlite: free space", "error", sweep.err)
	}
	if !more {
		w.swept = now
	}
	if fi, err := os.Stat(w.s.path + "-wal"); err == nil && fi.Size() > maxWAL {
		err := w.c.script(fmt.Sprintf("PRAGMA busy_timeout=%d; PRAGMA wal_checkpoint(TRUNCATE)", w.s.opts.BusyTimeout.Milliseconds()))
		err = errors.Join(err, w.c.script("PRAGMA busy_timeout=0"))
		if err != nil && !isBusy(err) {
			w.s.opts.Logger.Error("sqlite: checkpoint", "error", err)
		}
	}
}
