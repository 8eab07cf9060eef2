package systemtest

import (
	"crypto/sha256"
	"fmt"
	"io"
	"math/rand/v2"
	"net/smtp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The server is killed while ten clients send. After each restart every message
// that got its 250 is there, once or more, and none is damaged.
func TestKill(t *testing.T) {
	s := start(t)
	var mu sync.Mutex
	acknowledged := map[string]bool{} // by the digest in the Subject

	for round := range 4 {
		var wg sync.WaitGroup
		for client := range 10 {
			wg.Go(func() {
				c, err := smtp.Dial(s.addr("smtp"))
				if err != nil {
					return
				}
				defer c.Close()
				for n := 0; ; n++ {
					body := fmt.Sprintf("round %d client %d message %d\r\n%s\r\n", round, client, n, strings.Repeat("0123456789", rand.IntN(20000)))
					digest := fmt.Sprintf("%x", sha256.Sum256([]byte(body)))
					if c.Mail("someone@elsewhere.test") != nil || c.Rcpt(bob) != nil {
						return
					}
					w, err := c.Data()
					if err != nil {
						return
					}
					io.WriteString(w, "Subject: "+digest+"\r\n\r\n"+body)
					if w.Close() != nil {
						return
					}
					mu.Lock()
					acknowledged[digest] = true
					mu.Unlock()
				}
			})
		}
		time.Sleep(time.Duration(200+rand.IntN(800)) * time.Millisecond)
		s.kill()
		wg.Wait()
		s.run()

		found := map[string]bool{}
		i := s.imap(t)
		i.send("f UID FETCH 1:* BODY.PEEK[]\r\n")
		for {
			line := i.line()
			if strings.HasPrefix(line, "f ") {
				break
			}
			_, literal, ok := strings.Cut(line, "{")
			if !ok {
				continue
			}
			var size int
			_, err := fmt.Sscanf(literal, "%d}", &size)
			require.NoError(t, err, line)
			raw := make([]byte, size)
			_, err = io.ReadFull(i.r, raw)
			require.NoError(t, err)
			header, body, _ := strings.Cut(string(raw), "\r\n\r\n")
			_, digest, _ := strings.Cut(header, "Subject: ")
			require.Equal(t, fmt.Sprintf("%x", sha256.Sum256([]byte(body))), digest, "a message is damaged")
			found[digest] = true
		}
		i.Close()
		for digest := range acknowledged {
			require.True(t, found[digest], "an acknowledged message is missing")
		}
		t.Logf("round %d: killed; %d messages acknowledged so far, %d found", round+1, len(acknowledged), len(found))
	}
	require.NotEmpty(t, acknowledged)
	s.stop()
}
