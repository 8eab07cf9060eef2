package sasl

import (
	"context"
	"strings"
)

// Login returns the client of LOGIN, which is obsolete and still the only
// thing some servers offer (draft-murchison-sasl-login). Not for connections
// without TLS.
func Login(user, password string) Client { return &loginClient{user: user, password: password} }

type loginClient struct {
	clientBase
	user, password string
	step           int
}

func (*loginClient) Name() string { return "LOGIN" }

// Start prepares; there is no initial response, since not all servers take one.
func (l *loginClient) Start() (initial []byte, err error) {
	l.user, l.password, err = prepCredentials(l.user, l.password)
	return nil, err
}

// Next tells the challenges apart by their order, as the draft says to: their
// texts vary.
func (l *loginClient) Next([]byte) ([]byte, error) {
	l.step++
	switch l.step {
	case 1:
		return []byte(l.user), nil
	case 2:
		return []byte(l.password), nil
	}
	return nil, malformed("third challenge of LOGIN")
}

type loginServer struct {
	plainServer
	user  string
	asked bool // for the user name
	named bool
}

func newLoginServer(b base) Server { return &loginServer{plainServer: plainServer{b}} }

func (s *loginServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil && !s.asked {
		// The prompts are what all other servers send; some clients compare.
		s.asked = true
		return []byte("Username:"), false, nil
	}
	if len(response) > MaxResponse {
		return nil, false, malformed("too long")
	}
	if !s.named {
		s.asked, s.named = true, true
		s.user = string(response)
		return []byte("Password:"), false, nil
	}
	// A trailing NUL is what the draft's own prompts suggest.
	_, err := s.check(ctx, "", s.user, strings.TrimSuffix(string(response), "\x00"))
	return nil, err == nil, err
}
