package smtpserver_test

import (
	"bufio"
	"io"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A reply of several lines goes out in one write, and so do those to a group of
// commands (RFC 2920 §3.2).
func TestWrites(t *testing.T) {
	srv := &smtpserver.Server{Hostname: "mx.example.org", Backend: &recorder{}}
	srv.Logger = slog.New(slog.DiscardHandler)
	nc, writes := testutil.ServeWrites(t, srv)
	r := bufio.NewReader(nc)
	// once sends text and requires that the replies to it are one write.
	once := func(text string, codes ...string) {
		t.Helper()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		if text != "" {
			_, err := io.WriteString(nc, text)
			require.NoError(t, err)
		}
		var replies strings.Builder
		for _, code := range codes {
			for {
				line, err := r.ReadString('\n')
				require.NoError(t, err)
				require.Equal(t, code, line[:3], line)
				replies.WriteString(line)
				if line[3] == ' ' {
					break
				}
			}
		}
		require.Equal(t, []string{replies.String()}, writes.Take(), text)
	}
	once("", "220")
	once("EHLO client.example.org\r\n", "250")
	once("HELP\r\n", "214")
	once("NONSENSE\r\n", "500")
	once("MAIL FROM:<a@example.org>\r\n", "250")
	once("RCPT TO:<b@example.org>\r\n", "250")
	once("DATA\r\n", "354")
	once("Subject: hi\r\n\r\nhello\r\n.\r\n", "250")
	once("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nRCPT TO:<c@example.org>\r\nDATA\r\n", "250", "250", "250", "354")
	once(strings.Repeat("x\r\n", 10_000)+".\r\n", "250")
	once("MAIL FROM:<a@example.org>\r\nRCPT TO:<b@example.org>\r\nBDAT 5 LAST\r\nhello", "250", "250", "250")
	once("QUIT\r\n", "221")
}
