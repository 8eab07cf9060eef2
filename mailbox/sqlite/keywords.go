package sqlite

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/internal/storekit"
)

// addKeywords adds the keywords of a set to those of a mailbox; mailbox.ErrLimit.
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
			if missing, err = t.forgetKeywords(row, flags, limit); err != nil {
				return err
			}
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

// forgetKeywords removes all keywords of a mailbox, and returns those that it must
// have: the keywords of messages, and those of the set.
func (t *tx) forgetKeywords(row *boxRow, flags mailbox.FlagSet, limit int64) (known []mailbox.Flag, err error) {
	used := make(map[string]mailbox.Flag)
	words := joinKeywords(flags)
	for last := ""; ; last = words {
		for word := range strings.FieldsSeq(words) {
			used[storekit.Fold(mailbox.Flag(word))] = mailbox.Flag(word)
		}
		if int64(len(used)) > limit {
			return nil, fmt.Errorf("%w: %d keywords in a mailbox", mailbox.ErrLimit, limit)
		}
		if words, err = t.nextKeywords(row, last); err != nil {
			return nil, err
		}
		if words == "" {
			break
		}
	}
	for _, word := range used {
		known = append(known, word)
	}
	_, err = t.exec("DELETE FROM keyword WHERE account = ? AND mailbox = ?", row.account, row.id)
	return known, err
}

const selectNextKeywords = `SELECT keywords FROM message INDEXED BY message_keywords
	WHERE account = ? AND mailbox = ? AND keywords > ? AND keywords <> '' ORDER BY keywords LIMIT 1`

// nextKeywords returns the keywords of a message whose text follows that of last
// in the index, so that one step for each different list finds the keywords of all
// messages.
func (t *tx) nextKeywords(row *boxRow, last string) (words string, err error) {
	r, err := t.c.query(selectNextKeywords, row.account, row.id, last)
	if err != nil {
		return "", err
	}
	if r.next() {
		words = r.text(0)
	}
	return words, r.close()
}
