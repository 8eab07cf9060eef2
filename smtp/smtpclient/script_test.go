package smtpclient_test

import (
	"bufio"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
)

// scripted is a server that plays a script: lines "S: text" are sent, "C: text"
// must come, "C* text" must come as a prefix, "BODY" reads up to the lone dot,
// "CLOSE" closes, "PAUSE" waits for input to stop.
func scripted(t testing.TB, script string) net.Conn {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan string, 1)
	go func() {
		nc, err := l.Accept()
		l.Close() // not earlier: it would reset a connection that waits to be accepted
		if err != nil {
			done <- err.Error()
			return
		}
		defer nc.Close()
		nc.SetDeadline(time.Now().Add(10 * time.Second))
		done <- play(nc, script)
	}()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(func() {
		nc.Close()
		if msg := <-done; msg != "" {
			t.Error("server: " + msg)
		}
	})
	return nc
}

func play(nc net.Conn, script string) string {
	br := bufio.NewReader(nc)
	for _, step := range strings.Split(strings.TrimSpace(script), "\n") {
		step = strings.TrimSpace(step)
		kind, text, _ := strings.Cut(step, " ")
		switch kind {
		case "S:":
			nc.Write([]byte(text + "\r\n"))
		case "C:", "C*":
			line, err := br.ReadString('\n')
			if err != nil {
				return "waiting for " + text + ": " + err.Error()
			}
			line = strings.TrimSuffix(line, "\r\n")
			if line != text && (kind == "C:" || !strings.HasPrefix(line, text)) {
				return "got " + line + ", want " + text
			}
		case "BODY":
			for {
				line, err := br.ReadString('\n')
				if err != nil {
					return "in the body: " + err.Error()
				}
				if line == ".\r\n" {
					break
				}
			}
		case "CLOSE":
			nc.Close()
		case "":
		default:
			return "bad step " + step
		}
	}
	return ""
}

func addr(t testing.TB, s string) smtp.Address {
	t.Helper()
	if s == "" {
		return smtp.Address{}
	}
	a, err := smtp.ParseAddress(s)
	require.NoError(t, err)
	return a
}

func addrs(t testing.TB, list ...string) []smtp.Address {
	var out []smtp.Address
	for _, s := range list {
		out = append(out, addr(t, s))
	}
	return out
}
