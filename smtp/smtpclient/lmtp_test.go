package smtpclient_test

import (
	"context"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// LMTP over a Unix socket, as delivery agents speak it.
func TestLMTP(t *testing.T) {
	back := &sink{keep: true}
	srv := &smtpserver.Server{Backend: back, LMTP: true}
	srv.Hostname = "mx.example.org"
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

// A trusted proxy speaks for somebody else.
func TestXClient(t *testing.T) {
	back := &sink{keep: true}
	srv := &smtpserver.Server{Backend: back}
	srv.XClientFrom = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	ctx := context.Background()
	c, err := smtpclient.Dial(ctx, serve(t, srv, false), nil)
	require.NoError(t, err)
	defer c.Close()
	require.NoError(t, c.XClient(ctx, smtp.Attribute{Name: "ADDR", Value: "192.0.2.7"}, smtp.Attribute{Name: "NAME", Value: "client.example"}, smtp.Attribute{Name: "LOGIN", Value: "alice"}))
	require.NoError(t, c.XForward(ctx, smtp.Attribute{Name: "IDENT", Value: "a b"}))
	_, err = c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "a@b.example")}, strings.NewReader(message))
	require.NoError(t, err)
	require.Equal(t, "192.0.2.7", back.conn.RemoteIP().String())
	require.Equal(t, "client.example", back.conn.RemoteName())
	require.Equal(t, "alice", back.conn.Identity())
	require.Equal(t, []smtp.Attribute{{Name: "IDENT", Value: "a b"}}, back.fwd)
	require.Empty(t, back.conn.Forwarded(), "it is for one message")
	require.Error(t, c.XClient(ctx, smtp.Attribute{Name: "ADDR", Value: "nonsense"}))
	require.NoError(t, c.Noop(ctx))
}
