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
	// wants exclusive use (see [Options]).
	ErrLocked = errors.New("sqlite: the database is in use by another process")

	// ErrDamaged: the file is no database, or what it holds makes no sense.
	ErrDamaged = errors.New("sqlite: the database is damaged")
)

// dbError gives errors of SQLite their meaning: what may be better at the next
// attempt (disk full, locked for long, I/O) is mailbox.ErrUnavailable.
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

func isNotExist(err error) bool { return errors.Is(err, mailbox.ErrNotExist) }

// ended says why a context has ended: with its error, and the cause where that
// is another.
func ended(ctx context.Context) error {
	err, cause := ctx.Err(), context.Cause(ctx)
	if cause == nil || errors.Is(cause, err) {
		return cause
	}
	return fmt.Errorf("%w: %w", err, cause)
}
