package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// remote is an account that the examples are run against.
type remote struct {
	addr, user, password string
	flags                []string // for TLS
}

// remotes runs a test against our own server, over TLS, and against Dovecot, in
// the clear.
func remotes(t *testing.T, f func(t *testing.T, r remote, setup *peers.IMAP)) {
	t.Run("posthorn", func(t *testing.T) {
		s := start(t)
		r := remote{s.addr("imaps"), bob, bobPassword, []string{"-ca", s.cert()}}
		f(t, r, peers.DialIMAP(t, s.addr("imap"), bob, bobPassword))
	})
	t.Run("dovecot", func(t *testing.T) {
		d := peers.DovecotIMAP(t, peers.NewCertificate(t), &peers.DovecotOptions{NoSync: true})
		r := remote{d.Addr("imap"), peers.Bob, peers.IMAPPassword, []string{"-insecure"}}
		f(t, r, peers.DialIMAP(t, r.addr, r.user, r.password))
	})
}

// command returns the command line of an example for the account.
func (r remote) command(t testing.TB, name string, args ...string) *exec.Cmd {
	args = append(append(append([]string{"-server", r.addr}, r.flags...), args...), r.user)
	cmd := exec.Command(example(t, name), args...)
	cmd.Env = append(os.Environ(), "POSTHORN_PASSWORD="+r.password, "TZ=UTC")
	cmd.Dir = t.TempDir()
	return cmd
}

// run runs an example and returns what it printed.
func (r remote) run(t testing.TB, name string, args ...string) string {
	t.Helper()
	return output(t, r.command(t, name, args...))
}

func output(t testing.TB, cmd *exec.Cmd) string {
	t.Helper()
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "%s:\n%s%s", cmd, out, &stderr)
	return string(out)
}

// appendTo appends a message.
func appendTo(c *peers.IMAP, mailbox, flags, date, text string) {
	text = strings.ReplaceAll(text, "\n", "\r\n")
	c.Do(fmt.Sprintf("APPEND %s (%s) \"%s\" {%d+}\r\n%s", mailbox, flags, date, len(text), text))
}

// fill appends samples one by one, for servers without MULTIAPPEND.
func fill(c *peers.IMAP, mailbox string, first, end int) {
	for i := first; i < end; i++ {
		date := time.Date(2026, 1, 1, 0, i, 0, 0, time.UTC)
		m := peers.Sample(i)
		c.Do(fmt.Sprintf("APPEND %s (%s) \"%s\" {%d+}\r\n%s", mailbox, strings.Join(peers.SampleFlags(i), " "), date.Format("_2-Jan-2006 15:04:05 -0700"), len(m), m))
	}
}

const withAttachments = `From: =?UTF-8?Q?J=C3=BCrgen?= <juergen@example.org>
Subject: =?UTF-8?Q?Gr=C3=BC=C3=9Fe_=1B[2J?=
Date: Mon, 2 Feb 2026 10:00:00 +0000
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain

Two files.
--b
Content-Type: application/octet-stream
Content-Disposition: attachment; filename="../../../report.bin"
Content-Transfer-Encoding: base64

AAECAwQF
--b
Content-Type: text/plain; charset=utf-8
Content-Disposition: attachment; filename*=utf-8''%C3%A4.txt
Content-Transfer-Encoding: quoted-printable

=C3=A4=C3=B6
--b--
`

func TestList(t *testing.T) {
	remotes(t, func(t *testing.T, r remote, c *peers.IMAP) {
		fill(c, "INBOX", 0, 10)
		c.Do("CREATE Work")
		out := r.run(t, "list")
		require.Regexp(t, `(?m)^ +messages  unseen  mailbox\n +10 +2  INBOX\n`, out)
		require.Regexp(t, `(?m)^ +0 +0  Sent  \\Sent$`, out)
		require.Regexp(t, `(?m)^ +0 +0  Work$`, out)
		require.NotContains(t, r.run(t, "list", "-subscribed"), "Work")
	})
}

func TestSearch(t *testing.T) {
	remotes(t, func(t *testing.T, r remote, c *peers.IMAP) {
		appendTo(c, "INBOX", `\Seen`, " 1-Jan-2026 09:00:00 +0000", "From: Anna <anna@example.org>\nSubject: first\n\nabout trains\n")
		appendTo(c, "INBOX", ``, " 2-Feb-2026 10:00:00 +0000", withAttachments)
		appendTo(c, "INBOX", `\Flagged work`, " 3-Mar-2026 12:00:00 +0100", "From: Anna <anna@example.org>\nSubject: third\n\nabout planes\n")
		const (
			first  = "      1   2026-01-01 09:00  Anna                      first\n"
			second = "      2 N 2026-02-02 10:00  Jürgen                    Grüße �[2J\n"
			third  = "      3 ! 2026-03-03 11:00  Anna                      third\n"
		)
		for args, want := range map[string]string{
			"":                                     first + second + third,
			"-from anna":                           first + third,
			"-from anna -text trains":              first,
			"-subject grüße":                       second,
			"-since 2026-02-02":                    second + third,
			"-since 2026-02-02 -before 2026-03-03": second,
			"-unseen -flagged":                     third,
			"-flag work":                           third,
			"-to nobody":                           "",
			"-mailbox Sent":                        "",
		} {
			require.Equal(t, want, r.run(t, "search", strings.Fields(args)...), args)
		}
		cmd := r.command(t, "search", "-mailbox", "Nowhere")
		out, err := cmd.CombinedOutput()
		require.Error(t, err)
		require.Contains(t, string(out), "Nowhere")
	})
}

func TestAttachments(t *testing.T) {
	remotes(t, func(t *testing.T, r remote, c *peers.IMAP) {
		appendTo(c, "INBOX", ``, " 2-Feb-2026 10:00:00 +0000", withAttachments)
		fill(c, "INBOX", 0, 3)
		dir := filepath.Join(t.TempDir(), "a", "b")
		require.Equal(t, "report.bin  6 octets, from message 1\nä.txt  4 octets, from message 1\n", r.run(t, "attachments", "-dir", dir))
		require.Equal(t, "report (2).bin  6 octets, from message 1\nä (2).txt  4 octets, from message 1\n", r.run(t, "attachments", "-dir", dir, "-uid", "1", "-from", "juergen"))
		require.Empty(t, r.run(t, "attachments", "-dir", dir, "-uid", "2:4"))
		for name, want := range map[string]string{"report.bin": "\x00\x01\x02\x03\x04\x05", "report (2).bin": "\x00\x01\x02\x03\x04\x05", "ä.txt": "äö"} {
			got, err := os.ReadFile(filepath.Join(dir, name))
			require.NoError(t, err)
			require.Equal(t, want, string(got))
		}
		files, err := os.ReadDir(dir)
		require.NoError(t, err)
		require.Len(t, files, 4)
		require.Contains(t, strings.Join(c.Do("STATUS INBOX (UNSEEN)"), "\n"), "UNSEEN 1", "nothing is marked as seen")
	})
}

func TestWatch(t *testing.T) {
	remotes(t, func(t *testing.T, r remote, c *peers.IMAP) {
		fill(c, "INBOX", 0, 3)
		cmd := r.command(t, "watch")
		stdout, err := cmd.StdoutPipe()
		require.NoError(t, err)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		require.NoError(t, cmd.Start())
		defer cmd.Process.Kill()
		lines := make(chan string)
		go func() {
			defer close(lines)
			for s := bufio.NewScanner(stdout); s.Scan(); {
				lines <- s.Text()
			}
		}()
		line := func() string {
			select {
			case l := <-lines:
				return l
			case <-time.After(time.Minute):
				t.Fatal("nothing comes: ", stderr.String())
				return ""
			}
		}
		require.Equal(t, "watching INBOX, 3 messages", line())
		for i := range 3 {
			appendTo(c, "INBOX", ``, " 2-Feb-2026 10:00:00 +0000", fmt.Sprintf("From: Anna <anna@example.org>\nSubject: news %d\n\nHello\n", i))
			require.Equal(t, fmt.Sprintf("%d  Anna <anna@example.org>: news %d", i+4, i), line())
		}
		require.NoError(t, cmd.Process.Signal(os.Interrupt))
		_, more := <-lines
		require.False(t, more)
		require.NoError(t, cmd.Wait(), stderr.String())
	})
}

// A password comes from standard input if that is no terminal, and never from the
// command line; without TLS nothing is sent unless it is asked for.
func TestSecrets(t *testing.T) {
	s := start(t)
	list := func(stdin string, args ...string) (string, error) {
		cmd := exec.Command(example(t, "list"), append(args, bob)...)
		cmd.Stdin = strings.NewReader(stdin)
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		cmd = exec.CommandContext(ctx, cmd.Path, cmd.Args[1:]...)
		cmd.Stdin = strings.NewReader(stdin)
		out, err := cmd.CombinedOutput()
		return string(out), err
	}
	out, err := list(bobPassword+"\n", "-server", s.addr("imaps"), "-ca", s.cert())
	require.NoError(t, err, out)
	require.Contains(t, out, "INBOX")
	out, err = list(bobPassword+"\n", "-server", s.addr("imap"), "-ca", s.cert(), "-starttls", "-trace")
	require.NoError(t, err, out)
	require.Contains(t, out, "STARTTLS")
	require.NotContains(t, out, bobPassword)
	require.NotRegexp(t, regexp.MustCompile(`(?i)AUTHENTICATE PLAIN [a-z0-9+/]{8}`), out)
	out, err = list(bobPassword+"\n", "-server", s.addr("imaps"))
	require.Error(t, err, "the certificate is unknown")
	require.Contains(t, out, "certificate")
	out, err = list("not-it\n", "-server", s.addr("imaps"), "-ca", s.cert())
	require.Error(t, err)
	require.Contains(t, out, "list: ")
	require.NotContains(t, out, "not-it")
	out, err = list("", "-server", s.addr("imaps"), "-ca", s.cert())
	require.Error(t, err)
	require.Contains(t, out, "standard input has no line for it")
}
