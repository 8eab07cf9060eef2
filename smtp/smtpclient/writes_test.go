package smtpclient_test

import (
	"context"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// writes keeps what is written to a connection, a string a call.
type writes struct {
	net.Conn
	mu   sync.Mutex
	list []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	w.list = append(w.list, string(p))
	w.mu.Unlock()
	return w.Conn.Write(p)
}

// take returns the writes since it was last called.
func (w *writes) take() []string {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.list
	w.list = nil
	return list
}

// What belongs together is one write, so that no packet waits for the acknowledgement
// of another (RFC 2920 §3.1), and the end of a message does not come by itself.
func TestWrites(t *testing.T) {
	back := &sink{keep: true}
	a := serve(t, &smtpserver.Server{Backend: back, Authenticator: users(t), AllowInsecureAuth: true}, false)
	large := "Subject: test\r\n\r\n" + strings.Repeat("0123456789abcde\r\n", 20000)
	for _, tc := range []struct {
		name   string
		opts   smtpclient.Options
		body   string
		prefix []string // of each write of the message
	}{
		{"DATA", smtpclient.Options{}, message, []string{"MAIL FROM:<alice@client.example>", "Subject: test"}},
		{"DATA, large", smtpclient.Options{}, large, nil},
		{"BDAT", smtpclient.Options{Chunking: true}, message, []string{"MAIL FROM:<alice@client.example>", "BDAT 30 LAST\r\nSubject: test"}},
		{"BDAT, large", smtpclient.Options{Chunking: true}, large, nil},
		{"lockstep", smtpclient.Options{Disable: smtp.ExtensionsOf(smtp.ExtPipelining)}, message, []string{"MAIL FROM:", "RCPT TO:<b", "RCPT TO:<c", "DATA\r\n", "Subject: test"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			nc, err := net.Dial("tcp", a)
			require.NoError(t, err)
			w := &writes{Conn: nc}
			tc.opts.LocalName, tc.opts.AllowInsecureAuth, tc.opts.Mechanisms = "client.example", true, []string{"PLAIN"}
			c, err := smtpclient.NewClient(t.Context(), w, &tc.opts)
			require.NoError(t, err)
			defer c.Close()
			require.Equal(t, []string{"EHLO client.example\r\n"}, w.take())
			require.NoError(t, c.Login(context.Background(), sasl.Credentials{Username: "alice", Password: "secret"}))
			require.Equal(t, []string{"AUTH PLAIN AGFsaWNlAHNlY3JldA==\r\n"}, w.take())
			_, err = c.Send(t.Context(), envelope(t, "bob@example.org", "carol@example.org"), strings.NewReader(tc.body))
			require.NoError(t, err)
			list := w.take()
			if tc.prefix != nil {
				require.Len(t, list, len(tc.prefix))
				for i, prefix := range tc.prefix {
					require.True(t, strings.HasPrefix(list[i], prefix), "%q", list[i])
				}
			}
			envelope := list[0]
			if tc.name != "lockstep" {
				require.Equal(t, 2, strings.Count(envelope, "\r\nRCPT TO:"))
				require.Equal(t, !tc.opts.Chunking, strings.HasSuffix(envelope, "\r\nDATA\r\n"))
			}
			last := list[len(list)-1]
			if tc.opts.Chunking {
				total := 0
				for _, s := range list[1:] {
					total += len(s)
				}
				require.Less(t, len(list), 2+total/(64<<10)+2, "no small ones")
			} else {
				require.True(t, strings.HasSuffix(last, "\r\n.\r\n"))
				require.Greater(t, len(last), len("\r\n.\r\n"))
				require.LessOrEqual(t, len(list), 2+len(tc.body)/(32<<10)+3)
			}
			require.NoError(t, c.Quit(t.Context()))
			require.Equal(t, []string{"QUIT\r\n"}, w.take())
		})
	}
	// However long the body is, its end shares a write with some of it.
	for n := 64<<10 - 40; n < 64<<10+40; n++ {
		nc, err := net.Dial("tcp", a)
		require.NoError(t, err)
		w := &writes{Conn: nc}
		c, err := smtpclient.NewClient(t.Context(), w, nil)
		require.NoError(t, err)
		_, err = c.Send(t.Context(), envelope(t, "bob@example.org"), strings.NewReader("\r\n"+strings.Repeat("x", n)))
		require.NoError(t, err)
		list := w.take()
		last := list[len(list)-1]
		require.True(t, strings.HasSuffix(last, ".\r\n"))
		require.Greater(t, len(last), 5, "of %d octets: %q", n, last)
		require.NoError(t, c.Close())
	}
}
