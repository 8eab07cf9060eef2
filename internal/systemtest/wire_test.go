package systemtest

import (
	"bufio"
	"crypto/sha256"
	"fmt"
	"hash"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// wire is a plain connection, for tests that no mail program can do.
type wire struct {
	t testing.TB
	net.Conn
	r   *bufio.Reader
	tag int
}

func (s *server) dial(t testing.TB, service string) *wire {
	t.Helper()
	c, err := net.Dial("tcp", s.addr(service))
	require.NoError(t, err)
	t.Cleanup(func() { c.Close() })
	c.SetDeadline(time.Now().Add(5 * time.Minute))
	w := &wire{t: t, Conn: c, r: bufio.NewReaderSize(c, 1<<16)}
	w.line() // the greeting
	return w
}

// imap dials, logs bob in and selects INBOX.
func (s *server) imap(t testing.TB) *wire {
	t.Helper()
	w := s.dial(t, "imap")
	w.command("LOGIN " + bob + " " + bobPassword)
	w.command("SELECT INBOX")
	return w
}

func (w *wire) send(format string, args ...any) {
	w.t.Helper()
	_, err := fmt.Fprintf(w.Conn, format, args...)
	require.NoError(w.t, err)
}

func (w *wire) line() string {
	w.t.Helper()
	line, err := w.r.ReadString('\n')
	require.NoError(w.t, err, "after %q", line)
	return strings.TrimSuffix(line, "\r\n")
}

// expect reads a line with that prefix.
func (w *wire) expect(prefix string) string {
	w.t.Helper()
	line := w.line()
	require.True(w.t, strings.HasPrefix(line, prefix), "want %s…, got %s", prefix, line)
	return line
}

// command sends an IMAP command, expects OK and returns the untagged lines.
func (w *wire) command(text string) (lines []string) {
	w.t.Helper()
	w.tag++
	tag := "t" + strconv.Itoa(w.tag)
	w.send("%s %s\r\n", tag, text)
	for {
		line := w.line()
		if status, ok := strings.CutPrefix(line, tag+" "); ok {
			require.True(w.t, strings.HasPrefix(status, "OK"), "%s: %s", text, status)
			return lines
		}
		lines = append(lines, line)
	}
}

// bigMessage is a message of about size octets that is made while it is read.
// Every line differs, some begin with a dot.
type bigMessage struct {
	header string
	lines  int
	next   int
	buf    []byte
	sum    hash.Hash
}

const bigLine = 76 // octets of a line, with CRLF

func newBigMessage(size int64) (*bigMessage, int64) {
	m := &bigMessage{header: "From: alice@example.org\r\nTo: bob@example.org\r\nSubject: big\r\n\r\n", lines: int(size / bigLine), sum: sha256.New()}
	return m, int64(len(m.header)) + int64(m.lines)*bigLine
}

func (m *bigMessage) Read(p []byte) (int, error) {
	if m.next == 0 {
		m.buf = append(m.buf, m.header...)
	}
	for len(m.buf) < len(p) && m.next < m.lines {
		first := "x"
		if m.next%10 == 0 {
			first = "."
		}
		m.next++
		m.buf = append(m.buf, fmt.Sprintf("%s%09d%s\r\n", first, m.next, strings.Repeat("-", bigLine-12))...)
	}
	if len(m.buf) == 0 {
		return 0, io.EOF
	}
	n := copy(p, m.buf)
	m.sum.Write(p[:n])
	m.buf = m.buf[:copy(m.buf, m.buf[n:])]
	return n, nil
}
