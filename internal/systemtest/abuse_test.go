package systemtest

import (
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// smtpTo dials the MX and continues up to the 354 reply to DATA.
func (s *server) smtpTo(t testing.TB, recipient string) *wire {
	t.Helper()
	w := s.dial(t, "smtp")
	w.send("HELO c\r\nMAIL FROM:<someone@example.net>\r\nRCPT TO:<%s>\r\nDATA\r\n", recipient)
	for range 3 {
		w.expect("250 ")
	}
	w.expect("354 ")
	return w
}

// Anybody may send messages whose header or structure never ends. However many
// do so at once, they don't exhaust the server's memory.
func TestHeaderBombs(t *testing.T) {
	t.Parallel()
	for name, bomb := range map[string]string{
		"fields": strings.Repeat("X: y\r\n", 300_000),
		"folded": "X: y\r\n" + strings.Repeat(" z\r\n", 400_000),
		"one":    "X: " + strings.Repeat(strings.Repeat("y", 900)+"\r\n ", 2000),
		"parts":  "Content-Type: multipart/mixed; boundary=b\r\n\r\n" + strings.Repeat("--b\r\n\r\n\r\n", 200_000),
		"groups": "To: " + strings.Repeat("a:b@c;,\r\n ", 200_000),
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t)
			var clients []*wire
			for range 30 {
				w := s.smtpTo(t, bob)
				w.send("%s", bomb)
				clients = append(clients, w)
			}
			for _, w := range clients {
				w.send("\r\n.\r\n")
			}
			for _, w := range clients {
				w.expect("250 ")
			}
			w := s.imap(t)
			w.command("FETCH 1:2 (ENVELOPE BODYSTRUCTURE)")
			w.command("SEARCH SUBJECT nothing")
			peak := s.peakMemory()
			t.Logf("peak memory of the server: %.1f MiB", float64(peak)/(1<<20))
			if os.Getenv("MAILSERVER_RACE") == "" {
				require.Less(t, peak, int64(80<<20))
			}
		})
	}
}

// What is sent in the clear after STARTTLS is never treated as sent under TLS
// (RFC 3207 §6, RFC 9051 §11.1).
func TestPlaintextAfterStartTLS(t *testing.T) {
	t.Parallel()
	s := start(t)
	for _, tc := range []struct{ service, before, start, injected, answer string }{
		{"imap", "", "a STARTTLS", "b NOOP", "b OK"},
		{"smtp", "HELO c", "STARTTLS", "NOOP", "250 "},
		{"submission", "HELO c", "STARTTLS", "NOOP", "250 "},
		{"pop3", "", "STLS", "CAPA", "UIDL"},
	} {
		w := s.dial(t, tc.service)
		if tc.before != "" {
			w.send("%s\r\n", tc.before)
			w.line()
		}
		w.send("%s\r\n%s\r\n", tc.start, tc.injected)
		rest, _ := io.ReadAll(w.r)
		require.NotContains(t, string(rest), tc.answer, tc.service)
	}
}

// Nothing that could be a password, or the base64 of one, appears in the log,
// whatever mistakes a client makes.
func TestTraceShowsNoSecrets(t *testing.T) {
	t.Parallel()
	s := start(t, "-trace")
	plain := base64.StdEncoding.EncodeToString([]byte("\x00" + bob + "\x00" + bobPassword))
	user, pass := base64.StdEncoding.EncodeToString([]byte(bob)), base64.StdEncoding.EncodeToString([]byte(bobPassword))
	for service, sessions := range map[string][]string{
		"imap": {
			"a LOGIN " + bob + " " + bobPassword,
			"a LOGIN {15+}\r\n" + bob + " " + bobPassword,
			"a LOGIN " + bob + " {11+}\r\n" + bobPassword,
			"a LOGIN " + bob + " {4+}\r\n" + bobPassword,
			"a LOGIN " + bob + " \"" + bobPassword,
			"LOGIN " + bob + " " + bobPassword,
			"a  LOGIN " + bob + " " + bobPassword,
			"a\tLOGIN " + bob + " " + bobPassword,
			"a LOGIN\t" + bob + " " + bobPassword,
			"a AUTHENTICATE PLAIN " + plain,
			"a AUTHENTICATE PLAIN\r\n" + plain,
			"a AUTHENTICATE LOGIN\r\n" + user + "\r\n" + pass,
			"a AUTHENTICATE NONE\r\n" + plain,
			"a AUTHENTICATE PLAIN\r\n*\r\n" + plain,
		},
		"pop3": {
			"USER " + bob + "\r\nPASS " + bobPassword,
			"USER " + bob + " " + bobPassword,
			"PASS " + bobPassword,
			" PASS " + bobPassword,
			"PASS\t" + bobPassword,
			"AUTH PLAIN " + plain,
			"AUTH PLAIN\r\n" + plain,
			"AUTH NONE\r\n" + plain,
			"AUTH LOGIN\r\n" + user + "\r\n" + pass,
		},
		"submission": {
			"EHLO c\r\nAUTH PLAIN " + plain,
			"EHLO c\r\nAUTH PLAIN\r\n" + plain,
			"EHLO c\r\nAUTH LOGIN\r\n" + user + "\r\n" + pass,
			"EHLO c\r\nAUTH NONE\r\n" + plain,
			"EHLO c\r\n AUTH PLAIN " + plain,
			"EHLO c\r\nAUTH\tPLAIN " + plain,
		},
	} {
		for _, session := range sessions {
			w := s.dial(t, service)
			w.send("%s\r\n", session)
			w.Conn.(*net.TCPConn).CloseWrite()
			io.Copy(io.Discard, w.r)
		}
	}
	s.stop()
	log := s.log()
	require.Contains(t, log, "AUTHENTICATE LOGIN")
	for _, secret := range []string{bobPassword, plain, pass} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log has %q: %s", secret, log[max(0, i-200):i+len(secret)])
		}
	}
}

// Ten clients that deliver at once do not exceed the quota.
func TestQuotaHoldsUnderRaces(t *testing.T) {
	t.Parallel()
	s := start(t, "-quota", "1M")
	message := "Subject: q\r\n\r\n" + strings.Repeat(strings.Repeat("q", 70)+"\r\n", 3000)
	var wg sync.WaitGroup
	for i := range 10 {
		wg.Go(func() {
			if i%2 == 0 {
				w := s.imap(t)
				for range 4 {
					w.send("a APPEND INBOX {%d+}\r\n%s\r\n", len(message), message)
					for !strings.HasPrefix(w.line(), "a ") {
					}
				}
				return
			}
			w := s.dial(t, "smtp")
			w.send("HELO c\r\n")
			w.line()
			for range 4 {
				w.send("MAIL FROM:<>\r\nRCPT TO:<%s>\r\n", bob)
				w.expect("250 ")
				if !strings.HasPrefix(w.line(), "250 ") {
					w.send("RSET\r\n")
					w.expect("250 ")
					continue
				}
				w.send("DATA\r\n")
				w.expect("354 ")
				w.send("%s.\r\n", message)
				w.line()
			}
		})
	}
	wg.Wait()
	w := s.imap(t)
	lines := w.command("GETQUOTAROOT INBOX")
	var used, limit int
	_, err := fmt.Sscanf(lines[1], `* QUOTA "account" (STORAGE %d %d)`, &used, &limit)
	require.NoError(t, err, lines)
	require.LessOrEqual(t, used, limit)
	require.Greater(t, used, limit-len(message)>>10-2, "there was room for one more")
}

// Clients that disconnect in the middle of a message leave nothing behind,
// neither in a running server nor after it was killed.
func TestAbortedMessages(t *testing.T) {
	t.Parallel()
	s := start(t)
	files := func() (names []string) {
		entries, err := os.ReadDir(filepath.Join(s.dir, "data"))
		require.NoError(t, err)
		for _, e := range entries {
			if !strings.HasPrefix(e.Name(), "mail.db") {
				names = append(names, e.Name())
			}
		}
		return names
	}
	open := func() int {
		fds, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", s.cmd.Process.Pid))
		if err != nil {
			t.Skip("no /proc to count open files in")
		}
		return len(fds)
	}
	s.imap(t).Close()
	before, had := open(), files()
	part := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 5000)
	half := func() (all []*wire) {
		for range 10 {
			w := s.imap(t)
			w.send("a APPEND INBOX {%d+}\r\n%s", 10*len(part), part)
			all = append(all, w)
			w = s.smtpTo(t, bob)
			w.send("%s", part)
			all = append(all, w)
			w = s.dial(t, "smtp")
			w.send("EHLO c\r\nMAIL FROM:<>\r\nRCPT TO:<%s>\r\nBDAT %d\r\n%sBDAT %d\r\nxyz", bob, len(part), part, len(part))
			all = append(all, w)
			w = s.imap(t)
			w.send("a IDLE\r\n")
			all = append(all, w)
		}
		return all
	}
	for _, w := range half() {
		w.Close()
	}
	for range 600 {
		if open() <= before+3 { // readers of the database that have been kept
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	require.LessOrEqual(t, open(), before+3)
	require.Equal(t, had, files())

	half()
	s.kill()
	s.run()
	require.Equal(t, had, files())
	require.Contains(t, s.imap(t).command("STATUS INBOX (MESSAGES)")[0], "MESSAGES 0")
}

// A server that is told to stop finishes the message in transfer, says goodbye
// to idle clients, and does not wait forever for clients that do nothing.
func TestStopAmongStuckClients(t *testing.T) {
	t.Parallel()
	s := start(t)
	idle := s.imap(t)
	idle.send("a IDLE\r\n")
	idle.expect("+")
	stuck := s.imap(t)
	stuck.send("a APPEND INBOX {100000000+}\r\nhalf")
	shaking := s.dial(t, "pop3")
	shaking.send("STLS\r\n")
	shaking.expect("+OK")
	last := s.smtpTo(t, bob)
	last.send("Subject: last\r\n\r\n")

	require.NoError(t, s.cmd.Process.Signal(syscall.SIGTERM))
	idle.expect("* BYE")
	last.send("one more line\r\n.\r\n")
	last.expect("250 ")
	last.expect("421 ")
	<-s.done
	require.Zero(t, s.cmd.ProcessState.ExitCode(), s.log())

	s.run()
	require.Contains(t, s.imap(t).command("STATUS INBOX (MESSAGES)")[0], "MESSAGES 1")
}

// The number of keywords of a user is limited, since they take memory of the
// server.
func TestKeywordsHaveAnEnd(t *testing.T) {
	t.Parallel()
	s := start(t)
	w := s.imap(t)
	w.command("APPEND INBOX {4+}\r\nA: b")
	var keywords []string
	for i := range 1001 {
		keywords = append(keywords, fmt.Sprintf("k%d", i))
	}
	w.command("STORE 1 +FLAGS.SILENT (" + strings.Join(keywords[:1000], " ") + ")")
	w.send("a STORE 1 +FLAGS.SILENT (%s)\r\n", keywords[1000])
	w.expect("a NO [LIMIT]")
	w.command("STORE 1 +FLAGS.SILENT (\\Seen K7)")
}
