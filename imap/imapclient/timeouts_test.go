package imapclient_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/internal/transcript"
)

// Timeouts.Command counts from the last octet that was sent or received, whatever the
// reader has been waiting for before.
func TestCommandTimeout(t *testing.T) {
	for _, x := range []struct {
		name, script string
		took         time.Duration
	}{
		{"nothing comes", "C: {{t:}} STATUS a {{.*}}\nSILENT 5m\nDROP", 10 * time.Minute},
		{"a command after 6 minutes", "C: {{t:}} STATUS a {{.*}}\nC: {{u:}} STATUS b {{.*}}\nSILENT 9m\nDROP", 16 * time.Minute},
		{"octets after 6 minutes", "C: {{t:}} STATUS a {{.*}}\nWAIT 6m\nS- \"* STA\"\nC: {{u:}} STATUS b {{.*}}\nDROP", 16 * time.Minute},
		{"octets now and then", "C: {{t:}} STATUS a {{.*}}\nC: {{u:}} STATUS b {{.*}}\nWAIT 9m\nS- \"* \"\nWAIT 9m\nS- \"O\"\nDROP", 34 * time.Minute},
	} {
		t.Run(x.name, func(t *testing.T) {
			bubbleTest(t, "S: * PREAUTH [CAPABILITY IMAP4rev1] ready\n"+x.script, func(t *testing.T, srv *transcript.Server) {
				c := connect(t, srv, nil)
				start := time.Now()
				done := make(chan error)
				go func() {
					_, err := c.Status(t.Context(), "a", imap.StatusMessages)
					done <- err
				}()
				time.Sleep(6 * time.Minute)
				if x.name != "nothing comes" {
					_, err := c.Status(t.Context(), "b", imap.StatusMessages)
					timedOut(t, err)
				}
				timedOut(t, <-done)
				require.InDelta(t, x.took, time.Since(start), float64(time.Second))
			})
		})
	}
}

// No time counts while no answer is due: NOOP is sent instead. That is so without a
// login, too.
func TestKeepAliveIsAnswered(t *testing.T) {
	bubbleTest(t, "S: * OK [CAPABILITY IMAP4rev1] ready\nSILENT 4m59s\nC: {{t:}} NOOP\nS: ${t} OK\nSILENT 4m59s\nC: {{t:}} NOOP\nSILENT 9m\nDROP",
		func(t *testing.T, srv *transcript.Server) {
			c, err := imapclient.NewClient(t.Context(), srv.Dial(), nil)
			require.NoError(t, err)
			start := time.Now()
			<-c.Closed()
			timedOut(t, c.Err())
			require.InDelta(t, 20*time.Minute, time.Since(start), float64(time.Second))
		})
}
