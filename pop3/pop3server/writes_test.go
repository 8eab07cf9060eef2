package pop3server

import (
	"bufio"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// A response of several lines goes out in one write, and so do the responses to
// commands that came together.
func TestWrites(t *testing.T) {
	store, _ := openStore(t, messages...)
	nc, writes := testutil.ServeWrites(t, newServer(t, store))
	r := bufio.NewReader(nc)
	// once sends text and requires that the answer, up to a line that begins with last,
	// is one write.
	once := func(text, last string) {
		t.Helper()
		nc.SetDeadline(time.Now().Add(30 * time.Second))
		if text != "" {
			_, err := io.WriteString(nc, text)
			require.NoError(t, err)
		}
		var answer strings.Builder
		for {
			line, err := r.ReadString('\n')
			require.NoError(t, err)
			answer.WriteString(line)
			if strings.HasPrefix(line, last) {
				break
			}
		}
		require.Equal(t, []string{answer.String()}, writes.Take(), text)
	}
	once("", "+OK")
	once("CAPA\r\n", ".\r\n")
	once("USER mrose\r\n", "+OK")
	once("PASS tanstaaf\r\n", "+OK")
	once("STAT\r\n", "+OK")
	once("LIST\r\n", ".\r\n")
	once("UIDL\r\n", ".\r\n")
	once("RETR 1\r\n", ".\r\n")
	once("TOP 2 1\r\n", ".\r\n")
	once("NONSENSE\r\n", "-ERR")
	once("RETR 1\r\nTOP 2 0\r\nDELE 1\r\nNOOP\r\nNONSENSE\r\n", "-ERR")
	once("QUIT\r\n", "+OK")
}
