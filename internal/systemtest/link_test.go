package systemtest

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// link is a connection for goroutines, which may not end the test: unlike those
// of wire, its methods return errors.
type link struct {
	net.Conn
	r   *bufio.Reader
	tag int
}

// dialLink connects from a source address ("" means any) and reads the greeting.
// The connection closes when ctx ends.
func dialLink(ctx context.Context, source, addr string) (*link, string, error) {
	d := net.Dialer{Timeout: 30 * time.Second}
	if source != "" {
		d.LocalAddr = &net.TCPAddr{IP: net.ParseIP(source)}
	}
	c, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, "", err
	}
	// A reset leaves no port behind in TIME_WAIT.
	c.(*net.TCPConn).SetLinger(0)
	context.AfterFunc(ctx, func() { c.Close() })
	l := &link{Conn: c, r: bufio.NewReaderSize(c, 1<<14)}
	greeting, err := l.line()
	if err != nil {
		c.Close()
		return nil, "", err
	}
	return l, greeting, nil
}

func (l *link) send(format string, args ...any) error {
	_, err := fmt.Fprintf(l.Conn, format, args...)
	return err
}

// line reads a line, of which it keeps the beginning.
func (l *link) line() (string, error) {
	line, err := l.r.ReadSlice('\n')
	first := string(line)
	for err == bufio.ErrBufferFull {
		_, err = l.r.ReadSlice('\n')
	}
	return strings.TrimRight(first, "\r\n"), err
}

// command sends an IMAP command and returns its tagged response, without the
// tag. What is untagged is dropped.
func (l *link) command(text string) (string, error) {
	l.tag++
	tag := "t" + strconv.Itoa(l.tag)
	if err := l.send("%s %s\r\n", tag, text); err != nil {
		return "", err
	}
	return l.tagged(tag)
}

// tagged reads up to the tagged response.
func (l *link) tagged(tag string) (string, error) {
	for {
		line, err := l.line()
		if err != nil {
			return "", err
		}
		if status, ok := strings.CutPrefix(line, tag+" "); ok {
			return status, nil
		}
		if strings.HasPrefix(line, "* BYE") {
			return line, nil
		}
		if i := strings.LastIndexByte(line, '{'); i >= 0 && strings.HasSuffix(line, "}") {
			if n, err := strconv.Atoi(line[i+1 : len(line)-1]); err == nil {
				if _, err := io.CopyN(io.Discard, l.r, int64(n)); err != nil {
					return "", err
				}
			}
		}
	}
}

// reply reads an SMTP reply and returns its last line.
func (l *link) reply() (string, error) {
	for {
		line, err := l.line()
		if err != nil || len(line) < 4 || line[3] != '-' {
			return line, err
		}
	}
}

// smtp sends SMTP commands, one at a time, and returns the reply to the last, or
// the first that refuses one.
func (l *link) smtp(commands ...string) (reply string, err error) {
	for _, c := range commands {
		if err = l.send("%s\r\n", c); err != nil {
			return "", err
		}
		if reply, err = l.reply(); err != nil || reply == "" || reply[0] > '3' {
			return reply, err
		}
	}
	return reply, nil
}

// pop3 sends a POP3 command and returns the first line of the reply, or what
// ends it if it has several.
func (l *link) pop3(command string, multi bool) (string, error) {
	if err := l.send("%s\r\n", command); err != nil {
		return "", err
	}
	line, err := l.line()
	if err != nil || !multi || !strings.HasPrefix(line, "+OK") {
		return line, err
	}
	for {
		if rest, err := l.line(); err != nil || rest == "." {
			return line, err
		}
	}
}
