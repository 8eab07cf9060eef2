package sasl

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func fields(s string) []string { return strings.Fields(s) }

// RFC 5802 §5 and RFC 7677 §3. SHA-512 has no RFC; its example is the one
// that other implementations test with.
func TestSCRAMVectors(t *testing.T) {
	for _, tc := range []struct {
		h                                     Hash
		clientNonce, serverNonce, salt        string
		clientFirst, clientProof, serverFinal string
	}{
		{SHA1, "fyko+d2lbbFgONRv9qkxdawL", "3rfcNHYJY1ZVvWVs7j", "QSXCR+Q6sek8bf92",
			"n,,n=user,r=fyko+d2lbbFgONRv9qkxdawL", "v0X8v3Bz2T0CJGbJQyF0X+HI4Ts=", "v=rmF9pqV8S7suAoZWja4dJRkFsKQ="},
		{SHA256, "rOprNGfwEbeRWgbNEkqO", "%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0", "W22ZaJ0SNY7soEsUEjb6gQ==",
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=", "v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4="},
		{SHA512, "rOprNGfwEbeRWgbNEkqO", "02431b08-2f89-4bad-a4e6-80c0564ec865", "Yin2FuHTt/M0kJWb0t9OI32n2VmOGi3m+JfjOvuDF88=",
			"n,,n=user,r=rOprNGfwEbeRWgbNEkqO", "Hc5yec3NmCD7t+kFRw4/3yD6/F3SQHc7AVYschRja+Bc3sbdjlA0eH1OjJc0DD4ghn1tnXN5/Wr6qm9xmaHt4A==", "v=BQuhnKHqYDwQWS5jAw4sZed+C9KFUALsbrq81bB0mh+bcUUbbMPNNmBIupnS2AmyyDnG5CTBQtkjJ9kyY4kzmw=="},
	} {
		t.Run(tc.h.String(), func(t *testing.T) {
			client := SCRAM(tc.h, "user", "pencil", nil).(*scramClient)
			client.nonce = tc.clientNonce
			salt, err := b64.DecodeString(tc.salt)
			require.NoError(t, err)
			keys := deriveKeys(tc.h, "pencil", salt, 4096)
			server := &scramServer{base: base{a: oneUser{keys}}, hash: tc.h, nonce: tc.serverNonce}

			ctx := context.Background()
			first, err := client.Start()
			require.NoError(t, err)
			require.Equal(t, tc.clientFirst, string(first))
			challenge, done, err := server.Next(ctx, first)
			require.NoError(t, err)
			require.False(t, done)
			nonce := tc.clientNonce + tc.serverNonce
			require.Equal(t, "r="+nonce+",s="+tc.salt+",i=4096", string(challenge))
			final, err := client.Next(challenge)
			require.NoError(t, err)
			require.Equal(t, "c=biws,r="+nonce+",p="+tc.clientProof, string(final))
			require.ErrorIs(t, client.Finish(), ErrServerUnproven)
			last, done, err := server.Next(ctx, final)
			require.NoError(t, err)
			require.True(t, done)
			require.Equal(t, tc.serverFinal, string(last))
			_, err = client.Next(last)
			require.NoError(t, err)
			require.NoError(t, client.Finish())
		})
	}
}

// oneUser has the SCRAM keys of one user for every name.
type oneUser struct{ keys SCRAMKeys }

func (oneUser) Authenticate(context.Context, string, string) (string, error) {
	return "", ErrAuthFailed
}

func (o oneUser) SCRAMKeys(_ context.Context, user string, _ Hash) (string, SCRAMKeys, error) {
	return user, o.keys, nil
}

// RFC 2195 §2.
func TestCramMD5Vector(t *testing.T) {
	c := CramMD5("tim", "tanstaaftanstaaf")
	_, err := c.Start()
	require.NoError(t, err)
	r, err := c.Next([]byte("<1896.697170952@postoffice.reston.mci.net>"))
	require.NoError(t, err)
	require.Equal(t, "tim b913a602c7eda7a495b4e6e7334d3890", string(r))
}

// RFC 1939 §7.
func TestAPOPVector(t *testing.T) {
	const stamp = "<1896.697170952@dbc.mtview.ca.us>"
	const digest = "c4c9334bac560ecc979e58001b3e22fb"
	require.Equal(t, digest, APOPDigest(stamp, "tanstaaf"))

	ctx := context.Background()
	u := &Users{Iterations: MinIterations, KeepSecrets: true}
	require.NoError(t, u.Set("mrose", "tanstaaf"))
	id, err := CheckAPOP(ctx, u, Conn{}, "MRose", stamp, digest)
	require.NoError(t, err)
	require.Equal(t, "mrose", id)
	for _, bad := range []struct {
		user, stamp, digest string
		err                 error
	}{
		{"mrose", "<1896.697170953@dbc.mtview.ca.us>", digest, ErrAuthFailed},
		{"mroses", stamp, digest, ErrAuthFailed},
		{"mrose", stamp, digest[1:], ErrMalformed},
		{"", stamp, digest, ErrMalformed},
	} {
		_, err := CheckAPOP(ctx, u, Conn{}, bad.user, bad.stamp, bad.digest)
		require.ErrorIs(t, err, bad.err)
	}
	_, err = CheckAPOP(ctx, u, Conn{Mechanisms: []string{"PLAIN"}}, "mrose", stamp, digest)
	require.ErrorIs(t, err, ErrUnsupported)
}

// RFC 2831 §4.
func TestDigestMD5Vectors(t *testing.T) {
	for _, tc := range []struct{ service, nonce, cnonce, response, rspauth string }{
		{"imap", "OA6MG9tEQGm2hh", "OA6MHXh6VqTrRk", "d388dad90d4bbd760a152321f2143af7", "ea40f60335c427b5527b84dbabcdfffd"},
		{"acap", "OA9BSXrbuRhWay", "OA9BSuZWMSpW8m", "6084c6db3fede7352c551284490fd0fc", "2f0b3d7c3c2e486600ef710726aa2eae"},
	} {
		host := "elwood.innosoft.com"
		c := DigestMD5("", "chris", "secret", tc.service, host).(*digestClient)
		c.cnonce = tc.cnonce
		_, err := c.Start()
		require.NoError(t, err)
		r, err := c.Next([]byte(`realm="` + host + `",nonce="` + tc.nonce + `",qop="auth",algorithm=md5-sess,charset=utf-8`))
		require.NoError(t, err)
		d, err := parseDirectives(r)
		require.NoError(t, err)
		require.Equal(t, tc.response, d.one("response"))
		require.Equal(t, "chris", d.one("username"))
		require.Equal(t, tc.service+"/"+host, d.one("digest-uri"))

		u := &Users{Iterations: MinIterations, KeepSecrets: true}
		require.NoError(t, u.Set("chris", "secret"))
		s := &digestServer{base: base{a: u, c: Conn{Service: tc.service, Host: host}}, nonce: tc.nonce}
		_, _, err = s.Next(context.Background(), nil)
		require.NoError(t, err)
		last, done, err := s.Next(context.Background(), r)
		require.NoError(t, err)
		require.True(t, done)
		require.Equal(t, "rspauth="+tc.rspauth, string(last))
		_, err = c.Next(last)
		require.NoError(t, err)
		require.NoError(t, c.Finish())
	}
}

// RFC 7628 §4.1, and the XOAUTH2 example of Google's documentation.
func TestOAuthVectors(t *testing.T) {
	c := OAuthBearer(Token{User: "user@example.com", Bearer: "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==", Host: "server.example.com", Port: 143})
	r, err := c.Start()
	require.NoError(t, err)
	want := "bixhPXVzZXJAZXhhbXBsZS5jb20sAWhvc3Q9c2VydmVyLmV4YW1wbGUuY29tAXBvcnQ9MTQzAWF1dGg9QmVhcmVyI" +
		"HZGOWRmdDRxbVRjMk52YjNSbGNrQmhiSFJoZG1semRHRXVZMjl0Q2c9PQEB"
	require.Equal(t, want, b64.EncodeToString(r))
	back, err := parseOAuthBearer(r)
	require.NoError(t, err)
	require.Equal(t, c.(*oauthClient).t, back)

	// RFC 7628 §4.3.
	e := `{"status":"invalid_token","scope":"example_scope","openid-configuration":"https://example.com/.well-known/openid-config"}`
	r, err = c.Next([]byte(e))
	require.NoError(t, err)
	require.Equal(t, "AQ==", b64.EncodeToString(r))
	require.Equal(t, &OAuthError{Status: "invalid_token", Scope: "example_scope",
		OpenIDConfiguration: "https://example.com/.well-known/openid-config"}, Reason(c))

	x := XOAuth2("someuser@example.com", "ya29.vF9dft4qmTc2Nvb3RlckBhdHRhdmlzdGEuY29tCg")
	r, err = x.Start()
	require.NoError(t, err)
	require.Equal(t, "dXNlcj1zb21ldXNlckBleGFtcGxlLmNvbQFhdXRoPUJlYXJlciB5YTI5LnZGOWRmdDRxbVRjMk52YjNSbGNrQmhkSFJoZG1semRHRXVZMjl0Q2cBAQ==", b64.EncodeToString(r))
	_, err = parseXOAuth2(r)
	require.NoError(t, err)
}

// RFC 4616 §4.
func TestPlainVectors(t *testing.T) {
	r, err := Plain("", "tim", "tanstaaftanstaaf").Start()
	require.NoError(t, err)
	require.Equal(t, "\x00tim\x00tanstaaftanstaaf", string(r))
	r, err = Plain("Ursel", "Kurt", "xipj3plmq").Start()
	require.NoError(t, err)
	require.Equal(t, "Ursel\x00Kurt\x00xipj3plmq", string(r))
}

// RFC 4013 §3, and more.
func TestPrep(t *testing.T) {
	for in, want := range map[string]string{
		"I\u00ADX":           "IX",
		"user":               "user",
		"USER":               "USER",
		"\u00AA":             "a",
		"\u2168":             "IX",
		"":                   "",
		"\u00AD":             "",
		"a\u00A0b":           "a b",
		"a\u200Bb":           "a b",
		"e\u0301":            "\u00E9",
		"пароль":             "пароль",
		"\u0627\u0031\u0628": "\u0627\u0031\u0628",
		"🔑":                  "🔑",
	} {
		got, err := Prep(in)
		require.NoError(t, err, "%q", in)
		require.Equal(t, want, got, "%q", in)
	}
	for _, in := range []string{"\u0007", "\u0627\u0031", "\u0627a\u0628", "a\x00", "\x7F", "\xFF", "\uE000", "\uFFFD", "\u200E", "\U000E0041", "\u2028"} {
		_, err := Prep(in)
		require.ErrorIs(t, err, ErrMalformed, "%q", in)
	}
}
