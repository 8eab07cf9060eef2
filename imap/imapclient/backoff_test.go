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
	asked := &imap.Error{Status: imap.NO, Text: "Request is throttled. Suggested Backoff Time: 299904 milliseconds"}
	require.Equal(t, 299904*time.Millisecond, b.wait(1, asked))
	b = Backoff{Min: time.Minute, Max: time.Second}
	require.LessOrEqual(t, b.wait(1, lost), time.Second)
}
