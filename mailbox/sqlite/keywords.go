package sqlite

import (
	"context"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// addKeywords adds the keywords of a set to those of a mailbox; keywordsFull.
// A request makes one call for all messages that are not written yet.
func (t *tx) addKeywords(row *boxRow, flags mailbox.FlagSet) error {
	var missing []mailbox.Flag
	for _, word := range flags.Keywords() {
		if strings.ContainsFunc(string(word), func(r rune) bool { return r <= ' ' }) {
			return fmt.Errorf("sqlite: keyword %q has a space or control character", word)
		}
		known, err := t.c.queryInt("SELECT 1 FROM keyword WHERE account = ? AND mailbox = ? AND name = ?",
			row.account, row.id, storekit.Fold(word))
		if err != nil {
			return err
		}
		if known == 0 {
			missing = append(missing, word)
		}
	}
	if limit := int64(t.s.opts.Limits.MaxKeywords); limit > 0 && len(missing) > 0 {
		n, err := t.c.queryInt("SELECT count(*) FROM keyword WHERE account = ? AND mailbox = ?", row.account, row.id)
		if err != nil {
			return err
		}
		if n+int64(len(missing)) > limit {
			return &keywordsFull{box: row.id, limit: limit}
		}
	}
	for _, word := range missing {
		_, err := t.exec("INSERT INTO keyword (account, mailbox, name, keyword) VALUES (?, ?, ?, ?)",
			row.account, row.id, storekit.Fold(word), string(word))
		if err != nil {
			return err
		}
	}
	return nil
}

// keywordsFull is mailbox.ErrLimit where a mailbox has as many keywords as it may.
// It may have some that no message has any more; see forgetKeywords.
type keywordsFull struct{ box, limit int64 }

func (e *keywordsFull) Error() string {
	return fmt.Sprintf("%v: %d keywords in a mailbox", mailbox.ErrLimit, e.limit)
}

func (e *keywordsFull) Unwrap() error { return mailbox.ErrLimit }

const (
	selectKeywords     = "SELECT name FROM keyword WHERE account = ? AND mailbox = ?"
	selectNextKeywords = `SELECT keywords FROM message INDEXED BY message_keywords
	WHERE account = ? AND mailbox = ? AND keywords > ? AND keywords <> '' ORDER BY keywords LIMIT 1`
	selectKeywordsSince = "SELECT keywords FROM message WHERE account = ? AND mailbox = ? AND modseq > ? LIMIT ?"
)

// forgetKeywords removes the keywords of a mailbox that no message has any more, and
// reports whether there were any.
//
// To find them may mean to look at a list of keywords for each message. That is done
// by a reader, in pages, so that no change waits for it; in the writer, only what has
// changed since is looked at. If that is much too, nothing is removed.
func (a *account) forgetKeywords(ctx context.Context, box int64) (forgotten bool, err error) {
	unused := make(map[string]bool) // as far as is known
	var since int64
	err = a.view(ctx, func(c *conn) error {
		row, err := loadBox(c, boxByID, a.id, box)
		if err != nil {
			return err
		}
		since = row.modseq
		r, err := c.query(selectKeywords, a.id, box)
		if err != nil {
			return err
		}
		for r.next() {
			unused[r.text(0)] = true
		}
		return r.close()
	})
	for last, more := "", true; more && err == nil && len(unused) > 0; {
		err = a.read(ctx, func(c *conn) (err error) {
			last, more, err = a.useKeywords(ctx, c, box, last, unused)
			return err
		})
	}
	if err != nil || len(unused) == 0 {
		return false, err
	}
	err = a.write(ctx, func(t *tx) error {
		forgotten = false
		n := 0
		r, err := t.c.query(selectKeywordsSince, a.id, box, since, int64(sliceRows+1))
		if err != nil {
			return err
		}
		for r.next() {
			n++
			use(unused, r.text(0))
		}
		if err := r.close(); err != nil || n > sliceRows {
			return err
		}
		for name := range unused {
			forgotten = true
			if _, err := t.exec("DELETE FROM keyword WHERE account = ? AND mailbox = ? AND name = ?", a.id, box, name); err != nil {
				return err
			}
		}
		return nil
	})
	return forgotten, err
}

// useKeywords reads the next different lists of keywords that messages have, from
// one on, and takes their keywords out of unused. It takes one step in an index for
// each list.
func (a *account) useKeywords(ctx context.Context, c *conn, box int64, last string, unused map[string]bool) (next string, more bool, err error) {
	for range pageRows {
		if err := ctx.Err(); err != nil {
			return last, false, ended(ctx)
		}
		r, err := c.query(selectNextKeywords, a.id, box, last)
		if err != nil {
			return last, false, err
		}
		found := r.next()
		if found {
			last = r.text(0)
			use(unused, last)
		}
		if err := r.close(); err != nil || !found {
			return last, false, err
		}
	}
	return last, true, nil
}

// use takes the keywords of a list out of unused.
func use(unused map[string]bool, list string) {
	for word := range strings.FieldsSeq(list) {
		delete(unused, storekit.Fold(mailbox.Flag(word)))
	}
}
