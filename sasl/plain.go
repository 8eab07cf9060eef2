package sasl

import (
	"bytes"
	"context"
	"strings"
	"unicode/utf8"
)

// Plain returns the client of PLAIN (RFC 4616). authzid is the identity to act
// as, empty for the user's own. It must not be used without TLS.
func Plain(authzid, user, password string) Client {
	return &plainClient{authzid: authzid, user: user, password: password}
}

type plainClient struct {
	clientBase
	authzid, user, password string
	asked                   bool
}

func (*plainClient) Name() string { return "PLAIN" }

func (p *plainClient) Start() ([]byte, error) {
	user, password, err := prepCredentials(p.user, p.password)
	if err != nil {
		return nil, err
	}
	if strings.IndexByte(p.authzid, 0) >= 0 {
		return nil, malformed("NUL in the authorization identity")
	}
	b := make([]byte, 0, len(p.authzid)+len(user)+len(password)+2)
	b = append(b, p.authzid...)
	b = append(b, 0)
	b = append(b, user...)
	b = append(b, 0)
	return append(b, password...), nil
}

// Next sends the message once more to a server that asks for it, with an empty
// challenge, though it had it as the initial response.
func (p *plainClient) Next(challenge []byte) ([]byte, error) {
	if p.asked || len(challenge) > 0 {
		return p.clientBase.Next(challenge)
	}
	p.asked = true
	return p.Start()
}

// clientBase is shared by the clients that answer no challenge and verify
// nothing.
type clientBase struct{}

func (clientBase) Next([]byte) ([]byte, error) { return nil, malformed("challenge not expected") }
func (clientBase) Finish() error               { return nil }

// prepCredentials applies SASLprep to both, and requires a user name.
func prepCredentials(user, password string) (string, string, error) {
	if len(user)+len(password) > MaxResponse {
		return "", "", malformed("too long")
	}
	user, err := Prep(user)
	if err != nil {
		return "", "", err
	}
	if user == "" {
		return "", "", malformed("empty user name")
	}
	password, err = Prep(password)
	return user, password, err
}

type plainServer struct{ base }

func newPlainServer(b base) Server { return &plainServer{b} }

func (s *plainServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	authzid, user, password, err := parsePlain(response)
	if err != nil {
		return nil, false, err
	}
	_, err = s.check(ctx, authzid, user, password)
	return nil, err == nil, err
}

// check authenticates and authorizes, and sets the identity.
func (s *plainServer) check(ctx context.Context, authzid, user, password string) (string, error) {
	user, password, err := prepCredentials(user, password)
	if err != nil {
		return "", err
	}
	ctx = withConn(ctx, s.c)
	identity, err := s.a.Authenticate(ctx, user, password)
	if err != nil {
		return "", classify(err)
	}
	if err := s.authorize(ctx, identity, user, authzid); err != nil {
		return "", err
	}
	return s.id, nil
}

// parsePlain parses the message of RFC 4616 §2: [authzid] UTF8NUL authcid
// UTF8NUL passwd.
func parsePlain(b []byte) (authzid, user, password string, err error) {
	if len(b) > MaxResponse {
		return "", "", "", malformed("too long")
	}
	if bytes.Count(b, []byte{0}) != 2 {
		return "", "", "", malformed("PLAIN needs two NULs")
	}
	if !utf8.Valid(b) {
		return "", "", "", malformed("not UTF-8")
	}
	f := strings.Split(string(b), "\x00")
	return f[0], f[1], f[2], nil
}
