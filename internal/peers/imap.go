package peers

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The accounts that the IMAP servers have, both with the password.
const (
	Alice        = "alice"
	Bob          = "bob"
	IMAPPassword = "secret"
)

// An IMAP is a connection to an IMAP server, for what a test has to set up, and
// for changes that the client under test does not make itself.
type IMAP struct {
	t   testing.TB
	nc  net.Conn
	r   *bufio.Reader
	w   *bufio.Writer
	tag int
}

// DialIMAP connects to an IMAP server in the clear and logs in.
func DialIMAP(t testing.TB, addr, user, password string) *IMAP {
	t.Helper()
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	c := newIMAP(t, nc)
	c.Do("LOGIN " + user + " " + password)
	return c
}

// newIMAP reads the greeting.
func newIMAP(t testing.TB, nc net.Conn) *IMAP {
	t.Helper()
	c := &IMAP{t: t, nc: nc, r: bufio.NewReaderSize(nc, 1<<16), w: bufio.NewWriterSize(nc, 1<<16)}
	nc.SetDeadline(time.Now().Add(wait))
	_, err := c.response()
	require.NoError(t, err)
	return c
}

// Do sends a command without its tag and returns the untagged responses and the
// tagged one, without its tag, which must be OK. The command may have literals
// that need no permission (LITERAL+).
func (c *IMAP) Do(command string) []string {
	c.t.Helper()
	responses := c.Try(command)
	last := responses[len(responses)-1]
	require.True(c.t, strings.HasPrefix(last, "OK"), "%.200s is answered by %s", command, last)
	return responses
}

// Try is Do for a command that may fail.
func (c *IMAP) Try(command string) []string {
	c.t.Helper()
	c.send(command)
	return c.answer()
}

// send sends a command.
func (c *IMAP) send(command string) {
	c.t.Helper()
	c.nc.SetDeadline(time.Now().Add(wait))
	c.tag++
	fmt.Fprintf(c.w, "p%d %s\r\n", c.tag, command)
	require.NoError(c.t, c.w.Flush())
}

// answer reads up to the tagged response of the last command.
func (c *IMAP) answer() (responses []string) {
	c.t.Helper()
	tag := "p" + strconv.Itoa(c.tag) + " "
	for {
		got, err := c.response()
		require.NoError(c.t, err)
		text, ok := strings.CutPrefix(got, tag)
		responses = append(responses, text)
		if ok {
			return responses
		}
	}
}

// response reads a response with its literals.
func (c *IMAP) response() (string, error) {
	var all strings.Builder
	for {
		line, err := c.r.ReadString('\n')
		if err != nil {
			return "", err
		}
		line = strings.TrimSuffix(line, "\r\n")
		all.WriteString(line)
		i := strings.LastIndexByte(line, '{')
		if i < 0 || !strings.HasSuffix(line, "}") {
			return all.String(), nil
		}
		n, err := strconv.ParseInt(line[i+1:len(line)-1], 10, 32)
		if err != nil {
			return all.String(), nil
		}
		all.WriteString("\r\n")
		if _, err := io.CopyN(&all, c.r, n); err != nil {
			return "", err
		}
	}
}

// Capabilities returns the words of CAPABILITY.
func (c *IMAP) Capabilities() []string {
	c.t.Helper()
	for _, line := range c.Do("CAPABILITY") {
		if list, ok := strings.CutPrefix(line, "* CAPABILITY "); ok {
			return strings.Fields(list)
		}
	}
	c.t.Fatal("no CAPABILITY response")
	return nil
}
