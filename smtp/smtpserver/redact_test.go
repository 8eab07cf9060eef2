package smtpserver_test

import (
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Traces show no secret, whatever stands between the words and whether or not the
// server takes the line for AUTH.
func TestTraceSecrets(t *testing.T) {
	const secret = "AHRpbQBzZWNyZXQ"
	users := &sasl.Users{Iterations: sasl.MinIterations}
	require.NoError(t, users.Set("tim", "other"))
	for line, want := range map[string]string{
		"AUTH PLAIN " + secret:                 "AUTH PLAIN ***",
		"AUTH PLAIN\t" + secret:                "AUTH PLAIN ***",
		"AUTH\tPLAIN\t" + secret:               "AUTH PLAIN ***",
		"AUTH  \t PLAIN \t " + secret:          "AUTH PLAIN ***",
		"auth plain " + secret:                 "auth plain ***",
		"Auth PLAIN " + secret + " \t":         "Auth PLAIN ***",
		"AUTH PLAIN=" + secret:                 "AUTH ***",
		"AUTH PLAIN\x0b" + secret:              "AUTH ***",
		"AUTH PLAIN\x00" + secret:              "AUTH ***",
		"AUTH PLAIN\u00a0" + secret:            "AUTH ***",
		"AUTH " + secret:                       "AUTH ***",
		"AUTH SCRAM-SHA-256-PLUS " + secret:    "AUTH SCRAM-SHA-256-PLUS ***",
		"AUTH ABCDEFGHIJKLMNOPQRSTU " + secret: "AUTH ***",
		"AUTH=PLAIN " + secret:                 "***",
		" AUTH PLAIN " + secret:                "***",
		"\tAUTH PLAIN " + secret:               "***",
		"AUTHPLAIN " + secret:                  "***",
		"AUTH\x0bPLAIN " + secret:              "***",
		"NOOP\rAUTH PLAIN " + secret:           "***",
		"NOOP x\rAUTH PLAIN " + secret:         "***",
		secret:                                 "***",
		"BURL imap://x;urlauth=submit+tim:internal:" + secret + " LAST": "BURL ***",
		"BURL\timap://x;urlauth=submit+tim:internal:" + secret:          "BURL ***",
		"AUTH PLAIN":              "AUTH PLAIN",
		"AUTH":                    "AUTH",
		"MAIL FROM:<a@b.example>": "MAIL FROM:<a@b.example>",
	} {
		var mu sync.Mutex
		var lines []string
		srv := &smtpserver.Server{Backend: &recorder{}, Authenticator: users, AllowInsecureAuth: true}
		srv.Trace = func(e textproto.Event) {
			mu.Lock()
			defer mu.Unlock()
			if e.Dir == textproto.Receive {
				lines = append(lines, string(e.Line))
			}
		}
		k := talk(t, start(t, srv))
		k.do("EHLO x", "250")
		k.do(line, "")
		mu.Lock()
		require.Equal(t, want, lines[1], "%q", line)
		require.NotContains(t, strings.Join(lines, "\n"), secret, "%q", line)
		mu.Unlock()
	}
}
