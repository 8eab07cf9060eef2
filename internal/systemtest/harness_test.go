package systemtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const (
	alice, alicePassword = "alice@example.org", "in-wonderland"
	bob, bobPassword     = "bob@example.org", "the-builder"
)

// server is a running mailserver.
type server struct {
	t       testing.TB
	program string
	cmd     *exec.Cmd
	dir     string
	args    []string
	env     []string
	ports   map[string]int

	mu     sync.Mutex
	output bytes.Buffer
	done   chan struct{} // closed when the process has ended
}

// start runs the mailserver on free ports, with the accounts of alice and bob,
// and waits until it serves.
func start(t testing.TB, args ...string) *server {
	t.Helper()
	return startProgram(t, mailserver(t), args...)
}

// startProgram is start for another build of the mailserver.
func startProgram(t testing.TB, program string, args ...string) *server {
	t.Helper()
	dir := t.TempDir()
	s := &server{t: t, program: program, dir: dir, ports: freePorts(t, "smtp", "submission", "smtps", "imap", "imaps", "pop3", "pop3s")}
	// How far the heap grows beyond what is live depends on when the collector
	// gets to run, on a busy machine more than on what the server does. With a
	// limit it runs in time, and the peak exceeds the limit only by what is live.
	s.env = []string{"GOMEMLIMIT=32MiB"}
	s.args = []string{"-data", filepath.Join(dir, "data"), "-user", alice + ":" + alicePassword, "-user", bob + ":" + bobPassword}
	for name, port := range s.ports {
		s.args = append(s.args, "-"+name, strconv.Itoa(port))
	}
	s.args = append(s.args, args...)
	s.run()
	return s
}

// run starts the process, the first time or again.
func (s *server) run() {
	s.t.Helper()
	s.cmd = exec.Command(s.program, s.args...)
	s.cmd.Dir = s.dir
	s.cmd.Env = append(os.Environ(), s.env...)
	stdout, err := s.cmd.StdoutPipe()
	require.NoError(s.t, err)
	s.cmd.Stderr = writerFunc(func(p []byte) (int, error) {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.output.Write(p)
	})
	require.NoError(s.t, s.cmd.Start())
	ready, done := make(chan struct{}), make(chan struct{})
	s.done = done
	cmd := s.cmd
	go func() {
		lines := bufio.NewScanner(stdout)
		for lines.Scan() {
			s.mu.Lock()
			s.output.Write(append(lines.Bytes(), '\n'))
			s.mu.Unlock()
			if strings.Contains(lines.Text(), "Press Ctrl-C") {
				close(ready)
			}
		}
		cmd.Wait()
		close(done)
	}()
	s.t.Cleanup(func() { s.kill() })
	select {
	case <-ready:
	case <-done:
		s.t.Fatalf("mailserver ended at once:\n%s", s.log())
	case <-time.After(60 * time.Second):
		s.t.Fatalf("mailserver is not ready:\n%s", s.log())
	}
}

// kill ends the process as kill -9 does.
func (s *server) kill() {
	s.cmd.Process.Kill()
	<-s.done
}

// stop ends the process as Ctrl-C does, and expects a clean exit.
func (s *server) stop() {
	s.t.Helper()
	require.NoError(s.t, s.cmd.Process.Signal(syscall.SIGINT))
	select {
	case <-s.done:
	case <-time.After(30 * time.Second):
		s.t.Fatalf("mailserver does not stop:\n%s", s.log())
	}
	require.Zero(s.t, s.cmd.ProcessState.ExitCode(), s.log())
}

func (s *server) log() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.output.String()
}

func (s *server) addr(service string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.ports[service]))
}

func (s *server) cert() string { return filepath.Join(s.dir, "data", "tls-cert.pem") }

func (s *server) portsJSON() string {
	b, err := json.Marshal(s.ports)
	require.NoError(s.t, err)
	return string(b)
}

// peakMemory is the largest resident set that the process has had, in octets.
func (s *server) peakMemory() int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", s.cmd.Process.Pid))
	if err != nil {
		s.t.Skip("no /proc to read a process's memory from")
	}
	m := regexp.MustCompile(`VmHWM:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(s.t, m)
	kb, _ := strconv.ParseInt(string(m[1]), 10, 64)
	return kb << 10
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// freePorts finds a free port for each name.
func freePorts(t testing.TB, names ...string) map[string]int {
	t.Helper()
	ports := map[string]int{}
	for _, name := range names {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(t, err)
		defer l.Close()
		ports[name] = l.Addr().(*net.TCPAddr).Port
	}
	return ports
}

// need skips the test where a program is missing, and says which package has
// it. Under CI, which installs all of them, it fails.
func need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil && os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed (Debian package %s)", program, debianPackage)
	} else if err != nil {
		t.Skipf("%s is not installed (Debian package %s)", program, debianPackage)
	}
	return path
}

// client is the environment of a mail program.
type client struct {
	env   []string
	stdin string
}

// run runs a program to its end in the folder and returns what it printed. It
// fails the test unless the program succeeds.
func (c client) run(t testing.TB, s *server, dir, program string, args ...string) string {
	t.Helper()
	out, err := c.try(t, dir, program, args...)
	if err != nil {
		t.Fatalf("%s %s: %v\n%s\nthe server's log:\n%s", program, strings.Join(args, " "), err, out, tail(s.log(), 3000))
	}
	return out
}

func (c client) try(t testing.TB, dir, program string, args ...string) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 120*time.Second)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "HOME="+dir, "LC_ALL=C.UTF-8", "TERM=xterm")
	cmd.Env = append(cmd.Env, c.env...)
	cmd.Stdin = strings.NewReader(c.stdin)
	cmd.WaitDelay = 5 * time.Second
	out, err := cmd.CombinedOutput()
	return string(out), err
}

func tail(s string, n int) string {
	if len(s) > n {
		return "…" + s[len(s)-n:]
	}
	return s
}

func writeFile(t testing.TB, path, content string) string {
	t.Helper()
	require.NoError(t, os.MkdirAll(filepath.Dir(path), 0o700))
	require.NoError(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}
