package sqlite

import (
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"sync/atomic"
	"syscall"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// reserve is a file beside the database, path-reserve, that is there for the space
// it takes. To delete mail, SQLite writes to the log, and then to the database, so on
// a full disk nobody could make room. When a change that adds nothing fails for want
// of space, the file is removed, and the change is made with what it took. From then
// on the store is low: it adds nothing, so that the space is left to those who
// delete. It ends when the file can be written again.
//
// The processes that share a database share the file, and each finds out by itself.
//
// The fields besides low are used by the writer only.
type reserve struct {
	low    atomic.Bool
	failed bool // to write the file for another reason, which has been logged
	pause  int  // while low: so many rounds of the sweeper between two tries
	left   int  // of the pause
}

// The size of the file, unless Options.Reserve says it, is that of the database
// within these bounds. The largest holds the pages of a slice that changes 256
// messages far from each other, and of a log that waits to be copied.
const (
	minReserve = 1 << 20
	maxReserve = 16 << 20

	lowLogPages     = 64
	maxReservePause = 12 // rounds: a minute
)

var errFull = fmt.Errorf("%w: the disk is full", mailbox.ErrUnavailable)

// isFull reports whether a change failed for want of space. SQLite does not say if a
// write has failed since a disk quota (EDQUOT) or the size of a file (EFBIG) is
// exhausted: any failed write counts.
func isFull(err error) bool {
	var e *sqlite.Error
	if !errors.As(err, &e) {
		return false
	}
	switch e.Code() {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE:
		return true
	}
	return false
}

func (s *Store) reservePath() string { return s.path + "-reserve" }

// giveUpReserve makes room after a failure for want of it: with the file, and by
// copying the log into the database, so that the log is written from its beginning
// again.
func (w *writer) giveUpReserve() {
	if w.s.opts.Reserve >= 0 {
		err := os.Remove(w.s.reservePath())
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			w.s.opts.Logger.Error("sqlite: give up the reserve", "error", err)
		}
		w.beLow()
	}
	w.checkpoint() // as far as that goes
}

// beLow ends what adds something. From then on the log is copied early (copyAt), so
// that it leaves space to the database, which may have to grow for a moment.
func (w *writer) beLow() {
	if w.s.reserve.low.Swap(true) {
		return
	}
	w.s.opts.Logger.Warn("sqlite: the disk is full, nothing is added until there is space", "path", w.s.path)
}

// keepReserve sees to it that the file is there, and of its size.
func (w *writer) keepReserve() {
	s, r := w.s, &w.s.reserve
	if s.opts.Reserve < 0 {
		return
	}
	low := r.low.Load()
	if low {
		if r.left--; r.left > 0 {
			return
		}
		r.pause = min(max(1, 2*r.pause), maxReservePause)
		r.left = r.pause
		w.checkpoint() // it gives to the file system what the sweeper has freed
	}
	want := s.opts.Reserve
	if want == 0 {
		want = min(max(minReserve, fileLen(s.path)/minReserve*minReserve), maxReserve)
	}
	have := fileLen(s.reservePath())
	err := growFile(s.reservePath(), have, want)
	switch {
	case err == nil:
		r.failed = false
	case have > 0: // smaller than it should be
		return
	case isNoSpace(err):
		// The free pages of a database that does not get shorter do as well.
		if free, _ := w.c.queryInt("PRAGMA freelist_count"); free*pageSize < want {
			w.beLow()
			return
		}
	default:
		if !r.failed {
			s.opts.Logger.Error("sqlite: reserve space on the disk", "error", err)
		}
		r.failed = true
		return
	}
	if low {
		s.opts.Logger.Info("sqlite: there is space on the disk again", "path", s.path)
	}
	r.low.Store(false)
	r.pause, r.left = 0, 0
}

func isNoSpace(err error) bool {
	return errors.Is(err, errWrite) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
}

// errWrite: a file could be opened, but not written.
var errWrite = errors.New("write")

// fileLen returns the size of a regular file; zero if there is none.
func fileLen(path string) int64 {
	fi, err := os.Stat(path)
	if err != nil || !fi.Mode().IsRegular() {
		return 0
	}
	return fi.Size()
}

// growFile makes a file longer, with octets that no file system stores in less
// space. After an error the file is as long as before.
func growFile(path string, have, want int64) error {
	if have >= want {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	noise := rand.NewChaCha8([32]byte{})
	buf := make([]byte, 256<<10)
	for at := have; at < want && err == nil; {
		part := buf[:min(int64(len(buf)), want-at)]
		noise.Read(part)
		var n int
		n, err = f.WriteAt(part, at)
		at += int64(n)
	}
	if err != nil {
		f.Truncate(have)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		if have == 0 {
			os.Remove(path)
		}
		return fmt.Errorf("%w: %w", errWrite, err)
	}
	return nil
}
