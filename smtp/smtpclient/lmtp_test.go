package smtpclient_test

import (
	"context"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// LMTP over a Unix socket, as delivery agents speak it.
func TestLMTP(t *testing.T) {
	back := &sink{keep: true}
	srv := &smtpserver.Server{Backend: back, LMTP: true}
	srv.Domain = "mx.example.org"
	path := filepath.Join(t.TempDir(), "lmtp")
	l, err := net.Listen("unix", path)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { defer close(done); srv.Serve(l) }()
	defer func() { srv.Close(); <-done }()

	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, path, &smtpclient.Options{LMTP: true, LocalName: "localhost"})
	require.NoError(t, err)
	defer c.Close()
	for range 2 {
		res, err := c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "a@b.example", "nobody@b.example", "a@b.example")}, strings.NewReader(message))
		require.ErrorIs(t, err, smtpclient.ErrPartial)
		require.Equal(t, smtpclient.Accepted, res.Recipients[0].Status)
		require.Equal(t, smtpclient.Rejected, res.Recipients[1].Status)
		require.Equal(t, smtpclient.Accepted, res.Recipients[2].Status)
	}
	require.Equal(t, "LMTP", back.conn.Protocol())
	require.NoError(t, c.Quit(ctx))
}
