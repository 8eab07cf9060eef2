package testutil

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Play plays the server's part of a script on a connection and returns where the
// client left it. The steps, one a line:
//
//	S: text    sends the line
//	C: text    expects the line
//	C* text    expects a line that begins so
//	BODY       reads up to the line that is a dot
//	CLOSE      closes the connection
//
// After the last step the connection is open, unless it was closed. Package
// transcript plays scripts that do more, and those of the client's part.
func Play(nc net.Conn, script string) error {
	br := bufio.NewReader(nc)
	for step := range strings.Lines(script) {
		step = strings.TrimSpace(step)
		kind, text, _ := strings.Cut(step, " ")
		switch kind {
		case "S:":
			io.WriteString(nc, text+"\r\n") // a client that has disconnected is noticed by the next read
		case "C:", "C*":
			line, err := br.ReadString('\n')
			if err != nil {
				return fmt.Errorf("waiting for %q: %w", text, err)
			}
			line = strings.TrimSuffix(line, "\r\n")
			if line != text && (kind == "C:" || !strings.HasPrefix(line, text)) {
				return fmt.Errorf("got %q, want %q", line, text)
			}
		case "BODY":
			for line := ""; line != ".\r\n"; {
				var err error
				if line, err = br.ReadString('\n'); err != nil {
					return fmt.Errorf("in the body: %w", err)
				}
			}
		case "CLOSE":
			nc.Close()
		case "":
		default:
			return fmt.Errorf("bad step %q", step)
		}
	}
	return nil
}

// ScriptServer listens on a loopback address and plays one script a connection.
// The test fails if the clients deviate from the scripts.
func ScriptServer(t testing.TB, scripts ...string) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer l.Close()
		for i, script := range scripts {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			nc.SetDeadline(time.Now().Add(10 * time.Second))
			if err := Play(nc, script); err != nil {
				t.Errorf("script %d: %v", i+1, err)
			}
			nc.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		<-done
	})
	return l.Addr().String()
}

// Script returns a connection whose other end plays a script.
func Script(t testing.TB, script string) net.Conn {
	t.Helper()
	nc, err := net.Dial("tcp", ScriptServer(t, script))
	require.NoError(t, err)
	t.Cleanup(func() { nc.Close() })
	return nc
}
