package bench

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/sqlite"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
	"github.com/posthorn-mail/posthorn/sasl"
)

// The maildrop: 10,000 messages of 4 KB.
const (
	maildropMessages = 10_000
	maildropUser     = "alice"
	maildropPassword = "secret"
)

func maildropMessage(i int) []byte {
	return fmt.Appendf(nil, "From: <a@b.test>\r\nSubject: message %d\r\n\r\n%s", i, strings.Repeat(strings.Repeat("x", 70)+"\r\n", 56))
}

// dialPOP3 logs in.
func dialPOP3(tb testing.TB, addr string) *rawSMTP {
	c, err := net.Dial("tcp", addr)
	require.NoError(tb, err)
	tb.Cleanup(func() { c.Close() })
	r := &rawSMTP{tb: tb, c: c, buf: make([]byte, 1<<16)}
	line := func() {
		n, err := r.c.Read(r.buf)
		require.NoError(tb, err)
		require.Equal(tb, byte('+'), r.buf[0], "%s", r.buf[:n])
	}
	line()
	r.send([]byte("USER " + maildropUser + "\r\n"))
	line()
	r.send([]byte("PASS " + maildropPassword + "\r\n"))
	line()
	return r
}

// retrieveAll pipelines RETR of every message and returns how much came.
func retrieveAll(tb testing.TB, c *rawSMTP) (octets int64) {
	go func() {
		var commands []byte
		for i := range maildropMessages {
			commands = fmt.Appendf(commands, "RETR %d\r\n", i+1)
		}
		c.send(commands)
	}()
	end := []byte("\r\n.\r\n")
	var kept int
	for seen := 0; seen < maildropMessages; {
		n, err := c.c.Read(c.buf[kept:])
		require.NoError(tb, err)
		octets += int64(n)
		have := c.buf[:kept+n]
		seen += bytes.Count(have, end)
		// What may be the beginning of an end stays.
		kept = min(len(have), len(end)-1)
		if bytes.HasSuffix(have, end) {
			kept = 2
		}
		copy(c.buf, have[len(have)-kept:])
	}
	return octets
}

// posthornPOP3 serves the maildrop from SQLite.
func posthornPOP3(tb testing.TB) string {
	ctx := context.Background()
	store, err := sqlite.Open(ctx, filepath.Join(tb.TempDir(), "mail.db"), nil)
	require.NoError(tb, err)
	tb.Cleanup(func() { store.Close() })
	require.NoError(tb, store.CreateAccount(ctx, maildropUser))
	account, err := store.Account(ctx, maildropUser)
	require.NoError(tb, err)
	inbox, err := account.Mailbox(ctx, mailbox.Inbox)
	require.NoError(tb, err)
	for i := 0; i < maildropMessages; i += 100 {
		drafts := make([]mailbox.Incoming, 100)
		for j := range drafts {
			m := maildropMessage(i + j)
			drafts[j] = mailbox.Incoming{Body: bytes.NewReader(m), Size: int64(len(m))}
		}
		_, err := inbox.Append(ctx, drafts...)
		require.NoError(tb, err)
	}
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(tb, users.Set(maildropUser, maildropPassword))
	srv := &pop3server.Server{Store: store, Authenticator: users, AllowInsecureAuth: true}
	srv.Rates.Commands.N = -1
	srv.Logger = slog.New(slog.DiscardHandler)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	go srv.Serve(l)
	tb.Cleanup(func() { srv.Close() })
	return l.Addr().String()
}

// dovecotPOP3 serves the maildrop from a Maildir.
func dovecotPOP3(tb testing.TB) string {
	dovecot, err := exec.LookPath("dovecot")
	if err != nil {
		tb.Skip("dovecot is not installed (Debian package dovecot-pop3d)")
	}
	if os.Getuid() != 0 {
		tb.Skip("dovecot wants to be started by root")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	dir, err := os.MkdirTemp("", "dovecot")
	require.NoError(tb, err)
	tb.Cleanup(func() { os.RemoveAll(dir) })
	const nobody = 65534
	box := filepath.Join(dir, "mail")
	for _, sub := range []string{"cur", "new", "tmp"} {
		require.NoError(tb, os.MkdirAll(filepath.Join(box, sub), 0o700))
	}
	for i := range maildropMessages {
		require.NoError(tb, os.WriteFile(filepath.Join(box, "cur", fmt.Sprintf("%d.M%dP1.here:2,", 1700000000+i, i)), maildropMessage(i), 0o600))
	}
	require.NoError(tb, filepath.WalkDir(box, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return os.Chown(path, nobody, nobody)
	}))
	require.NoError(tb, os.Chmod(dir, 0o755))
	config := filepath.Join(dir, "dovecot.conf")
	require.NoError(tb, os.WriteFile(config, fmt.Appendf(nil, `
base_dir = %s/run
state_dir = %s/run
protocols = pop3
listen = 127.0.0.1
ssl = no
disable_plaintext_auth = no
log_path = %s/log
mail_location = maildir:%s
first_valid_uid = 1
first_valid_gid = 1
passdb {
  driver = static
  args = password=%s
}
userdb {
  driver = static
  args = uid=%d gid=%d home=%s
}
service pop3-login {
  inet_listener pop3 {
    port = %d
  }
  inet_listener pop3s {
    port = 0
  }
}
`, dir, dir, dir, box, maildropPassword, nobody, nobody, box, port), 0o644))
	cmd := exec.Command(dovecot, "-F", "-c", config)
	require.NoError(tb, cmd.Start())
	tb.Cleanup(func() {
		exec.Command("doveadm", "-c", config, "stop").Run()
		cmd.Process.Kill()
		cmd.Wait()
	})
	addr := fmt.Sprintf("127.0.0.1:%d", port)
	for range 100 {
		c, err := net.Dial("tcp", addr)
		if err == nil {
			c.Close()
			return addr
		}
		time.Sleep(100 * time.Millisecond)
	}
	log, _ := os.ReadFile(filepath.Join(dir, "log"))
	tb.Fatalf("dovecot does not serve:\n%s", log)
	return ""
}

// BenchmarkPOP3Retrieve is a client that pipelines RETR of the whole maildrop.
func BenchmarkPOP3Retrieve(b *testing.B) {
	for _, s := range []struct {
		name  string
		start func(testing.TB) string
	}{{"posthorn-sqlite", posthornPOP3}, {"dovecot-maildir", dovecotPOP3}} {
		b.Run(s.name, func(b *testing.B) {
			addr := s.start(b)
			c := dialPOP3(b, addr)
			octets := retrieveAll(b, c) // warms caches
			b.SetBytes(octets)
			b.ResetTimer()
			for range b.N {
				require.InDelta(b, octets, retrieveAll(b, c), float64(octets)/100)
			}
			b.ReportMetric(float64(b.N)*maildropMessages/b.Elapsed().Seconds(), "messages/s")
		})
	}
}
