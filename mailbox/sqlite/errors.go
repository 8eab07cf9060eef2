package sqlite

import (
	"context"
	"errors"
	"fmt"

	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"github.com/posthorn-mail/posthorn/mailbox"
)

var (
	// ErrLocked: another process has the database open, and it or this one
	// requires exclusive use (see [Options]).
	ErrLocked = errors.New("sqlite: the database is in use by another process")

	// ErrDamaged: the file is not a database, or its contents are invalid.
	ErrDamaged = errors.New("sqlite: the database is damaged")
)

// dbError wraps errors of SQLite: those that may not occur at the next attempt
// (disk full, locked for long, I/O) as mailbox.ErrUnavailable.
func dbError(err error) error {
	var e *sqlite.Error
	if err == nil || !errors.As(err, &e) {
		return err
	}
	switch e.Code() & 0xff {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY:
		return fmt.Errorf("%w: %w", mailbox.ErrUnavailable, err)
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return fmt.Errorf("sqlite: %w", err)
}

// isBusy reports whether the database was locked by another process.
func isBusy(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && (e.Code()&0xff == sqlite3.SQLITE_BUSY || e.Code()&0xff == sqlite3.SQLITE_LOCKED)
}

// isIOError reports whether the disk has failed.
func isIOError(err error) bool {
	var e *sqlite.Error
	return errors.As(err, &e) && e.Code()&0xff == sqlite3.SQLITE_IOERR
}

func isNotExist(err error) bool { return errors.Is(err, mailbox.ErrNotExist) }

// ended returns the error of a context that is done, and its cause if that
// differs.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
