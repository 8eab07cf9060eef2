package systemtest

import (
	"net/smtp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A thousand sessions in IDLE are all told of a message that SMTP delivers.
func TestIdle(t *testing.T) {
	s := start(t)
	const sessions = 1000
	idlers := make([]*wire, sessions)
	for i := range idlers {
		w := s.imap(t)
		w.send("i IDLE\r\n")
		w.expect("+")
		idlers[i] = w
	}
	t.Logf("peak memory with %d IDLE sessions: %.1f MiB", sessions, float64(s.peakMemory())/(1<<20))

	c, err := smtp.Dial(s.addr("smtp"))
	require.NoError(t, err)
	defer c.Close()
	for round := range 3 {
		sent := time.Now() // the last moment before the server can have the message
		require.NoError(t, c.Mail("someone@elsewhere.test"))
		require.NoError(t, c.Rcpt(bob))
		data, err := c.Data()
		require.NoError(t, err)
		_, err = data.Write([]byte(testMessage("idle")))
		require.NoError(t, err)
		require.NoError(t, data.Close())
		acknowledged := time.Since(sent)
		heard := make([]time.Duration, sessions)
		var wg sync.WaitGroup
		for i, w := range idlers {
			wg.Go(func() {
				for {
					line, err := w.r.ReadString('\n')
					if err != nil {
						t.Error("session", i, err)
						return
					}
					if strings.HasSuffix(line, " EXISTS\r\n") {
						heard[i] = time.Since(sent)
						return
					}
				}
			})
		}
		wg.Wait()
		slices.Sort(heard)
		t.Logf("round %d: 250 after %v; first session heard after %v, the middle one after %v, the last after %v", round+1,
			acknowledged.Round(time.Microsecond), heard[0].Round(time.Microsecond), heard[sessions/2].Round(time.Microsecond), heard[sessions-1].Round(time.Microsecond))
	}
	for _, w := range idlers {
		w.send("DONE\r\n")
	}
	for _, w := range idlers {
		for line := w.line(); !strings.HasPrefix(line, "i OK"); line = w.line() {
			require.True(t, strings.HasPrefix(line, "* "), line)
		}
	}
	s.stop()
}
