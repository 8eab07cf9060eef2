package sqlite

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// recording is what a workload has done: its system calls in the order of their
// ends, with the marks of its sessions among them.
type recording struct {
	calls []call

	// from and to bound the calls at which the power fails.
	from, to int

	// outcomes of each session, by step.
	outcomes [][]outcome

	// wanted are the outcomes of the one session on a good disk, if this one
	// has failed.
	wanted []outcome
}

// call is a system call that changes a file of the store, or a mark.
type call struct {
	kind   callKind
	thread string
	file   string // its name in the folder of the store; empty: the folder itself
	offset int64
	data   []byte
	began  int // how many events came before its begin

	session, step int // of a mark
	mark          string
}

type callKind int

const (
	callWrite    callKind = iota
	callTruncate          // to offset
	callSync
	callFailedSync
	callCreate // unless it exists
	callUnlink
	callMark
)

// modifying are the system calls that are recorded. Those that the store does not
// make today are here so that none is missed.
const modifying = "open,openat,creat,write,pwrite64,writev,pwritev,pwritev2,ftruncate,truncate,fallocate,fsync,fdatasync," +
	"sync_file_range,copy_file_range,sendfile,unlink,unlinkat,rename,renameat,renameat2,link,linkat,symlink,symlinkat,mkdir,mkdirat"

// needStrace skips the test, or fails it under CI, unless strace can be used.
func needStrace(t testing.TB) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		peers.Missing(t, "strace (Debian package strace)")
	}
	if out, err := exec.Command("strace", "-f", "-o", os.DevNull, "true").CombinedOutput(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("strace may not trace processes here: %v\n%s", err, out)
		}
		t.Skipf("strace may not trace processes here: %v\n%s", err, out)
	}
}

// runWorkload does a workload in a process under strace, which writes to the file
// strace in its folder.
func runWorkload(t testing.TB, w workload, straceArgs ...string) {
	t.Helper()
	require.NoError(t, os.MkdirAll(w.store(), 0o700))
	program, err := os.Executable()
	require.NoError(t, err)
	text, err := json.Marshal(&w)
	require.NoError(t, err)
	args := append([]string{"-f", "-qq", "-o", filepath.Join(w.Dir, "strace")}, straceArgs...)
	cmd := exec.CommandContext(t.Context(), "strace", append(args, "--", program)...)
	// Signals that preempt goroutines only make the recording longer.
	cmd.Env = append(os.Environ(), workloadEnv+"="+string(text), "GODEBUG=asyncpreemptoff=1")
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Empty(t, string(out))
}

// record does a workload and records it.
func record(t testing.TB, w workload, straceArgs ...string) *recording {
	t.Helper()
	runWorkload(t, w, append(straceArgs, "-y", "-xx", "-s", "10000000", "--seccomp-bpf", "-e", "trace="+modifying, "-e", "signal=none")...)
	return readRecording(t, w.Dir)
}

// readRecording reads what record has left in a folder. The files may have been
// moved there.
func readRecording(t testing.TB, dir string) *recording {
	t.Helper()
	w := workload{Dir: dir}
	f, err := os.Open(filepath.Join(dir, "strace"))
	require.NoError(t, err)
	defer f.Close()
	rec := &recording{outcomes: readOutcomes(t, w)}
	require.NoError(t, rec.read(f))
	require.NotEmpty(t, rec.calls)
	rec.to = len(rec.calls)
	return rec
}

// then adds what a later process has done on the same disk, in sessions of its own.
func (rec *recording) then(next *recording) {
	before := len(rec.calls)
	for _, c := range next.calls {
		c.began += before
		rec.calls = append(rec.calls, c)
	}
	rec.outcomes = append(rec.outcomes, next.outcomes[len(rec.outcomes):]...)
	rec.to = len(rec.calls)
}

// readOutcomes returns the outcomes of each session.
func readOutcomes(t testing.TB, w workload) (all [][]outcome) {
	t.Helper()
	data, err := os.ReadFile(w.outcomes())
	require.NoError(t, err)
	for dec := json.NewDecoder(bytes.NewReader(data)); ; {
		var o outcome
		if err := dec.Decode(&o); errors.Is(err, io.EOF) {
			return all
		} else {
			require.NoError(t, err)
		}
		for len(all) <= o.Session {
			all = append(all, nil)
		}
		require.Len(t, all[o.Session], o.Step)
		all[o.Session] = append(all[o.Session], o)
	}
}

// read reads what strace has written, of which a line is
//
//	4711  pwrite64(12<path>, "data", 4096, 8192) = 4096
//
// with paths and data in hexadecimal, or two lines if another thread came between
// the begin and the end of a call:
//
//	4711  fsync(12<path> <unfinished ...>
//	4711  <... fsync resumed>) = 0
func (rec *recording) read(r io.Reader) error {
	type begun struct {
		text string
		at   int
	}
	open := map[string]begun{} // by thread
	in := bufio.NewReaderSize(r, 1<<20)
	for {
		line, err := in.ReadString('\n')
		if err == io.EOF && line == "" {
			return nil
		}
		if err != nil {
			return err
		}
		thread, text, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		text = strings.TrimLeft(text, " ")
		at := len(rec.calls)
		if start, ok := strings.CutSuffix(text, " <unfinished ...>"); ok {
			open[thread] = begun{start, at}
			continue
		}
		if rest, ok := strings.CutPrefix(text, "<... "); ok {
			_, rest, _ = strings.Cut(rest, " resumed>")
			text, at = open[thread].text+rest, open[thread].at
			delete(open, thread)
		}
		if text == "" || strings.ContainsRune("+-?", rune(text[0])) || strings.HasSuffix(text, "<detached ...>") {
			continue // the end of a thread, or a signal
		}
		if err := rec.add(thread, text, at); err != nil {
			return fmt.Errorf("%w: %.80s … %s", err, text, text[max(0, len(text)-80):])
		}
	}
}

var errUnknownCall = errors.New("a system call that the recording does not understand")

// add adds a system call, if it is one that has changed the store.
func (rec *recording) add(thread, text string, began int) error {
	name, rest, ok := strings.Cut(text, "(")
	end := strings.LastIndex(rest, " = ")
	if !ok || end < 0 {
		return errUnknownCall
	}
	result := rest[end+len(" = "):]
	rest, ok = strings.CutSuffix(strings.TrimRight(rest[:end], " "), ")")
	if !ok {
		return errUnknownCall
	}
	failed := strings.HasPrefix(result, "-1") || strings.HasPrefix(result, "?") // the process has ended meanwhile
	if failed && name != "fsync" && name != "fdatasync" {
		return nil
	}
	args := strings.Split(rest, ", ")
	path, err := pathOf(name, args)
	if err != nil {
		return err
	}
	c := call{thread: thread, began: began}
	switch dir, base := filepath.Split(path); {
	case base == "marks" && name == "write":
		return rec.addMark(c, args)
	case base == "store":
	case filepath.Base(dir) == "store" && strings.HasPrefix(base, "mail.db"):
		c.file = base
	default:
		return nil
	}
	if strings.HasSuffix(c.file, "-shm") {
		return nil // is made again whenever the database is opened after a crash
	}
	switch name {
	case "fsync", "fdatasync":
		if c.kind = callSync; failed {
			c.kind = callFailedSync
		}
	case "pwrite64":
		c.kind = callWrite
		if c.data, err = unquote(args[1]); err != nil {
			return err
		}
		if c.offset, err = strconv.ParseInt(args[3], 10, 64); err != nil {
			return err
		}
		var written int
		written, err = strconv.Atoi(result)
		c.data = c.data[:min(written, len(c.data))]
	case "ftruncate":
		c.kind = callTruncate
		c.offset, err = strconv.ParseInt(args[1], 0, 64)
	case "open", "openat":
		if strings.Contains(rest, "O_TRUNC") {
			return errUnknownCall
		}
		if !strings.Contains(rest, "O_CREAT") {
			return nil
		}
		c.kind = callCreate
	case "unlink":
		c.kind = callUnlink
	default:
		return errUnknownCall
	}
	rec.calls = append(rec.calls, c)
	return err
}

func (rec *recording) addMark(c call, args []string) error {
	c.kind = callMark
	line, err := unquote(args[1])
	if err == nil {
		_, err = fmt.Sscan(string(line), &c.session, &c.step, &c.mark)
	}
	rec.calls = append(rec.calls, c)
	return err
}

// pathOf returns the path of the file that a system call is about.
func pathOf(name string, args []string) (string, error) {
	var quoted string
	switch name {
	case "open", "creat", "truncate", "unlink", "rename", "link", "symlink", "mkdir":
		quoted = strings.Trim(args[0], `"`)
	case "openat", "unlinkat", "renameat", "renameat2", "linkat", "symlinkat", "mkdirat":
		quoted = strings.Trim(args[1], `"`)
	default: // with a descriptor: 12<path>, perhaps followed by (deleted)
		_, quoted, _ = strings.Cut(args[0], "<")
		quoted, _, _ = strings.Cut(quoted, ">")
	}
	b, err := unhex(quoted)
	return string(b), err
}

func unquote(s string) ([]byte, error) {
	if len(s) < 2 || s[0] != '"' || s[len(s)-1] != '"' {
		return nil, errUnknownCall
	}
	return unhex(s[1 : len(s)-1])
}

// unhex decodes \x6f\x6b.
func unhex(s string) ([]byte, error) {
	if len(s)%4 != 0 {
		return nil, errUnknownCall
	}
	digits := make([]byte, 0, len(s)/2)
	for i := 0; i < len(s); i += 4 {
		if s[i:i+2] != `\x` {
			return nil, errUnknownCall
		}
		digits = append(digits, s[i+2], s[i+3])
	}
	return hex.AppendDecode(nil, digits)
}
