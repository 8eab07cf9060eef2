package sqlite

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/posthorn-mail/posthorn/internal/durable"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// When a sync fails, Linux forgets what it has not written: the next sync succeeds,
// and the file reads well until the power fails. For a commit that was refused this
// is no harm, since the next one writes the same part of the log again. But earlier
// ones of the log may be lost that have waited for this sync, those without one of
// their own (request.lazy), and the log ends, for recovery, at the first that is
// missing: a later commit would be lost with them, though it was synced.
//
// So after an error the whole log is written again before anything else is
// committed, and so is the log that a process has left behind. SQLite's own
// checkpoints hide the error of a sync; they run only after commits that have synced
// the log (setLazy).

// renewLog writes the log again, as it is, and syncs it. The caller has begun a
// transaction that writes, so that no process changes the log.
func (s *Store) renewLog() error {
	if err := rewrite(s.path + "-wal"); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("%w: write the log again: %w", mailbox.ErrUnavailable, err)
	}
	return nil
}

func rewrite(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	buf := make([]byte, 256<<10)
	for offset := int64(0); ; {
		n, err := f.ReadAt(buf, offset)
		if err != nil && err != io.EOF {
			return err
		}
		if _, err := f.WriteAt(buf[:n], offset); err != nil {
			return err
		}
		if offset += int64(n); err == io.EOF {
			return f.Sync()
		}
	}
}

// settleLog renews the log if it is in doubt.
func (w *writer) settleLog() error {
	if !w.doubt {
		return nil
	}
	err := w.c.begin(context.Background())
	if err == nil {
		err = w.s.renewLog()
		w.c.rollback()
	}
	w.doubt = err != nil
	return err
}

// adoptLog renews the log of an earlier process, if there is one.
func (s *Store) adoptLog(ctx context.Context, c *conn) error {
	if fi, err := os.Stat(s.path + "-wal"); err != nil || fi.Size() == 0 {
		return nil
	}
	if err := c.begin(ctx); err != nil {
		return err
	}
	defer c.rollback()
	return s.renewLog()
}

// syncNames makes the names of the database and its log durable. SQLite does so
// when it first syncs a log that it has created, but ignores the error.
func (s *Store) syncNames() error {
	if err := durable.SyncFolder(filepath.Dir(s.path)); err != nil {
		return fmt.Errorf("%w: sync the folder: %w", mailbox.ErrUnavailable, err)
	}
	return nil
}
