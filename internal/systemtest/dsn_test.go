package systemtest

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/dsn"
)

// submit dials the submission port and logs bob in.
func (s *server) submit(t testing.TB) (*wire, string) {
	t.Helper()
	w := s.dial(t, "submission")
	w.send("EHLO c\r\nAUTH PLAIN %s\r\n", base64.StdEncoding.EncodeToString([]byte("\x00"+bob+"\x00"+bobPassword)))
	var hello strings.Builder
	for {
		line := w.expect("2")
		if strings.HasPrefix(line, "235 ") {
			return w, hello.String()
		}
		hello.WriteString(line[4:] + "\n")
	}
}

// Who submits a message and asks to be told of its delivery gets a report into its
// mailbox (RFC 3461). Others are not offered what this server could not do.
func TestDeliveryReport(t *testing.T) {
	t.Parallel()
	s := start(t)
	w, hello := s.submit(t)
	require.Contains(t, hello, "DSN\n")
	w.send("MAIL FROM:<%s> ENVID=my+2Did\r\nRCPT TO:<%s> NOTIFY=SUCCESS ORCPT=rfc822;alice@old.example\r\nDATA\r\n", bob, alice)
	w.expect("250 ")
	w.expect("250 ")
	w.expect("354 ")
	w.send("From: %s\r\nSubject: asked for\r\n\r\ntext\r\n.\r\n", bob)
	w.expect("250 ")

	box := s.imap(t)
	lines := box.command("FETCH 1 (BODY.PEEK[])")
	require.NotEmpty(t, lines, s.log())
	text := strings.Join(lines[1:], "\r\n")
	report, err := dsn.Parse(strings.NewReader(text), nil)
	require.NoError(t, err, text)
	require.Equal(t, "my-id", report.EnvelopeID)
	require.Len(t, report.Recipients, 1)
	require.Equal(t, dsn.Delivered, report.Recipients[0].Action)
	require.Equal(t, alice, report.Recipients[0].Final.Address)
	require.Equal(t, "alice@old.example", report.Recipients[0].Original.Address)
	require.Contains(t, text, "Return-Path: <>\r\n")
	require.Contains(t, text, "Subject: asked for")

	w = s.dial(t, "smtp")
	w.send("EHLO c\r\nMAIL FROM:<x@example.net> RET=HDRS\r\n")
	for {
		line := w.line()
		require.NotContains(t, line, "DSN")
		if line[3] == ' ' {
			break
		}
	}
	w.expect("555 5.5.4 ")
}

// The log tells of each login which service and which connection it came to.
func TestLoginLines(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.submit(t)
	s.imap(t)
	w := s.dial(t, "pop3")
	w.send("USER %s\r\nPASS %s\r\n", bob, bobPassword)
	w.expect("+OK")
	w.expect("+OK")
	s.stop() // so that all of the log is here
	for _, service := range []string{"submission", "imap", "pop3"} {
		want := fmt.Sprintf(`msg=login service=%s conn=\w+ user=%s mechanism=\w+ from=127\.0\.0\.1:`, service, regexp.QuoteMeta(bob))
		require.Regexp(t, want, s.log())
	}
}
