package sqlite

import (
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// addKeywords makes the keywords of a set known to a mailbox; mailbox.ErrLimit.
// All those of a request whose messages are not written yet come in one call.
func (t *tx) addKeywords(row *boxRow, flags mailbox.FlagSet) error {
	var missing []string
	for _, word := range flags.Keywords() {
		if strings.ContainsFunc(string(word), func(r rune) bool { return r <= ' ' }) {
			return fmt.Errorf("sqlite: keyword %q has a space or control character", word)
		}
		known, err := t.c.queryInt("SELECT 1 FROM keyword WHERE account = ? AND mailbox = ? AND name = ?",
			row.account, row.id, lowerASCII(string(word)))
		if err != nil {
			return err
		}
		if known == 0 {
			missing = append(missing, string(word))
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
			row.account, row.id, lowerASCII(word), word)
		if err != nil {
			return err
		}
	}
	return nil
}

// forgetKeywords makes a mailbox forget all keywords, and returns those that
// it has to know: the ones that messages have, and those of the set.
func (t *tx) forgetKeywords(row *boxRow, flags mailbox.FlagSet, limit int64) (known []string, err error) {
	r, err := t.c.query("SELECT DISTINCT keywords FROM message WHERE account = ? AND mailbox = ? AND keywords <> ''", row.account, row.id)
	if err != nil {
		return nil, err
	}
	used := make(map[string]string)
	for r.next() {
		for word := range strings.FieldsSeq(r.text(0)) {
			used[lowerASCII(word)] = word
		}
	}
	if err := r.close(); err != nil {
		return nil, err
	}
	for _, word := range flags.Keywords() {
		used[lowerASCII(string(word))] = string(word)
	}
	if int64(len(used)) > limit {
		return nil, fmt.Errorf("%w: %d keywords in a mailbox", mailbox.ErrLimit, limit)
	}
	for _, word := range used {
		known = append(known, word)
	}
	_, err = t.exec("DELETE FROM keyword WHERE account = ? AND mailbox = ?", row.account, row.id)
	return known, err
}

// lowerASCII folds what flags are compared without regard to.
func lowerASCII(s string) string {
	return strings.Map(func(r rune) rune {
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, s)
}
