package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
)

// under is a connection with TLS that has no bindings.
var under = &tls.ConnectionState{}

// testUsers has tim with the password of the RFCs' examples.
func testUsers(t testing.TB) *Users {
	u := &Users{Iterations: MinIterations, KeepSecrets: true}
	require.NoError(t, u.Set("tim", "tanstaaftanstaaf"))
	require.NoError(t, u.Set("Ursel", "geheim"))
	require.NoError(t, u.Set("Kurt", "xipj3plmq"))
	require.NoError(t, u.SetAdmin("kurt", true))
	return u
}

// everything is a Users that also serves the rest.
type everything struct{ *Users }

func (everything) VerifyToken(_ context.Context, t Token) (string, error) {
	if t.Bearer != "good" || t.User != "tim" {
		return "", &OAuthError{Status: "invalid_token", Scope: "mail"}
	}
	return t.User, nil
}

func (everything) VerifyCertificate(_ context.Context, s *tls.ConnectionState) (string, error) {
	return s.PeerCertificates[0].Subject.CommonName, nil
}

func (everything) Anonymous(_ context.Context, trace string) (string, error) {
	if trace == "spam" {
		return "", ErrAuthFailed
	}
	return "nobody", nil
}

// exchange runs both sides against each other, as a protocol does that can
// carry initial responses if ir, and returns both sides' errors.
func exchange(c Client, s Server, ir bool) (clientErr, serverErr error) {
	ctx := context.Background()
	response, err := c.Start()
	if err != nil {
		return err, nil
	}
	initial := response
	if !ir {
		response = nil
	}
	for range 10 {
		challenge, done, err := s.Next(ctx, response)
		if err != nil {
			return Reason(c), err
		}
		if done {
			if challenge != nil {
				if _, err := c.Next(challenge); err != nil {
					return err, nil
				}
			}
			return c.Finish(), nil
		}
		if initial != nil && !ir && len(challenge) == 0 {
			response, initial = initial, nil
			continue
		}
		if response, err = c.Next(challenge); err != nil {
			return err, ErrCancelled
		}
	}
	return errors.New("endless exchange"), nil
}

func TestExchanges(t *testing.T) {
	a := everything{testUsers(t)}
	for _, tc := range []struct {
		name   string
		client func() Client
		want   string // identity
		err    error  // of the server
	}{
		{"plain", func() Client { return Plain("", "tim", "tanstaaftanstaaf") }, "tim", nil},
		{"plain folded", func() Client { return Plain("", "TIM", "tanstaaftanstaaf") }, "tim", nil},
		{"plain wrong", func() Client { return Plain("", "tim", "x") }, "", ErrAuthFailed},
		{"plain unknown", func() Client { return Plain("", "tom", "x") }, "", ErrAuthFailed},
		{"plain admin", func() Client { return Plain("ursel", "Kurt", "xipj3plmq") }, "Ursel", nil},
		{"plain admin unknown", func() Client { return Plain("tom", "Kurt", "xipj3plmq") }, "", ErrAuthzDenied},
		{"plain no admin", func() Client { return Plain("ursel", "tim", "tanstaaftanstaaf") }, "", ErrAuthzDenied},
		{"plain self", func() Client { return Plain("Tim", "tim", "tanstaaftanstaaf") }, "tim", nil},
		{"login", func() Client { return Login("tim", "tanstaaftanstaaf") }, "tim", nil},
		{"login wrong", func() Client { return Login("tim", "") }, "", ErrAuthFailed},
		{"cram", func() Client { return CramMD5("tim", "tanstaaftanstaaf") }, "tim", nil},
		{"cram wrong", func() Client { return CramMD5("tim", "x") }, "", ErrAuthFailed},
		{"cram unknown", func() Client { return CramMD5("tom", "x") }, "", ErrAuthFailed},
		{"digest", func() Client { return DigestMD5("", "tim", "tanstaaftanstaaf", "imap", "h") }, "tim", nil},
		{"digest admin", func() Client { return DigestMD5("tim", "kurt", "xipj3plmq", "imap", "h") }, "tim", nil},
		{"digest wrong", func() Client { return DigestMD5("", "tim", "x", "imap", "h") }, "", ErrAuthFailed},
		{"digest unknown", func() Client { return DigestMD5("", "tom", "x", "imap", "h") }, "", ErrAuthFailed},
		{"digest service", func() Client { return DigestMD5("", "tim", "tanstaaftanstaaf", "smtp", "h") }, "", ErrMalformed},
		{"scram-1", func() Client { return SCRAM(SHA1, "tim", "tanstaaftanstaaf", nil) }, "tim", nil},
		{"scram-256", func() Client { return SCRAM(SHA256, "tim", "tanstaaftanstaaf", nil) }, "tim", nil},
		{"scram-512", func() Client { return SCRAM(SHA512, "tim", "tanstaaftanstaaf", nil) }, "tim", nil},
		{"scram y", func() Client {
			return SCRAM(SHA256, "tim", "tanstaaftanstaaf", &SCRAMOptions{BindingNotOffered: true})
		}, "tim", nil},
		{"scram admin", func() Client { return SCRAM(SHA256, "kurt", "xipj3plmq", &SCRAMOptions{Authzid: "ursel"}) }, "Ursel", nil},
		{"scram no admin", func() Client { return SCRAM(SHA256, "tim", "tanstaaftanstaaf", &SCRAMOptions{Authzid: "a=b,c"}) }, "", ErrAuthzDenied},
		{"scram wrong", func() Client { return SCRAM(SHA256, "tim", "x", nil) }, "", ErrAuthFailed},
		{"scram unknown", func() Client { return SCRAM(SHA256, "t,o=m", "x", nil) }, "", ErrAuthFailed},
		{"oauthbearer", func() Client { return OAuthBearer(Token{User: "tim", Bearer: "good", Host: "h", Port: 143}) }, "tim", nil},
		{"oauthbearer wrong", func() Client { return OAuthBearer(Token{User: "tim", Bearer: "bad"}) }, "", ErrAuthFailed},
		{"xoauth2", func() Client { return XOAuth2("tim", "good") }, "tim", nil},
		{"xoauth2 wrong", func() Client { return XOAuth2("tim", "bad") }, "", ErrAuthFailed},
		{"anonymous", func() Client { return Anonymous("sirhc") }, "nobody", nil},
		{"anonymous refused", func() Client { return Anonymous("spam") }, "", ErrAuthFailed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, ir := range []bool{true, false} {
				client := tc.client()
				c := Conn{Service: "imap", Host: "h", TLS: under, Mechanisms: []string{client.Name()}}
				server, err := NewServer(client.Name(), a, c)
				require.NoError(t, err)
				require.Equal(t, client.Name(), server.Name())
				clientErr, serverErr := exchange(client, server, ir)
				if tc.err != nil {
					require.ErrorIs(t, serverErr, tc.err)
					require.Empty(t, server.Identity())
					continue
				}
				require.NoError(t, serverErr)
				require.NoError(t, clientErr)
				require.Equal(t, tc.want, server.Identity())
			}
		})
	}
}

// The error that the server has for a token reaches both sides' callers.
func TestOAuthErrorParsed(t *testing.T) {
	for _, client := range []Client{OAuthBearer(Token{User: "tim", Bearer: "bad"}), XOAuth2("tim", "bad")} {
		server, err := NewServer(client.Name(), everything{testUsers(t)}, Conn{TLS: under})
		require.NoError(t, err)
		clientErr, serverErr := exchange(client, server, true)
		for _, err := range []error{clientErr, serverErr} {
			var oe *OAuthError
			require.ErrorAs(t, err, &oe)
			require.Equal(t, OAuthError{Status: "invalid_token", Scope: "mail"}, *oe)
			require.ErrorIs(t, err, ErrAuthFailed)
		}
		require.Error(t, client.Finish())
	}
}

func TestMechanisms(t *testing.T) {
	all := everything{testUsers(t)}
	hashed := &Users{Iterations: MinIterations}
	require.NoError(t, hashed.Set("tim", "x"))
	passwords := AuthFunc(func(context.Context, string, string) (string, error) { return "", ErrAuthFailed })
	scrams := []string{"SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1"}
	for _, tc := range []struct {
		name string
		a    Authenticator
		c    Conn
		want []string
	}{
		{"none", nil, Conn{TLS: under}, nil},
		{"passwords in the clear", passwords, Conn{}, nil},
		{"passwords", passwords, Conn{TLS: under}, []string{"PLAIN", "LOGIN"}},
		{"passwords insecure", passwords, Conn{AllowInsecure: true}, []string{"PLAIN", "LOGIN"}},
		{"hashed in the clear", hashed, Conn{}, scrams},
		{"hashed", hashed, Conn{TLS: under}, append(append([]string{}, scrams...), "PLAIN", "LOGIN")},
		{"secrets in the clear", all.Users, Conn{}, append(append([]string{}, scrams...), "CRAM-MD5")},
		{"all", all, Conn{TLS: under}, append(append([]string{}, scrams...), "OAUTHBEARER", "XOAUTH2", "CRAM-MD5", "PLAIN", "LOGIN", "ANONYMOUS")},
		{"chosen", all, Conn{TLS: under, Mechanisms: []string{"plain", "DIGEST-MD5"}}, []string{"DIGEST-MD5", "PLAIN"}},
	} {
		require.Equal(t, tc.want, Mechanisms(tc.a, tc.c), tc.name)
	}

	_, err := NewServer("plain", all, Conn{})
	require.ErrorIs(t, err, ErrEncryptionNeeded)
	for _, name := range []string{"DIGEST-MD5", "SCRAM-SHA-256-PLUS", "EXTERNAL", "NTLM", ""} {
		_, err := NewServer(name, all, Conn{TLS: under})
		require.ErrorIs(t, err, ErrUnsupported, name)
	}
	require.True(t, RevealsSecret("plain"))
	require.False(t, RevealsSecret("SCRAM-SHA-1"))
}

func TestCheckPassword(t *testing.T) {
	ctx := context.Background()
	u := testUsers(t)
	id, err := CheckPassword(ctx, u, Conn{TLS: under, Mechanisms: []string{"APOP"}}, "TIM", "tanstaaftanstaaf")
	require.NoError(t, err)
	require.Equal(t, "tim", id)
	_, err = CheckPassword(ctx, u, Conn{}, "tim", "tanstaaftanstaaf")
	require.ErrorIs(t, err, ErrEncryptionNeeded)
	_, err = CheckPassword(ctx, u, Conn{TLS: under}, "tim", "no")
	require.ErrorIs(t, err, ErrAuthFailed)
	_, err = CheckPassword(ctx, u, Conn{TLS: under}, "tim\xff", "no")
	require.ErrorIs(t, err, ErrMalformed)

	broken := AuthFunc(func(ctx context.Context, _, _ string) (string, error) {
		c, ok := ConnFromContext(ctx)
		require.True(t, ok)
		require.Equal(t, "pop", c.Service)
		return "", errors.New("database is down")
	})
	_, err = CheckPassword(ctx, broken, Conn{Service: "pop", TLS: under}, "tim", "no")
	require.ErrorIs(t, err, ErrUnavailable)
}

func TestSelect(t *testing.T) {
	ctx := context.Background()
	password := Credentials{Username: "tim", Password: "x"}
	token := func(context.Context) (string, error) { return "t", nil }
	for _, tc := range []struct {
		name    string
		offered string
		cr      Credentials
		c       Conn
		want    string
		err     error
	}{
		{"strongest", "PLAIN LOGIN cram-md5 SCRAM-SHA-1 SCRAM-SHA-256", password, Conn{TLS: under}, "SCRAM-SHA-256", nil},
		{"plain needs TLS", "PLAIN LOGIN", password, Conn{}, "", ErrEncryptionNeeded},
		{"insecure", "PLAIN LOGIN", password, Conn{AllowInsecure: true}, "PLAIN", nil},
		{"authzid", "LOGIN CRAM-MD5 PLAIN", Credentials{Authzid: "a", Username: "tim", Password: "x"}, Conn{TLS: under}, "PLAIN", nil},
		{"only login", "LOGIN", password, Conn{TLS: under}, "LOGIN", nil},
		{"digest not by itself", "DIGEST-MD5", password, Conn{TLS: under}, "", ErrUnsupported},
		{"digest", "DIGEST-MD5", password, Conn{Mechanisms: []string{"DIGEST-MD5"}}, "DIGEST-MD5", nil},
		{"token", "PLAIN XOAUTH2 OAUTHBEARER", Credentials{Username: "tim", Token: token}, Conn{TLS: under}, "OAUTHBEARER", nil},
		{"token in the clear", "XOAUTH2", Credentials{Username: "tim", Token: token}, Conn{}, "", ErrEncryptionNeeded},
		{"certificate", "EXTERNAL PLAIN", Credentials{Certificate: true}, Conn{TLS: under}, "EXTERNAL", nil},
		{"anonymous", "ANONYMOUS PLAIN", Credentials{Anonymous: true}, Conn{}, "ANONYMOUS", nil},
		{"nothing", "", password, Conn{TLS: under}, "", ErrUnsupported},
	} {
		c, err := Select(ctx, fields(tc.offered), tc.cr, tc.c)
		require.ErrorIs(t, err, tc.err, tc.name)
		if tc.err == nil {
			require.Equal(t, tc.want, c.Name(), tc.name)
		}
	}
	failing := func(context.Context) (string, error) { return "", context.DeadlineExceeded }
	_, err := Select(ctx, []string{"XOAUTH2"}, Credentials{Username: "tim", Token: failing}, Conn{TLS: under})
	require.ErrorIs(t, err, context.DeadlineExceeded)
}
