package sqlite

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestMain(m *testing.M) {
	if path := os.Getenv(holdEnv); path != "" {
		hold(path)
	}
	workIfChild()
	code := m.Run()
	// Every test closes its stores, so no goroutine of the package may be left.
	for range 100 {
		if !strings.Contains(stacks(), "mailbox/sqlite.(*") {
			os.Exit(code)
		}
		time.Sleep(10 * time.Millisecond)
	}
	os.Stderr.WriteString("goroutines are left behind:\n" + stacks())
	os.Exit(1)
}

func stacks() string {
	b := make([]byte, 1<<20)
	return string(b[:runtime.Stack(b, true)])
}

// openStore opens a database in a folder of the test's own. When the test ends
// it is checked and closed.
func openStore(t testing.TB, opts *Options) *Store {
	t.Helper()
	return openPath(t, filepath.Join(t.TempDir(), "mail.db"), opts)
}

func openPath(t testing.TB, path string, opts *Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), path, opts)
	require.NoError(t, err)
	t.Cleanup(func() {
		if s.closed() == nil {
			requireSound(t, s)
		}
		require.NoError(t, s.Close())
	})
	return s
}

func requireSound(t testing.TB, s *Store) {
	t.Helper()
	require.NoError(t, soundness(s))
}

// soundness checks what must be true of a database at all times.
func soundness(s *Store) error {
	return s.view(context.Background(), func(c *conn) error {
		for what, query := range map[string]string{
			"counters of mailboxes": `SELECT b.id FROM mailbox b LEFT JOIN
				(SELECT mailbox, count(*) AS n, sum(size) AS size, sum(flags & 8 = 0) AS unseen, sum(flags & 4 <> 0) AS deleted,
					max(uid) AS uid, max(modseq) AS modseq FROM message GROUP BY mailbox) m ON m.mailbox = b.id
				WHERE b.messages <> ifnull(n, 0) OR b.storage <> ifnull(size, 0) OR b.unseen <> ifnull(m.unseen, 0)
					OR b.deleted <> ifnull(m.deleted, 0) OR b.uidnext <= ifnull(uid, 0) OR b.modseq < ifnull(m.modseq, 1)
					OR b.recent > b.uidnext`,
			"counters of accounts": `SELECT a.id FROM account a LEFT JOIN
				(SELECT account, count(*) AS n, sum(messages) AS messages, sum(storage) AS storage, max(uidvalidity) AS uidvalidity
					FROM mailbox GROUP BY account) b ON b.account = a.id
				WHERE a.mailboxes <> n OR a.messages <> b.messages OR a.storage <> b.storage OR a.uidvalidity < b.uidvalidity`,
			"waiting octets of accounts": `SELECT a.id FROM account a WHERE a.waiting <>
				(SELECT ifnull(sum(waiting), 0) FROM content c WHERE c.account = a.id AND refs = 0) +
				(SELECT ifnull(sum(m.size + 512), 0) FROM trash t JOIN message m ON m.account = t.account AND m.mailbox = t.mailbox
					WHERE t.account = a.id)`,
			"waiting octets of contents": `SELECT id FROM content WHERE refs > 0 AND waiting <> 0 OR refs = 0 AND waiting < length(summary) +
				ifnull((SELECT length(data) FROM body b WHERE b.id = content.id), 0) +
				ifnull((SELECT sum(length(data)) FROM chunk c WHERE c.account = content.account AND c.content = content.id), 0)`,
			"mailboxes without account": "SELECT id FROM mailbox WHERE account NOT IN (SELECT id FROM account)",
			"vanished UIDs are those that are missing": `SELECT b.id FROM mailbox b LEFT JOIN
				(SELECT mailbox, count(*) AS n, sum(last - first + 1) AS uids, max(modseq) AS modseq, sum(modseq > 0) AS dated,
					min(nullif(modseq, 0)) AS oldest FROM vanished GROUP BY mailbox) v
					ON v.mailbox = b.id
				WHERE b.vanished <> ifnull(dated, 0) OR b.vanished = ifnull(n, 0) AND b.forgotten <> 0 OR b.forgotten > ifnull(oldest, b.modseq) OR b.uidnext - 1 <> b.messages + ifnull(uids, 0) OR b.modseq < ifnull(v.modseq, 1)`,
			"messages that have vanished": `SELECT uid FROM message m JOIN vanished v ON v.account = m.account AND v.mailbox = m.mailbox
				AND uid BETWEEN first AND last WHERE m.mailbox IN (SELECT id FROM mailbox)`,
			"messages without mailbox": `SELECT uid FROM message WHERE mailbox NOT IN (SELECT id FROM mailbox UNION SELECT mailbox FROM trash)`,
			"references to contents": `SELECT c.id FROM content c LEFT JOIN (SELECT content, count(*) AS n FROM message GROUP BY content) m
				ON m.content = c.id WHERE c.refs <> ifnull(n, 0)`,
			"messages without content": `SELECT uid FROM message m LEFT JOIN content c ON c.id = m.content
				WHERE c.id IS NULL OR c.account <> m.account`,
			"sizes of contents": `SELECT content FROM message m WHERE size <>
				ifnull((SELECT length(data) FROM body WHERE id = content), 0) +
				ifnull((SELECT sum(length(data)) FROM chunk c WHERE c.account = m.account AND c.content = m.content), 0)`,
			"bodies without content":  "SELECT id FROM body WHERE id NOT IN (SELECT id FROM content)",
			"chunks without content":  "SELECT content FROM chunk WHERE content NOT IN (SELECT id FROM content)",
			"keywords that are known": "SELECT uid FROM message m WHERE keywords <> '' AND NOT EXISTS (SELECT 1 FROM keyword k WHERE k.mailbox = m.mailbox)",
		} {
			found, err := c.queryFirst(query)
			if err != nil {
				return fmt.Errorf("%s: %w", what, err)
			}
			if found != "" {
				return fmt.Errorf("unsound: %s: %s", what, found)
			}
		}
		result, err := c.queryFirst("PRAGMA integrity_check")
		if err == nil && result != "ok" {
			err = errors.New(result)
		}
		return err
	})
}

// queryFirst returns the first column of the first row, empty if there is none.
func (c *conn) queryFirst(text string) (string, error) {
	r, err := c.query(text)
	if err != nil {
		return "", err
	}
	first := ""
	if r.next() {
		first = fmt.Sprint(r.v[0])
	}
	return first, r.close()
}
