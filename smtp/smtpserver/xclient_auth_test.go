package smtpserver_test

import (
	"context"
	"encoding/base64"
	"net/netip"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// Clients behind a proxy take turns by their own networks, not by the proxy's.
func TestNetworkOfProxiedClient(t *testing.T) {
	seen := make(chan sasl.Conn, 1)
	k := talk(t, start(t, &smtpserver.Server{
		Backend:           &scriptBackend{},
		XClientFrom:       []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
		AllowInsecureAuth: true,
		Authenticator: sasl.AuthFunc(func(ctx context.Context, user, _ string) (string, error) {
			c, _ := sasl.ConnFromContext(ctx)
			seen <- c
			return user, nil
		}),
	}))
	login := "AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00tim\x00x"))
	k.do("EHLO x", "250")
	k.do("XCLIENT ADDR=192.0.2.7 PORT=99", "220")
	k.do("EHLO x", "250")
	k.do(login, "235")
	c := <-seen
	require.Equal(t, "192.0.2.7:99", c.RemoteAddr.String())
	require.False(t, c.Network.IsValid())
}
