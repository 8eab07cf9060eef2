package sqlite

import (
	"errors"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// The size of the steps in which unused space is freed, each a transaction of a
// few milliseconds.
const (
	sweepMessages = sliceRows
	sweepContents = 200
	sweepChunks   = 64
)

// sweeper is the place of the writer, whose goroutine owns it, in a round over what
// is to be freed. What cannot be freed is passed over, and tried again in the next
// round.
type sweeper struct {
	trash boxKey    // the last mailbox that was passed over
	free  freePlace // the last content that was dealt with

	vacuum bool // nothing more is to be freed: the file gets shorter

	// After a failure, so many contents are deleted one by one: the others do
	// not wait for one that is damaged.
	singly int
}

type boxKey struct{ account, mailbox int64 }

// freePlace is a place in the order in which contents become free.
type freePlace struct {
	freeAt, id int64
	part       int64 // a content before it of which a part remains, or zero
}

// sweep frees the space of some deleted messages. It reports whether the round goes
// on.
func (t *tx) sweep() (more bool, err error) {
	sw := &t.s.sweeper
	if sw.vacuum {
		if more, err = t.vacuum(true); !more || err != nil {
			*sw = sweeper{}
		}
		return more, err
	}
	key, err := t.nextTrash(sw.trash)
	if err != nil {
		return false, err
	}
	if key != (boxKey{}) {
		if err := t.sweepTrash(key); err != nil {
			if passing(err) {
				return false, err
			}
			sw.trash = key
			return true, err
		}
		return true, nil
	}
	limit := sweepContents
	if sw.singly > 0 {
		limit = 1
	}
	at := sw.free
	more, err = t.sweepContents(&at, 0, t.now, limit)
	switch {
	case passing(err):
		return false, err
	case err != nil && limit > 1:
		sw.singly = sweepContents
		return true, err
	}
	sw.free = at
	sw.singly = max(0, sw.singly-1)
	if more || err != nil {
		return true, err
	}
	more, err = t.vacuum(false)
	*sw = sweeper{vacuum: more}
	return more, err
}

// passing reports whether an error says nothing about what was to be freed.
func passing(err error) bool { return errors.Is(err, mailbox.ErrUnavailable) }

const (
	selectTrash   = "SELECT account, mailbox FROM trash WHERE (account, mailbox) > (?, ?) ORDER BY account, mailbox LIMIT 1"
	selectTrashOf = "SELECT account, mailbox FROM trash WHERE account = ? LIMIT 1"
)

// nextTrash returns the deleted mailbox after another, or zero.
func (t *tx) nextTrash(after boxKey) (boxKey, error) {
	return t.trash(selectTrash, after.account, after.mailbox)
}

func (t *tx) trash(query string, args ...any) (key boxKey, err error) {
	r, err := t.c.query(query, args...)
	if err != nil {
		return key, err
	}
	if r.next() {
		key = boxKey{r.int(0), r.int(1)}
	}
	return key, r.close()
}

// sweepTrash removes messages of a deleted mailbox.
func (t *tx) sweepTrash(key boxKey) error {
	r, err := t.c.query("SELECT uid, content, size FROM message WHERE account = ? AND mailbox = ? LIMIT ?", key.account, key.mailbox, int64(sweepMessages))
	if err != nil {
		return err
	}
	type message struct{ uid, content, size int64 }
	var list []message
	for r.next() {
		list = append(list, message{r.int(0), r.int(1), r.int(2)})
	}
	if err := r.close(); err != nil {
		return err
	}
	waiting := int64(0)
	for _, m := range list {
		if _, err := t.exec("DELETE FROM message WHERE account = ? AND mailbox = ? AND uid = ?", key.account, key.mailbox, m.uid); err != nil {
			return err
		}
		n, err := t.release(m.content, m.size)
		if err != nil {
			return err
		}
		waiting += n - m.size - rowSize // what deleteBox has counted
	}
	if err := t.waits(key.account, waiting); err != nil || len(list) == sweepMessages {
		return err
	}
	res, err := t.exec(`DELETE FROM vanished WHERE account = ?1 AND mailbox = ?2 AND (modseq, first) IN
		(SELECT modseq, first FROM vanished WHERE account = ?1 AND mailbox = ?2 LIMIT ?3)`, key.account, key.mailbox, int64(sweepMessages))
	if err != nil {
		return err
	}
	if n, err := res.RowsAffected(); err != nil || n == sweepMessages {
		return err
	}
	for _, table := range []string{"keyword", "trash"} {
		if _, err := t.exec("DELETE FROM "+table+" WHERE account = ? AND mailbox = ?", key.account, key.mailbox); err != nil {
			return err
		}
	}
	return nil
}

const (
	selectFree = `SELECT id, account, free_at, waiting FROM content INDEXED BY content_free
		WHERE refs = 0 AND free_at <= ? AND (free_at, id) > (?, ?) ORDER BY free_at, id LIMIT ?`
	selectFreeOf = `SELECT id, account, free_at, waiting FROM content INDEXED BY content_waiting
		WHERE refs = 0 AND free_at <= ? AND (free_at, id) > (?, ?) AND account = ? ORDER BY free_at, id LIMIT ?`
)

// sweepContents deletes contents that no message refers to and no call reads, and
// moves on to the last one that it has seen, or to the one that failed. It sees at
// most limit contents that are free at a time, of one account if that is not zero,
// and reports whether there may be more.
func (t *tx) sweepContents(at *freePlace, account int64, now time.Time, limit int) (more bool, err error) {
	type content struct {
		place                freePlace
		id, account, waiting int64
	}
	var list []content
	if at.part != 0 {
		r, err := t.c.query("SELECT account, waiting FROM content WHERE id = ? AND refs = 0", at.part)
		if err != nil {
			return false, err
		}
		if r.next() {
			list = append(list, content{freePlace{freeAt: at.freeAt, id: at.id}, at.part, r.int(0), r.int(1)})
		}
		if err := r.close(); err != nil {
			return false, err
		}
	}
	var r *rows
	if account == 0 {
		r, err = t.c.query(selectFree, now.Unix(), at.freeAt, at.id, int64(limit))
	} else {
		r, err = t.c.query(selectFreeOf, now.Unix(), at.freeAt, at.id, account, int64(limit))
	}
	if err != nil {
		return false, err
	}
	n := 0
	for ; r.next(); n++ {
		list = append(list, content{freePlace{freeAt: r.int(2), id: r.int(0)}, r.int(0), r.int(1), r.int(3)})
	}
	if err := r.close(); err != nil {
		return false, err
	}
	chunks := sweepChunks
	for _, c := range list {
		rest := false
		if !t.s.pins.has(c.id) {
			rest, err = t.sweepContent(c.id, c.account, c.waiting, &chunks)
		}
		*at = c.place
		if rest {
			at.part = c.id
		}
		if rest || err != nil {
			return rest, err
		}
	}
	return n == limit, nil
}

// sweepContent deletes a content, or as many chunks of it as are left to be deleted
// in this step. It reports whether a part may remain.
func (t *tx) sweepContent(id, account, waiting int64, left *int) (rest bool, err error) {
	t.wrote = true
	r, err := t.c.query(`DELETE FROM chunk WHERE account = ?1 AND content = ?2 AND offset IN
		(SELECT offset FROM chunk WHERE account = ?1 AND content = ?2 LIMIT ?3) RETURNING length(data)`, account, id, int64(*left))
	if err != nil {
		return false, err
	}
	freed := int64(0)
	for r.next() {
		*left--
		freed += r.int(0)
	}
	if err := r.close(); err != nil {
		return false, err
	}
	if *left == 0 {
		// Nobody may add to it now, or refer to it.
		_, err := t.exec("UPDATE content SET free_at = 0, waiting = waiting - ? WHERE id = ?", freed, id)
		if err != nil {
			return false, err
		}
		return true, t.waits(account, -freed)
	}
	if _, err := t.exec("DELETE FROM body WHERE id = ?", id); err != nil {
		return false, err
	}
	if _, err := t.exec("DELETE FROM content WHERE id = ?", id); err != nil {
		return false, err
	}
	return false, t.waits(account, -waiting)
}
