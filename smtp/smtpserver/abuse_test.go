package smtpserver_test

import (
	"bufio"
	"bytes"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A client with more recipients than are taken at once can send the message to
// those that are, and comes back for the rest (RFC 5321 §4.5.3.1.10): the
// refusals do not end the session.
func TestTooManyRecipients(t *testing.T) {
	rec := &recorder{}
	addr := start(t, &smtpserver.Server{Backend: rec})
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	const n = 2000
	go func() {
		fmt.Fprint(nc, "EHLO c\r\nMAIL FROM:<a@example.org>\r\n")
		for i := range n {
			fmt.Fprintf(nc, "RCPT TO:<r%d@example.org>\r\n", i)
		}
		fmt.Fprint(nc, "DATA\r\n")
	}()
	r := bufio.NewReader(nc)
	replies := map[string]int{}
	for {
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		if strings.HasPrefix(line, "354") {
			break
		}
		if line[3] == ' ' {
			replies[line[:9]]++
		}
	}
	require.Equal(t, 100, replies["250 2.1.5"])
	require.Equal(t, n-100, replies["452 4.5.3"])
	fmt.Fprint(nc, "Subject: x\r\n\r\nx\r\n.\r\n")
	line, err := r.ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "250", line[:3])
}

// Texts of replies are meant for people.
func TestReplyTexts(t *testing.T) {
	addr := start(t, &smtpserver.Server{Backend: &recorder{}})
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	r.ReadString('\n')
	for _, step := range [][2]string{
		{"HELO c", "250 "},
		{"MAIL FROM: <a@example.org>", "501 5.1.7 path must be <ADDRESS>"},
		{"MAIL FROM:<a@example.org>", "250 "},
		{"RCPT TO:<>", "501 5.1.3 path must be <ADDRESS>"},
		{"MAIL FROM:<a@example.org>", "503 5.5.1 not within a mail transaction"},
		{"DATA", "554 5.5.1 no valid recipients"},
	} {
		fmt.Fprint(nc, step[0], "\r\n")
		line, err := r.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, step[1], step[0])
	}
}

// What a client sends where the server expects a command may be a secret all
// the same: the response to a challenge that never came, for instance.
func TestTraceOfSlips(t *testing.T) {
	var trace bytes.Buffer
	srv := &smtpserver.Server{Backend: &recorder{}}
	srv.Trace = textproto.SlogTracer(slog.New(slog.NewTextHandler(&trace, nil)), slog.LevelInfo)
	addr := start(t, srv)
	nc, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer nc.Close()
	r := bufio.NewReader(nc)
	for _, line := range []string{"EHLO c", "AUTH FOO", "AGFsaWNlAHNlY3JldA==", " AUTH PLAIN AGFsaWNlAHNlY3JldA==", "AUTH\tPLAIN AGFsaWNlAHNlY3JldA==", "auth plain AGFsaWNlAHNlY3JldA==", "QUIT"} {
		fmt.Fprint(nc, line, "\r\n")
	}
	for {
		if _, err := r.ReadString('\n'); err != nil {
			break
		}
	}
	require.NoError(t, srv.Close())
	require.Contains(t, trace.String(), "auth plain ***")
	require.NotContains(t, trace.String(), "AGFsaWNl")
}
