package systemtest

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// TestCopySpeed compares examples/copy with mbsync on messages of 4 KB, in one run:
//
//	COPY_MESSAGES=100000 go test ./internal/systemtest -run TestCopySpeed -v -timeout 3h
//
// copy goes from Dovecot to SQLite and from there to Dovecot, and mbsync, which
// can't read SQLite, from Dovecot to a Maildir and from there to Dovecot. Both start
// without any state, and neither waits for the disk. COPY_SDBOX lets Dovecot keep
// its mail in sdbox instead of Maildirs.
func TestCopySpeed(t *testing.T) {
	n, _ := strconv.Atoi(os.Getenv("COPY_MESSAGES"))
	if n == 0 {
		t.Skip("a comparison of speed, which takes minutes: COPY_MESSAGES is not set")
	}
	d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true,
		Accounts: []string{"copied", "synced"}, Sdbox: os.Getenv("COPY_SDBOX") != ""})
	timed := func(what string, f func()) {
		begin := time.Now()
		f()
		took := time.Since(begin)
		t.Logf("%-28s %7.1f s  %7.0f messages/s", what, took.Seconds(), float64(n)/took.Seconds())
	}
	timed("filling", func() { peers.DialIMAP(t, d.Addr("imap"), peers.Alice, peers.IMAPPassword).Fill("INBOX", 0, n) })

	account := func(user string) string { return "imap://" + user + "@" + d.Addr("imap") }
	db := "sqlite:" + filepath.Join(t.TempDir(), "mail.db") + "#alice"
	there, back := newCopy(t, account(peers.Alice), db), newCopy(t, db, account("copied"))
	maildir := t.TempDir()
	pull, push := mbsync(t, d, peers.Alice, maildir, "Pull"), mbsync(t, d, "synced", maildir, "Push")

	timed("copy, Dovecot to SQLite", func() { t.Log(there.run(t)) })
	timed("mbsync, Dovecot to Maildir", func() { output(t, pull()) })
	timed("copy, SQLite to Dovecot", func() { t.Log(back.run(t)) })
	timed("mbsync, Maildir to Dovecot", func() { output(t, push()) })
	timed("copy, nothing to do", func() { there.run(t) })
	timed("mbsync, nothing to do", func() { output(t, pull()) })
	timed("copy, comparing", func() { t.Log(newCopy(t, account(peers.Alice), account("copied")).run(t, "-dry-run", "-verify")) })
	for _, user := range []string{"copied", "synced"} {
		c := peers.DialIMAP(t, d.Addr("imap"), user, peers.IMAPPassword)
		require.Contains(t, c.Do("STATUS INBOX (MESSAGES)")[0], fmt.Sprintf("MESSAGES %d)", n), user)
	}
}

// mbsync returns commands that synchronise the INBOX of an account with a Maildir.
func mbsync(t *testing.T, d *peers.Daemon, user, maildir, direction string) func() *exec.Cmd {
	program, state := need(t, "mbsync", "isync"), t.TempDir()
	config := peers.Write(t, filepath.Join(state, "mbsyncrc"), fmt.Sprintf(`FSync no

IMAPAccount far
Host localhost
Port %d
User %s
Pass %s
SSLType None
AuthMechs LOGIN

IMAPStore far
Account far

MaildirStore near
Path %[4]s/
Inbox %[4]s/INBOX

Channel all
Far :far:
Near :near:
Patterns INBOX
Sync %[5]s
Create Both
CopyArrivalDate yes
SyncState %[6]s/
`, d.Ports["imap"], user, peers.IMAPPassword, maildir, direction, state))
	return func() *exec.Cmd { return exec.Command(program, "-c", config, "-a", "-q") }
}
