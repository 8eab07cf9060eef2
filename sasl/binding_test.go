package sasl

import (
	"context"
	"crypto/tls"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

func selfSigned(t testing.TB, name string) tls.Certificate {
	server, _ := testutil.TLS(t, name)
	return server.Certificates[0]
}

// handshake returns both ends' view of a TLS connection.
func handshake(t testing.TB, version uint16, clientCert ...tls.Certificate) (client, server Conn) {
	cert := selfSigned(t, "mail.example.org")
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	s := tls.Server(a, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version, ClientAuth: tls.RequestClientCert})
	done := make(chan error, 1)
	go func() { done <- s.Handshake() }()
	c := tls.Client(b, &tls.Config{InsecureSkipVerify: true, MaxVersion: version, Certificates: clientCert})
	require.NoError(t, c.Handshake())
	go c.Read(make([]byte, 1)) // session tickets
	require.NoError(t, <-done)
	cs, ss := c.ConnectionState(), s.ConnectionState()
	return Conn{TLS: &cs}, Conn{TLS: &ss, ServerCertificate: cert.Certificate[0]}
}

func TestChannelBinding(t *testing.T) {
	u := testUsers(t)
	for _, tc := range []struct {
		version uint16
		want    []string
	}{
		{tls.VersionTLS12, []string{"tls-unique", "tls-exporter", "tls-server-end-point"}},
		{tls.VersionTLS13, []string{"tls-exporter", "tls-server-end-point"}},
	} {
		cc, sc := handshake(t, tc.version)
		var types []string
		for _, b := range Bindings(cc) {
			types = append(types, b.Type)
		}
		require.Equal(t, tc.want, types)
		require.Contains(t, Mechanisms(u, sc), "SCRAM-SHA-256-PLUS")

		for _, b := range Bindings(cc) {
			for _, h := range hashes {
				client := SCRAM(h, "tim", "tanstaaftanstaaf", &SCRAMOptions{Binding: &b})
				server, err := NewServer(client.Name(), u, sc)
				require.NoError(t, err)
				clientErr, serverErr := exchange(client, server, true)
				require.NoError(t, clientErr)
				require.NoError(t, serverErr, b.Type)
				require.Equal(t, "tim", server.Identity())
			}

			// Somebody in the middle has another connection.
			_, other := handshake(t, tc.version)
			server, err := NewServer("SCRAM-SHA-256-PLUS", u, other)
			require.NoError(t, err)
			_, serverErr := exchange(SCRAM(SHA256, "tim", "tanstaaftanstaaf", &SCRAMOptions{Binding: &b}), server, true)
			require.ErrorIs(t, serverErr, ErrAuthFailed, b.Type)
		}

		off := sc
		off.NoChannelBinding = true
		require.NotContains(t, Mechanisms(u, off), "SCRAM-SHA-256-PLUS")
		server, err := NewServer("SCRAM-SHA-256", u, off)
		require.NoError(t, err)
		_, serverErr := exchange(SCRAM(SHA256, "tim", "tanstaaftanstaaf", &SCRAMOptions{BindingNotOffered: true}), server, true)
		require.NoError(t, serverErr)

		// Without its certificate the server can't know of the end point.
		sc.ServerCertificate = nil
		server, err = NewServer("SCRAM-SHA-256-PLUS", u, sc)
		require.NoError(t, err)
		last := Bindings(cc)[len(tc.want)-1]
		_, serverErr = exchange(SCRAM(SHA256, "tim", "tanstaaftanstaaf", &SCRAMOptions{Binding: &last}), server, true)
		require.ErrorIs(t, serverErr, ErrMalformed)
	}
}

// RFC 5802 §6: the rules for the flag.
func TestChannelBindingFlag(t *testing.T) {
	u := testUsers(t)
	_, sc := handshake(t, tls.VersionTLS13)
	first := func(name, msg string, c Conn) error {
		s, err := NewServer(name, u, c)
		require.NoError(t, err)
		_, _, err = s.Next(context.Background(), []byte(msg))
		return err
	}
	const bare = "n=tim,r=abc"
	require.NoError(t, first("SCRAM-SHA-256", "n,,"+bare, sc))
	require.ErrorIs(t, first("SCRAM-SHA-256", "y,,"+bare, sc), ErrMalformed) // -PLUS was offered
	require.NoError(t, first("SCRAM-SHA-256", "y,,"+bare, Conn{TLS: under}))
	noPlus := sc
	noPlus.Mechanisms = []string{"SCRAM-SHA-256"}
	require.NoError(t, first("SCRAM-SHA-256", "y,,"+bare, noPlus))
	require.ErrorIs(t, first("SCRAM-SHA-256", "p=tls-exporter,,"+bare, sc), ErrMalformed)
	require.NoError(t, first("SCRAM-SHA-256-PLUS", "p=tls-exporter,,"+bare, sc))
	require.ErrorIs(t, first("SCRAM-SHA-256-PLUS", "p=tls-unique,,"+bare, sc), ErrMalformed) // TLS 1.3
	require.ErrorIs(t, first("SCRAM-SHA-256-PLUS", "p=tls-nonsense,,"+bare, sc), ErrMalformed)
	for _, flag := range []string{"n", "y", "p", "p=", "p=a_b", ""} {
		require.ErrorIs(t, first("SCRAM-SHA-256-PLUS", flag+",,"+bare, sc), ErrMalformed, flag)
	}
}

// The client binds where it can, and says so where it could have.
func TestCandidates(t *testing.T) {
	cc, _ := handshake(t, tls.VersionTLS13)
	var got []string
	cr := Credentials{Username: "tim", Password: "x"}
	list := func(offered string) []string {
		got = nil
		for c, err := range Candidates(context.Background(), fields(offered), cr, cc) {
			require.NoError(t, err)
			first, err := c.Start()
			require.NoError(t, err)
			flag := ""
			if s, ok := c.(*scramClient); ok {
				flag = string(first[:len(s.header)-1])
			}
			got = append(got, c.Name()+" "+flag)
		}
		return got
	}
	require.Equal(t, []string{
		"SCRAM-SHA-256-PLUS p=tls-exporter,", "SCRAM-SHA-256-PLUS p=tls-server-end-point,", "SCRAM-SHA-256 n,", "PLAIN ",
	}, list("PLAIN SCRAM-SHA-256 SCRAM-SHA-256-PLUS"))
	require.Equal(t, []string{"SCRAM-SHA-256 y,", "SCRAM-SHA-1 y,"}, list("SCRAM-SHA-1 SCRAM-SHA-256"))
}

func TestExternal(t *testing.T) {
	a := everything{testUsers(t)}
	_, sc := handshake(t, tls.VersionTLS13)
	_, err := NewServer("EXTERNAL", a, sc)
	require.ErrorIs(t, err, ErrUnsupported) // no certificate

	_, sc = handshake(t, tls.VersionTLS13, selfSigned(t, "Kurt"))
	require.Equal(t, "EXTERNAL", Mechanisms(a, sc)[0])
	for authzid, want := range map[string]string{"": "Kurt", "Kurt": "Kurt", "tim": "tim"} {
		for _, ir := range []bool{true, false} {
			server, err := NewServer("EXTERNAL", a, sc)
			require.NoError(t, err)
			clientErr, serverErr := exchange(External(authzid), server, ir)
			require.NoError(t, clientErr)
			require.NoError(t, serverErr)
			require.Equal(t, want, server.Identity())
		}
	}
	server, err := NewServer("EXTERNAL", a, sc)
	require.NoError(t, err)
	_, serverErr := exchange(External("nobody"), server, true)
	require.ErrorIs(t, serverErr, ErrAuthzDenied)
}
