package sasl

import (
	"context"
	"crypto/tls"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What each server refuses as malformed, and none takes for a login.
func TestMalformed(t *testing.T) {
	a := everything{testUsers(t)}
	long := strings.Repeat("x", MaxResponse+1)
	for name, responses := range map[string][]string{
		"PLAIN":       {"", "tim", "\x00tim", "\x00tim\x00x\x00", "\x00\x00x", "\x00\xff\x00x", "\x00tim\x00a\x07b", long},
		"LOGIN":       {long},
		"CRAM-MD5":    {"", "tim", "tim ", "tim xyz", " b913a602c7eda7a495b4e6e7334d3890", "tim " + strings.Repeat("z", 32), "\xff b913a602c7eda7a495b4e6e7334d3890", long},
		"OAUTHBEARER": {"", "n", "n,", "n,\x01\x01", "n,,\x01", "p=x,,\x01auth=Bearer x\x01\x01", "n,b=x,\x01auth=Bearer x\x01\x01", "n,a=t=x,\x01auth=Bearer x\x01\x01", "n,,\x01auth=Basic x\x01\x01", "n,,\x01auth=Bearer x\x01", "n,,\x01port=99999\x01auth=Bearer x\x01\x01", "n,,\x01auth\x01\x01", "n,,\x01auth=Bearer x\x01auth=Bearer y\x01\x01", long},
		"XOAUTH2":     {"", "user=tim\x01", "user=\x01auth=Bearer x\x01\x01", "auth=Bearer x\x01\x01", "user=tim\x01\x01", long},
		"ANONYMOUS":   {strings.Repeat("ä", 256), "a\nb", "\xff"},
		"DIGEST-MD5":  {"", "x", `username="tim`, `username="tim"x`, `username="tim",nonce="other"`, long, strings.Repeat("a=b,", 33)},
	} {
		for _, r := range responses {
			s, err := NewServer(name, a, Conn{TLS: under, Mechanisms: []string{name}})
			require.NoError(t, err)
			challenge, done, err := s.Next(context.Background(), nil)
			require.NoError(t, err)
			require.False(t, done)
			require.NotNil(t, challenge)
			_, done, err = s.Next(context.Background(), []byte(r))
			require.ErrorIs(t, err, ErrMalformed, "%s %.40q", name, r)
			require.False(t, done)
			require.NotContains(t, err.Error(), "tim")
		}
	}
	// Initial responses that a mechanism doesn't have.
	s, err := NewServer("CRAM-MD5", a, Conn{})
	require.NoError(t, err)
	_, _, err = s.Next(context.Background(), []byte("x"))
	require.ErrorIs(t, err, ErrMalformed)
}

// RFC 7628 §4.3: an empty token asks what is needed.
func TestOAuthDiscovery(t *testing.T) {
	s, err := NewServer("OAUTHBEARER", everything{testUsers(t)}, Conn{TLS: under})
	require.NoError(t, err)
	challenge, done, err := s.Next(context.Background(), []byte("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=\x01\x01"))
	require.NoError(t, err)
	require.False(t, done)
	require.JSONEq(t, `{"status":"invalid_token"}`, string(challenge))
	_, _, err = s.Next(context.Background(), []byte{1})
	require.ErrorIs(t, err, ErrAuthFailed)
	require.Contains(t, err.Error(), `"invalid_token"`)
}

// What clients refuse to send.
func TestClientsRefuse(t *testing.T) {
	for _, c := range []Client{
		Plain("a\x00b", "u", "p"), Plain("", "", "p"), Plain("", "u", "p\x00"), Login("", "p"), CramMD5("u\xff", "p"),
		External("a\x00b"), Anonymous("a\nb"), XOAuth2("u\x01", "t"), OAuthBearer(Token{Bearer: "t\r\n"}),
		SCRAM(SHA256, "", "p", nil), SCRAM(SHA256, "u", "p", &SCRAMOptions{Authzid: "\x00"}), DigestMD5("", "", "p", "imap", "h"),
	} {
		_, err := c.Start()
		require.ErrorIs(t, err, ErrMalformed, c.Name())
	}
	// Challenges beyond the last. PLAIN may be asked for again, once.
	asked := Plain("", "u", "p")
	_, err := asked.Next(nil)
	require.NoError(t, err)
	for _, c := range []Client{asked, External(""), Anonymous("")} {
		_, err := c.Next(nil)
		require.ErrorIs(t, err, ErrMalformed, c.Name())
	}
}

// A server of DIGEST-MD5 that does not know UTF-8 gets ISO 8859-1.
func TestDigestMD5Latin1(t *testing.T) {
	u := &Users{Iterations: MinIterations, KeepSecrets: true}
	require.NoError(t, u.Set("jörg", "geheim ä"))
	for _, charset := range []string{",charset=utf-8", ""} {
		s := newDigestMD5Server(base{name: "DIGEST-MD5", a: u, c: Conn{}})
		challenge, _, err := s.Next(context.Background(), nil)
		require.NoError(t, err)
		c := DigestMD5("", "jörg", "geheim ä", "imap", "localhost")
		_, err = c.Start()
		require.NoError(t, err)
		r, err := c.Next([]byte(strings.Replace(string(challenge), ",charset=utf-8", charset, 1)))
		require.NoError(t, err)
		last, done, err := s.Next(context.Background(), r)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, "jörg", s.Identity())
		require.ErrorIs(t, c.Finish(), ErrServerUnproven)
		_, err = c.Next(last)
		require.NoError(t, err)
		require.NoError(t, c.Finish())
	}
	// Layers that are demanded, algorithms that are unknown.
	for _, challenge := range []string{`nonce="x",qop="auth-conf",algorithm=md5-sess`, `nonce="x",algorithm=md5`, `algorithm=md5-sess`} {
		c := DigestMD5("", "u", "p", "imap", "h")
		_, err := c.Start()
		require.NoError(t, err)
		_, err = c.Next([]byte(challenge))
		require.ErrorIs(t, err, ErrMalformed)
	}
}

func TestCertificateOf(t *testing.T) {
	cert := selfSigned(t, "x")
	require.Equal(t, cert.Certificate[0], CertificateOf(&tls.Config{Certificates: []tls.Certificate{cert}}))
	require.Nil(t, CertificateOf(nil))
	require.Nil(t, CertificateOf(&tls.Config{}))
	require.Nil(t, CertificateOf(&tls.Config{Certificates: []tls.Certificate{cert, cert}}))
	require.Nil(t, CertificateOf(&tls.Config{Certificates: []tls.Certificate{cert},
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}))
}
