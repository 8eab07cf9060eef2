package imapclient

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
)

func TestBackoff(t *testing.T) {
	var b Backoff
	lost := errors.New("lost")
	full := &imap.Error{Status: imap.NO, Code: imap.CodeAlert, Text: "Too many simultaneous connections. (Failure)"}
	for _, tc := range []struct {
		n    int
		err  error
		most time.Duration
	}{
		{1, lost, time.Second}, {2, lost, 2 * time.Second}, {3, lost, 4 * time.Second}, {9, lost, 256 * time.Second},
		{10, lost, 5 * time.Minute}, {1 << 30, lost, 5 * time.Minute},
		{1, full, 10 * time.Second}, {1000, &CommandError{Err: full}, 50 * time.Minute},
	} {
		seen := map[time.Duration]bool{}
		for range 100 {
			d := b.wait(tc.n, tc.err)
			require.LessOrEqual(t, d, tc.most)
			require.Greater(t, d, tc.most/2)
			seen[d] = true
		}
		require.Greater(t, len(seen), 50)
	}
	b = Backoff{Min: time.Minute, Max: time.Second}
	require.LessOrEqual(t, b.wait(1, lost), time.Second)
}

// How providers say that an account does too much.
func TestSlowDown(t *testing.T) {
	for _, text := range []string{
		"Too many simultaneous connections. (Failure)",
		"Account exceeded command or bandwidth limits.",
		"Maximum number of connections from user+IP exceeded (mail_max_userip_connections=10)",
		"Request is throttled. Suggested Backoff Time: 299904 milliseconds",
		"Rate limit hit.",
	} {
		require.True(t, slowDown(&imap.Error{Status: imap.NO, Text: text}), text)
		require.False(t, slowDown(errors.New(text)))
	}
	require.True(t, slowDown(&imap.Error{Status: imap.NO, Code: imap.CodeLimit}))
	for _, text := range []string{"Invalid credentials (Failure)", "[UNAVAILABLE] Temporary authentication failure", ""} {
		require.False(t, slowDown(&imap.Error{Status: imap.NO, Text: text}), text)
	}
}
