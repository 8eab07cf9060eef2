package sasl

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/md5"
	"crypto/rand"
	"encoding/hex"
	"strconv"
	"time"
)

// CramMD5 returns the client of CRAM-MD5 (RFC 2195). It hides the password from
// eavesdroppers, but does not prevent offline guessing.
func CramMD5(user, password string) Client { return &cramClient{user: user, password: password} }

type cramClient struct {
	clientBase
	user, password string
	done           bool
}

func (*cramClient) Name() string { return "CRAM-MD5" }

func (c *cramClient) Start() (initial []byte, err error) {
	c.user, c.password, err = prepCredentials(c.user, c.password)
	return nil, err
}

func (c *cramClient) Next(challenge []byte) ([]byte, error) {
	if c.done {
		return nil, malformed("second challenge of CRAM-MD5")
	}
	c.done = true
	b := append([]byte(c.user), ' ')
	return hex.AppendEncode(b, cramDigest(challenge, c.password)), nil
}

func cramDigest(challenge []byte, password string) []byte {
	m := hmac.New(md5.New, []byte(password))
	m.Write(challenge)
	return m.Sum(nil)
}

type cramServer struct {
	base
	challenge []byte
}

func newCramMD5Server(b base) Server { return &cramServer{base: b} }

func (s *cramServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if s.challenge == nil {
		if len(response) > 0 {
			return nil, false, malformed("CRAM-MD5 has no initial response")
		}
		s.challenge = []byte(NewStamp(s.c.host()))
		return s.challenge, false, nil
	}
	user, digest, err := parseCram(response)
	if err != nil {
		return nil, false, err
	}
	if user, err = Prep(user); err != nil || user == "" {
		return nil, false, malformed("user name")
	}
	ctx = withConn(ctx, s.c)
	identity, secret, err := lookupSecret(ctx, s.a, user)
	if err != nil && err != ErrAuthFailed {
		return nil, false, err
	}
	if !hmac.Equal(digest, cramDigest(s.challenge, secret)) || err != nil {
		return nil, false, ErrAuthFailed
	}
	s.id = identity
	return nil, true, nil
}

// parseCram splits "user digest"; the user name may contain blanks.
func parseCram(b []byte) (user string, digest []byte, err error) {
	i := bytes.LastIndexByte(b, ' ')
	if len(b) > MaxResponse || i <= 0 || len(b)-i-1 != 2*md5.Size {
		return "", nil, malformed("CRAM-MD5 response")
	}
	if digest, err = hex.AppendDecode(nil, b[i+1:]); err != nil {
		return "", nil, malformed("CRAM-MD5 digest")
	}
	return string(b[:i]), digest, nil
}

// lookupSecret returns a user's secret. For users without one it returns
// ErrAuthFailed and a random secret, so that the same work is done as for
// others.
func lookupSecret(ctx context.Context, a Authenticator, user string) (identity, secret string, err error) {
	identity, secret, err = a.(SecretKeeper).Secret(ctx, user)
	if err == nil {
		return identity, secret, nil
	}
	if err = classify(err); isAuthFailed(err) {
		return user, rand.Text(), ErrAuthFailed
	}
	return "", "", err
}

// NewStamp returns an unpredictable msg-id for CRAM-MD5's challenge or for the
// timestamp in a POP3 greeting (RFC 1939 §7), angle brackets included. host is
// the server's name.
func NewStamp(host string) string {
	if host == "" {
		host = "localhost"
	}
	return "<" + rand.Text() + "." + strconv.FormatInt(time.Now().Unix(), 10) + "@" + host + ">"
}
