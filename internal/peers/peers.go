package peers

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wait is how long a test waits for a peer to do anything.
const wait = 40 * time.Second

// folder holds the programs that .ci/run fetched.
func folder() string {
	if dir := os.Getenv("POSTHORN_PEERS"); dir != "" {
		return dir
	}
	dir, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(dir, "posthorn-peers")
}

// Unpacked returns the path of a file of an unpacked package, or that of the
// installed one. It is empty if there is neither.
func Unpacked(path string) string {
	for _, p := range []string{filepath.Join(folder(), "root", path), path} {
		if _, err := os.Stat(p); err == nil {
			return p
		}
	}
	return ""
}

// Missing skips the test, or fails it under CI, because something is not
// installed.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf("%s is not installed; .ci/run installs it", what)
	}
	t.Skipf("%s is not installed; .ci/run installs it", what)
}

// Need returns the path of a program. In short mode it skips the test: peers
// are slow, and the race detector, with which short mode is used, does not see
// them.
func Need(t testing.TB, program, debianPackage string) string {
	t.Helper()
	if testing.Short() {
		t.Skip("not in short mode")
	}
	for _, dir := range []string{"/usr/sbin", "/usr/bin"} {
		if p := Unpacked(filepath.Join(dir, program)); p != "" {
			return p
		}
	}
	p, err := exec.LookPath(program)
	if err != nil {
		Missing(t, fmt.Sprintf("%s (Debian package %s)", program, debianPackage))
	}
	return p
}

// NeedRoot skips the test, or fails it under CI, unless it runs as root, which
// some daemons require.
func NeedRoot(t testing.TB, program string) {
	t.Helper()
	switch {
	case os.Geteuid() == 0:
	case os.Getenv("CI") != "":
		t.Fatalf("%s can be started by root only", program)
	default:
		t.Skipf("%s can be started by root only", program)
	}
}

// Dir makes a folder that daemons of other users can access, unlike t.TempDir.
// It belongs to owner, unless that is empty.
func Dir(t testing.TB, owner string) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "posthorn-peer")
	require.NoError(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	require.NoError(t, os.Chmod(dir, 0o755))
	chown(t, dir, owner)
	return dir
}

func chown(t testing.TB, path, owner string) {
	t.Helper()
	if owner == "" {
		return
	}
	u, err := user.Lookup(owner)
	if err != nil {
		Missing(t, "the user "+owner)
	}
	uid, _ := strconv.Atoi(u.Uid)
	gid, _ := strconv.Atoi(u.Gid)
	require.NoError(t, os.Chown(path, uid, gid))
}

// Write writes a file and returns its path.
func Write(t testing.TB, path, content string) string {
	t.Helper()
	require.NoError(t, os.WriteFile(path, []byte(content), 0o644))
	return path
}

// Port finds a free port on loopback.
func Port(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// A Daemon is a peer that runs in the background.
type Daemon struct {
	Dir   string         // its folder
	Ports map[string]int // by the name of the service
	Logs  []string       // its log files
	mu    sync.Mutex     // guards output
	out   bytes.Buffer   // what it printed
	ended chan struct{}  // closed when it has ended
	cmd   *exec.Cmd
}

// Addr returns the address of a service.
func (d *Daemon) Addr(service string) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(d.Ports[service]))
}

// Write takes the daemon's output.
func (d *Daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

// Log returns what the daemon printed and logged.
func (d *Daemon) Log() string {
	d.mu.Lock()
	text := d.out.String()
	d.mu.Unlock()
	for _, name := range d.Logs {
		b, _ := os.ReadFile(name)
		text += string(b)
	}
	return text
}

// run starts the daemon and waits until its services can be reached. Its log is
// printed if the test fails.
func (d *Daemon) run(t testing.TB, cmd *exec.Cmd) {
	t.Helper()
	cmd.Stdout, cmd.Stderr, cmd.WaitDelay = d, d, 5*time.Second
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, cmd.Start())
	d.cmd, d.ended = cmd, make(chan struct{})
	go func() {
		defer close(d.ended)
		cmd.Wait()
	}()
	t.Cleanup(func() {
		d.stop()
		if t.Failed() {
			t.Logf("log of %s:\n%s", filepath.Base(cmd.Path), tail(d.Log(), 12000))
		}
	})
	for name := range d.Ports {
		d.Until(t, name+" can be reached", func() bool {
			nc, err := net.DialTimeout("tcp", d.Addr(name), time.Second)
			if err != nil {
				return false
			}
			nc.Close()
			return true
		})
	}
}

// stop ends the daemon and what it started.
func (d *Daemon) stop() {
	d.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-d.ended:
	case <-time.After(10 * time.Second):
	}
	syscall.Kill(-d.cmd.Process.Pid, syscall.SIGKILL) // children that linger
	<-d.ended
}

// Until waits for a condition as long as the daemon runs.
func (d *Daemon) Until(t testing.TB, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(wait); !condition(); time.Sleep(20 * time.Millisecond) {
		select {
		case <-d.ended:
			t.Fatalf("waiting until %s: %s has ended", what, d.cmd.Path)
		default:
		}
		if time.Now().After(end) {
			t.Fatalf("waited too long until %s", what)
		}
	}
}

// Run runs a program to its end and returns what it printed. stdin may be
// empty.
func Run(stdin string, env []string, program string, args ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 2*wait)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(append(os.Environ(), "LC_ALL=C.UTF-8"), env...)
	cmd.Stdin = strings.NewReader(stdin)
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
