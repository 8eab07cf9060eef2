package systemtest

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// COPY_MESSAGES=100000 go test ./internal/systemtest -run TestCopySpeed -v compares
// examples/copy with mbsync on so many messages of 4 KB: from Dovecot to SQLite and
// back, and from Dovecot to Dovecot, since mbsync can't read SQLite.
func TestCopySpeed(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("COPY_MESSAGES"))
	if n == 0 {
		t.Skip("a comparison of speed, which takes minutes: COPY_MESSAGES is not set")
	}
	d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true,
		Accounts: []string{"near", "back", "direct"}, Sdbox: os.Getenv("COPY_SDBOX") != ""})
	begin := time.Now()
	peers.DialIMAP(t, d.Addr("imap"), peers.Alice, peers.IMAPPassword).Fill("INBOX", 0, n)
	t.Logf("filled in %v", time.Since(begin).Round(time.Millisecond))

	account := func(user string) string { return "imap://" + user + "@" + d.Addr("imap") }
	db := "sqlite:" + filepath.Join(t.TempDir(), "mail.db") + "#alice"
	rate := func(what string, took time.Duration) {
		t.Logf("%-28s %7.1f s  %7.0f messages/s", what, took.Seconds(), float64(n)/took.Seconds())
	}
	for _, run := range []struct{ what, from, to string }{
		{"copy, Dovecot to SQLite", account(peers.Alice), db},
		{"copy, SQLite to Dovecot", db, account("back")},
		{"copy, Dovecot to Dovecot", account(peers.Alice), account("direct")},
	} {
		c := newCopy(t, run.from, run.to)
		begin := time.Now()
		c.run(t)
		rate(run.what, time.Since(begin))
		begin = time.Now()
		c.run(t)
		rate(run.what+", again", time.Since(begin))
	}
	t.Log(newCopy(t, db, account("direct")).run(t, "-dry-run", "-verify"))
	m := peers.NewMbsync(t, d.Account(peers.Alice, nil), d.Account("near", nil), "Pull", "INBOX")
	rate("mbsync, Dovecot to Dovecot", m.Run())
	rate("mbsync, again", m.Run())
	for _, user := range []string{"near", "back", "direct"} {
		c := peers.DialIMAP(t, d.Addr("imap"), user, peers.IMAPPassword)
		require.Contains(t, c.Do("STATUS INBOX (MESSAGES)")[0], fmt.Sprintf("MESSAGES %d)", n), user)
	}
}
