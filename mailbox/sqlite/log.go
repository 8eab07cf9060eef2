package sqlite

import (
	"fmt"
	"os"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// log is the write-ahead log. SQLite appends to it and, when a commit has made it
// longer than 2,000 pages, copies it back into the database (PRAGMA
// wal_autocheckpoint, which waits for nobody). Then the log is written from its
// beginning again, unless somebody still reads an older state from it. Reads of
// this package are short. One in another process (a backup, a shell) can hold a
// state for as long as it likes, and the log grows meanwhile.
//
// The fields are used by the writer only.
type log struct {
	grew   bool // a transaction was committed since the last look
	large  bool // it was longer than maxLog at the last look
	copied int64
	pause  int  // in rounds
	left   int  // of the pause
	warned bool // of its size
	tries  int  // checkpoints that were tried; tests count them
}

// maxLogPause is how many rounds at most (of PollInterval: minutes) there are
// between two tries to shorten the log.
const maxLogPause = 2048

// boundLog looks at the length of the log, and shortens it if nobody reads it. It
// never waits: nothing would be written meanwhile.
func (w *writer) boundLog() {
	l := &w.log
	if !l.grew && !l.large {
		return
	}
	l.grew = false
	var size int64
	if fi, err := os.Stat(w.s.path + "-wal"); err == nil {
		size = fi.Size()
	}
	w.s.logSize.Store(size)
	if l.large = size > w.s.tune.maxLog; !l.large {
		if l.warned {
			w.s.opts.Logger.Info("sqlite: the log is reused again", "octets", size)
		}
		*l = log{tries: l.tries}
		return
	}
	if size > w.s.tune.warnLog && !l.warned {
		l.warned = true
		w.s.opts.Logger.Warn("sqlite: the log grows, since a reader in another process holds an old state", "octets", size)
	}
	if l.left--; l.left > 0 {
		return
	}
	copied, err := w.checkpoint()
	if err != nil && !isBusy(err) {
		w.s.opts.Logger.Error("sqlite: checkpoint", "error", err)
	}
	if copied > l.copied {
		l.pause = 0
	}
	l.copied = copied
	l.pause = min(max(1, 2*l.pause), maxLogPause)
	l.left = l.pause
}

// checkpoint copies what it can of the log into the database, and if that is all,
// truncates the log. It returns how many pages of the log have been copied. It
// waits for nobody, since the busy_timeout of the writer's connection is zero.
func (w *writer) checkpoint() (copied int64, err error) {
	w.log.tries++
	if err := w.settleLog(); err != nil {
		return 0, err
	}
	defer func() { w.doubt = w.doubt || isIOError(err) }()
	length, copied, err := w.checkpointBy("PRAGMA wal_checkpoint(PASSIVE)")
	if err != nil || copied < length {
		return copied, err
	}
	_, _, err = w.checkpointBy("PRAGMA wal_checkpoint(TRUNCATE)")
	return copied, err
}

func (w *writer) checkpointBy(pragma string) (length, copied int64, err error) {
	r, err := w.c.query(pragma)
	if err != nil {
		return 0, 0, err
	}
	if r.next() {
		length, copied = r.int(1), r.int(2)
	}
	return length, copied, r.close()
}

// roomInLog returns mailbox.ErrUnavailable if the log is too long for a change:
// beyond Options.MaxLog for one that adds messages, beyond twice as much for any.
func (s *Store) roomInLog(adds bool) error {
	limit := s.opts.MaxLog
	if limit < 0 {
		return nil
	}
	if !adds {
		limit *= 2
	}
	if size := s.logSize.Load(); size > limit {
		return fmt.Errorf("%w: the log of the database has %d octets, which a reader in another process holds", mailbox.ErrUnavailable, size)
	}
	return nil
}
