package imapclient_test

import (
	"bufio"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// The newest announcement holds, also when it comes at once after that of the
// greeting.
func TestCapabilitiesAfterGreeting(t *testing.T) {
	for range 200 {
		client, server := net.Pipe()
		go func() {
			defer server.Close()
			e := &enemy{server, bufio.NewReader(server)}
			e.say("* PREAUTH [CAPABILITY IMAP4rev1] ready\r\n* CAPABILITY IMAP4rev1 XNEW")
			e.ok()
			io.Copy(io.Discard, e.r)
		}()
		c, err := imapclient.NewClient(t.Context(), client, nil)
		require.NoError(t, err)
		require.NoError(t, c.Noop(t.Context()))
		require.True(t, c.Capabilities().Has("XNEW"))
		c.Close()
	}
}
