package systemtest

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// An error at the start is reported in one clear line.
func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer taken.Close()
	port := fmt.Sprint(taken.Addr().(*net.TCPAddr).Port)
	dir := t.TempDir()
	off := []string{"-data", filepath.Join(dir, "data")}
	for _, name := range []string{"smtp", "submission", "smtps", "imap", "imaps", "pop3", "pop3s"} {
		off = append(off, "-"+name, "0")
	}
	notAKey := writeFile(t, filepath.Join(dir, "key.pem"), "this is no key\n")
	notAFolder := writeFile(t, filepath.Join(dir, "file"), "")
	running := start(t)

	for name, tt := range map[string]struct {
		args []string
		want []string
	}{
		"port taken":     {append(off, "-imap", port), []string{"127.0.0.1:" + port, "address already in use"}},
		"unknown flag":   {[]string{"-imapp", "1"}, []string{"-imapp", "-help"}},
		"bad port":       {[]string{"-imap", "70000"}, []string{"-imap 70000", "65535"}},
		"bad user":       {[]string{"-user", "alice:secret"}, []string{"NAME@DOMAIN:PASSWORD"}},
		"user twice":     {append(off, "-user", "a@b.test:1", "-user", "A@b.test:2"), []string{"a@b.test", "twice"}},
		"bad quota":      {[]string{"-quota", "much"}, []string{"-quota", "50M"}},
		"bad store":      {append(off, "-store", "oracle:x"), []string{"oracle:x", "sqlite:", "memory:"}},
		"bad address":    {[]string{"-listen", "nowhere"}, []string{"-listen nowhere"}},
		"extra argument": {[]string{"start"}, []string{`"start"`}},
		"cert alone":     {append(off, "-tls-cert", notAKey), []string{"-tls-key"}},
		"no cert":        {append(off, "-tls-cert", "missing.pem", "-tls-key", "missing.pem"), []string{"missing.pem", "no such file"}},
		"not a key":      {append(off, "-tls-cert", notAKey, "-tls-key", notAKey), []string{notAKey}},
		"data is a file": {append(off, "-data", notAFolder), []string{notAFolder}},
		"data locked":    {append(off, "-data", filepath.Join(running.dir, "data")), []string{filepath.Join(running.dir, "data"), "another"}},
		"nothing on":     {off, []string{"port"}},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := exec.Command(mailserver(t), tt.args...)
			cmd.Dir = t.TempDir()
			timer := time.AfterFunc(time.Minute, func() { cmd.Process.Kill() })
			defer timer.Stop()
			out, err := cmd.CombinedOutput()
			require.Error(t, err, string(out))
			require.Equal(t, 1, strings.Count(string(out), "\n"), "one line, not:\n%s", out)
			for _, want := range tt.want {
				require.Contains(t, string(out), want)
			}
			require.NotContains(t, string(out), "secret")
		})
	}
}

// Without -user, alice and bob get random passwords on the first start, which
// are printed then and at every later one.
func TestFirstStart(t *testing.T) {
	s := start(t)
	s.stop()
	s.args = append([]string{"-data", filepath.Join(s.dir, "fresh")}, s.args[6:]...) // without -data and the two -user
	s.run()
	content, err := os.ReadFile(filepath.Join(s.dir, "fresh", "passwords"))
	require.NoError(t, err)
	info, err := os.Stat(filepath.Join(s.dir, "fresh", "passwords"))
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	for line := range strings.Lines(string(content)) {
		address, password, _ := strings.Cut(strings.TrimSpace(line), ":")
		require.Len(t, password, 16)
		require.Contains(t, s.log(), address)
		require.Contains(t, s.log(), password)
		w := s.dial(t, "imap")
		w.command("LOGIN " + address + " " + password)
	}
	s.stop()
	s.run()
	again, err := os.ReadFile(filepath.Join(s.dir, "fresh", "passwords"))
	require.NoError(t, err)
	require.Equal(t, content, again)
	s.stop()
}

// Malformed input gets a reply, or the connection is closed, and afterwards the
// server serves as before.
func TestBadInput(t *testing.T) {
	s := start(t)
	for name, tt := range map[string]struct {
		service, send string
		want          []string // beginnings of the replies, in order; then the test closes
	}{
		"smtp garbage":         {"smtp", "\x00\xff\x80garbage\r\nNOOP\r\n", []string{"500", "250"}},
		"smtp endless line":    {"smtp", strings.Repeat("A", 1<<20) + "\r\nNOOP\r\n", []string{"500", "250"}},
		"smtp wrong state":     {"smtp", "DATA\r\nRCPT TO:<" + bob + ">\r\nNOOP\r\n", []string{"503", "503", "250"}},
		"smtp bare LF in DATA": {"smtp", "HELO x\r\nMAIL FROM:<a@b.test>\r\nRCPT TO:<" + bob + ">\r\nDATA\r\nhi\n.\nMAIL FROM:<evil@b.test>\r\n.\r\nNOOP\r\n", []string{"250", "250", "250", "354", "5", "250"}},
		"smtp http":            {"smtp", "GET / HTTP/1.1\r\nHost: x\r\n\r\n", []string{"421"}},
		"imap garbage":         {"imap", "\x00\xff garbage\r\nx NOOP\r\n", []string{"* BAD", "x OK"}},
		"imap huge literal":    {"imap", "x LOGIN {2000000000}\r\ny NOOP\r\n", []string{"x ", "y OK"}},
		"imap wrong state":     {"imap", "x FETCH 1 FLAGS\r\ny NOOP\r\n", []string{"x BAD", "y OK"}},
		"imap NUL":             {"imap", "x LOGIN \"a\x00\" b\r\ny NOOP\r\n", []string{"x BAD", "y OK"}},
		"pop3 garbage":         {"pop3", "\x00\xff garbage\r\nCAPA\r\n", []string{"-ERR", "+OK"}},
		"pop3 endless line":    {"pop3", strings.Repeat("A", 1<<20) + "\r\nCAPA\r\n", []string{"-ERR", "+OK"}},
		"pop3 wrong state":     {"pop3", "RETR 1\r\nCAPA\r\n", []string{"-ERR", "+OK"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := s.dial(t, tt.service)
			w.send("%s", tt.send)
			for _, want := range tt.want {
				w.expect(want)
			}
		})
	}
	t.Run("half-closed", func(t *testing.T) {
		w := s.dial(t, "smtp")
		w.send("EHLO x\r\nNOOP\r\nQUIT\r\n")
		require.NoError(t, w.Conn.(*net.TCPConn).CloseWrite())
		for line := w.line(); !strings.HasPrefix(line, "250 "); line = w.line() {
		}
		w.expect("250")
		w.expect("221")
	})
	t.Run("nothing grew", func(t *testing.T) {
		t.Logf("peak memory: %.1f MiB", float64(s.peakMemory())/(1<<20))
	})
	require.NotContains(t, s.log(), "panic")
	w := s.imap(t)
	require.Contains(t, strings.Join(w.command("STATUS INBOX (MESSAGES)"), "\n"), "MESSAGES 0")
	s.stop()
}
