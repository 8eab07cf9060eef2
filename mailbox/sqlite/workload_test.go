package sqlite

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// A workload is what a child process does to a store while its system calls are
// recorded or fail. Each session works on an account of its own, step by step, as a
// seed decides. It marks when a step begins and how it has ended, and then
// describes what the account holds (picture). After a number of steps all sessions
// wait, and the store is closed and opened again.
type workload struct {
	Dir      string // the store is in its folder store, beside the files marks and outcomes
	Seed     uint64
	Sessions int
	First    int // the number of the first session
	Rounds   int // between which the store is closed
	Steps    int // of a session in a round

	// StopAtError ends the process, without closing the store, when the disk has
	// failed.
	StopAtError bool
}

const workloadEnv = "SQLITE_TEST_WORKLOAD"

func (w *workload) store() string    { return filepath.Join(w.Dir, "store") }
func (w *workload) marks() string    { return filepath.Join(w.Dir, "marks") }
func (w *workload) outcomes() string { return filepath.Join(w.Dir, "outcomes") }

// accountOf returns the name of the account of a session.
func accountOf(session int) string { return fmt.Sprintf("account%d", session) }

// A mark is a line of the file marks, in one write: session, step and one of these.
const (
	markBegin   = "begin"
	markDone    = "done"    // acknowledged, and durable
	markRefused = "refused" // the disk has failed
)

// outcome is a line of the file outcomes: that of a step.
type outcome struct {
	Session int
	Step    int
	What    string
	Err     string // of the disk
	Picture string // what the account then held
}

// workIfChild does the workload, and does not return, in a process that was
// started to do it.
func workIfChild() {
	text := os.Getenv(workloadEnv)
	if text == "" {
		return
	}
	time.AfterFunc(2*time.Minute, func() { // if the parent dies, or a step hangs
		os.Stderr.WriteString(stacks())
		os.Exit(3)
	})
	var w worker
	err := json.Unmarshal([]byte(text), &w.workload)
	if err == nil {
		err = w.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "workload:", err)
		os.Exit(2)
	}
	os.Exit(0)
}

// worker is the process that does a workload.
type worker struct {
	workload
	ctx      context.Context
	s        *Store
	sessions []*session
	markFile *os.File

	mu       sync.Mutex // guards outcomes
	outcomes *json.Encoder
}

func (w *worker) run() error {
	// strace counts the calls of each thread. Those of Open and Close are made on
	// this one, those of the writer on another (see open).
	runtime.LockOSThread()
	w.ctx = context.Background()
	var err error
	if w.markFile, err = os.OpenFile(w.marks(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600); err != nil {
		return err
	}
	f, err := os.Create(w.workload.outcomes())
	if err != nil {
		return err
	}
	w.outcomes = json.NewEncoder(f)
	for i := range w.Sessions {
		w.sessions = append(w.sessions, newSession(w, w.First+i))
	}
	rng := rand.New(rand.NewPCG(w.Seed, uint64(1<<32+w.First)))
	for range w.Rounds {
		if err := w.open(rng); errors.Is(err, mailbox.ErrUnavailable) {
			if w.StopAtError {
				return nil
			}
			continue
		} else if err != nil {
			return err
		}
		if stop, err := w.round(); stop || err != nil {
			return err
		}
		// It may fail with the disk, but nothing is lost.
		if err := w.s.Close(); err != nil && w.StopAtError {
			return nil
		}
	}
	return nil
}

// round lets each session take its steps.
func (w *worker) round() (stop bool, err error) {
	errs := make([]error, len(w.sessions))
	var wg sync.WaitGroup
	for i, ss := range w.sessions {
		wg.Go(func() { errs[i] = ss.steps(w.Steps) })
	}
	wg.Wait()
	err = errors.Join(errs...)
	if errors.Is(err, errStop) {
		return true, nil
	}
	return false, err
}

func (w *worker) open(rng *rand.Rand) error {
	// The space of deleted mail is freed at once, in the background.
	opts := &Options{PollInterval: 2 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))}
	s, err := Open(w.ctx, filepath.Join(w.store(), "mail.db"), opts)
	if err != nil {
		return err
	}
	// Small files go through what large ones do: checkpoints, and a log that is
	// used again and truncated.
	pages := []int{20, 60, 200}[rng.IntN(3)]
	err = s.write(w.ctx, func(t *tx) error {
		runtime.LockOSThread() // the goroutine of the writer
		s.tune.grace, s.tune.sweep, s.tune.copyLog = 0, 0, pages
		return t.c.script(fmt.Sprintf("PRAGMA wal_autocheckpoint=%d; PRAGMA journal_size_limit=%d", pages, pages*2000))
	})
	if err != nil {
		s.Close()
		return err
	}
	w.s = s
	return nil
}

func (w *worker) mark(session, step int, what string) error {
	_, err := fmt.Fprintf(w.markFile, "%d %d %s\n", session, step, what)
	return err
}

func (w *worker) tell(o outcome) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.outcomes.Encode(o)
}
