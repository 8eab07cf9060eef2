package imapclient_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox/search"
)

// What follows a literal's header is kept apart while the server is waited for: buffers
// are shared with the reader, which takes what the server sends meanwhile.
func TestLiteralWhileReading(t *testing.T) {
	client, server := net.Pipe()
	const n = 200
	var got []string
	var over sync.WaitGroup
	over.Go(func() {
		defer server.Close()
		r := bufio.NewReader(server)
		io.WriteString(server, "* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n")
		r.ReadString('\n')
		io.WriteString(server, "* 1 EXISTS\r\nP1 OK done\r\n")
		for range n {
			head, _ := r.ReadString('\n')
			tag, _, _ := strings.Cut(head, " ")
			fmt.Fprintf(server, "* OK %s\r\n", strings.Repeat("DELETE everything ", 200))
			io.WriteString(server, "+ go on\r\n")
			line, err := r.ReadString('\n')
			if err != nil {
				return
			}
			got = append(got, line)
			fmt.Fprintf(server, "* SEARCH 1\r\n%s OK done\r\n", tag)
		}
	})
	c, err := imapclient.NewClient(t.Context(), client, nil)
	require.NoError(t, err)
	m, err := c.Select(t.Context(), "INBOX", nil)
	require.NoError(t, err)
	for i := range n {
		_, err := m.Search(t.Context(), search.And{search.Subject(fmt.Sprint("grün ", i)), search.Seen}, nil)
		require.NoError(t, err)
	}
	c.Close()
	over.Wait()
	require.Len(t, got, n)
	for i, line := range got {
		require.Equal(t, fmt.Sprintf("grün %d SEEN\r\n", i), line)
	}
}
