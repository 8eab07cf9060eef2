package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// account is a handle to an account: a mailbox.Account and QuotaKeeper.
type account struct {
	s      *Store
	id     int64
	closed atomic.Bool
}

// box is a handle to a mailbox: a mailbox.Mailbox, RecentMarker and Replacer.
type box struct {
	a    *account
	s    *Store
	id   int64
	info mailbox.Info
}

var (
	_ mailbox.Admin        = (*Store)(nil)
	_ mailbox.Account      = (*account)(nil)
	_ mailbox.QuotaKeeper  = (*account)(nil)
	_ mailbox.Mailbox      = (*box)(nil)
	_ mailbox.RecentMarker = (*box)(nil)
	_ mailbox.Replacer     = (*box)(nil)
)

func (a *account) Limits() mailbox.Limits { return a.s.opts.Limits }

func (a *account) Close() error {
	a.closed.Store(true)
	return nil
}

// read, view, write and do are the Store's, for a handle that is open.
func (a *account) read(ctx context.Context, f func(*conn) error) error {
	if a.closed.Load() {
		return mailbox.ErrClosed
	}
	return a.s.pool.read(ctx, a.id, f)
}

func (a *account) view(ctx context.Context, f func(*conn) error) error {
	if a.closed.Load() {
		return mailbox.ErrClosed
	}
	return a.s.pool.view(ctx, a.id, f)
}

func (a *account) write(ctx context.Context, f func(*tx) error) error {
	return a.do(ctx, &request{run: f})
}

// do makes a change. One that a mailbox has no room for keywords for is tried again
// when unused ones have been found.
func (a *account) do(ctx context.Context, r *request) error {
	if a.closed.Load() {
		return mailbox.ErrClosed
	}
	r.account = a.id
	err := a.s.do(ctx, r)
	var full *keywordsFull
	if errors.As(err, &full) {
		if found, ferr := a.forgetKeywords(ctx, full.box); ferr != nil || !found {
			return cmp.Or(ferr, err)
		}
		r.state.Store(requestQueued)
		err = a.s.do(ctx, r)
	}
	return err
}

func (b *box) Info() mailbox.Info { return b.info }

// load reads the mailbox's row.
func (b *box) load(c *conn) (*boxRow, error) { return loadBox(c, boxByID, b.a.id, b.id) }

// statusColumns are the columns of a Status, in the order of scanStatus.
const (
	statusColumns = `messages, unseen, deleted, uidnext, uidvalidity, modseq, storage,
		CASE WHEN unseen > 0 THEN (SELECT uid FROM message m INDEXED BY message_unseen WHERE m.account = b.account AND m.mailbox = b.id
			AND flags & 8 = 0 ORDER BY uid LIMIT 1) ELSE 0 END`
	selectStatus = "SELECT " + statusColumns + " FROM mailbox b WHERE account = ? AND id = ?"
)

// scanStatus reads statusColumns, which begin at column i.
func scanStatus(r *rows, i int) mailbox.Status {
	return mailbox.Status{
		Messages:      uint32(r.int(i)),
		Unseen:        uint32(r.int(i + 1)),
		Deleted:       uint32(r.int(i + 2)),
		UIDNext:       mailbox.UID(r.int(i + 3)),
		UIDValidity:   uint32(r.int(i + 4)),
		HighestModSeq: mailbox.ModSeq(r.int(i + 5)),
		Size:          r.int(i + 6),
		FirstUnseen:   mailbox.UID(r.int(i + 7)),
	}
}

func (b *box) Status(ctx context.Context) (mailbox.Status, error) {
	var st mailbox.Status
	err := b.a.read(ctx, func(c *conn) error {
		r, err := c.query(selectStatus, b.a.id, b.id)
		if err != nil {
			return err
		}
		found := r.next()
		if found {
			st = scanStatus(r, 0)
		}
		if err := r.close(); err != nil {
			return err
		}
		if !found {
			return fmt.Errorf("mailbox: %w", mailbox.ErrNotExist)
		}
		return nil
	})
	return st, err
}

func (b *box) Recent(ctx context.Context) (first mailbox.UID, err error) {
	err = b.a.read(ctx, func(c *conn) error {
		row, err := b.load(c)
		if err == nil {
			first = mailbox.UID(row.recent)
		}
		return err
	})
	return first, err
}

func (b *box) MarkRecent(ctx context.Context, next mailbox.UID) (first mailbox.UID, err error) {
	// Usually nothing is recent, and nothing needs to be written.
	if first, err = b.Recent(ctx); err != nil || first >= next {
		return first, err
	}
	err = b.a.write(ctx, func(t *tx) error {
		row, err := t.box(b.a.id, b.id)
		if err != nil {
			return err
		}
		first = mailbox.UID(row.recent)
		if first < next {
			row.change(t).recent = min(int64(next), row.uidnext)
		}
		return nil
	})
	return first, err
}
