package smtpserver_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// TestSmuggling sends every sequence that some server takes for the end of DATA
// (CVE-2023-51764, -51765, -51766 and kin), with a second message behind it.
// None but CRLF.CRLF may end the message: there must be exactly one reply to it,
// and no second message.
func TestSmuggling(t *testing.T) {
	ends := []string{
		"\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r.\r\n", "\r\n.\r", "\n.\r", "\r.\n",
		"\r\r\n.\r\r\n", "\r\n.\r\r\n", "\n\n.\r\n", "\n\r.\n\r", "\r\n\x00.\r\n",
		"\r\n.\x00\r\n", "\r\n..\r\n", "\r\n. \r\n", "\r\n.\t\r\n", "\x85.\x85", "\r\n.\x85",
		"\u2028.\u2028", "\r\n\u200b.\r\n", "\x0b.\x0b", "\x0c.\x0c", "\r\n.\r\x00\n", "\n.\r\n.\n",
	}
	second := "MAIL FROM:<smuggled@evil.example>\r\nRCPT TO:<victim@example.org>\r\nDATA\r\nSubject: smuggled\r\n\r\nx"
	for _, normalise := range []bool{false, true} {
		for _, end := range ends {
			r := &recorder{}
			k := talk(t, start(t, &smtpserver.Server{Backend: r, NormaliseLineEnds: normalise}))
			k.do("EHLO x", "250")
			k.do("MAIL FROM:<a@b.example>", "250")
			k.do("RCPT TO:<victim@example.org>", "250")
			k.do("DATA", "354")
			reply := k.do("Subject: first\r\n\r\nbody"+end+second+"\r\n.", "")
			k.do("NOOP", "250 2.0.0 OK")
			got := r.got()
			switch bare := strings.Trim(strings.ReplaceAll(end, "\r\n", ""), ". \t") != strings.Trim(strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(end, "\r\n", ""), "\r", ""), "\n", ""), ". \t"); {
			case normalise && strings.Contains(crlf(end), "\r\n.\r\n"):
				// As one message, with the dot that the line end before it makes
				// a line of.
				require.True(t, len(got) == 1 && strings.HasPrefix(reply, "250"), "%q: %s", end, reply)
			case normalise || !bare:
				require.True(t, strings.HasPrefix(reply, "250"), "%q: %s", end, reply)
				require.Len(t, got, 1)
			default:
				require.True(t, strings.HasPrefix(reply, "554 5.6.0"), "%q: %s", end, reply)
				require.Empty(t, got)
				continue
			}
			// All of it is one message.
			require.Contains(t, got[0].body, "Subject: smuggled", "%q", end)
			require.Equal(t, "a@b.example", got[0].from.String())
			require.NotRegexp(t, `[^\r]\n|\r[^\n]`, got[0].body, "%q", end)
		}
	}
}

func crlf(s string) string {
	return strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(s, "\r\n", "\n"), "\r", "\n"), "\n", "\r\n")
}
