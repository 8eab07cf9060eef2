package sasl

import (
	"context"
	"strings"
)

// Login returns the client of LOGIN, which is obsolete but still the only
// mechanism of some servers (draft-murchison-sasl-login). It must not be used
// without TLS.
func Login(user, password string) Client { return &loginClient{user: user, password: password} }

type loginClient struct {
	clientBase
	user, password string
	step           int
}

func (*loginClient) Name() string { return "LOGIN" }

// Start prepares the credentials. There is no initial response, since not all
// servers accept one.
func (l *loginClient) Start() (initial []byte, err error) {
	l.user, l.password, err = prepCredentials(l.user, l.password)
	return nil, err
}

// Next distinguishes the challenges by their order, as the draft requires,
// since their texts vary.
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

// prompted are mechanisms that do not look at the server's challenges: some servers
// send "Username:" as it is, without base64.
type prompted interface{ anyPrompt() bool }

func (*loginClient) anyPrompt() bool { return true }

type loginServer struct {
	plainServer
	user  string
	asked bool // for the user name
	named bool
}

func newLoginServer(b base) Server { return &loginServer{plainServer: plainServer{b}} }

func (s *loginServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil && !s.asked {
		// These prompts are those of other servers; some clients compare them.
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
	// The draft's own prompts suggest a trailing NUL.
	_, err := s.check(ctx, "", s.user, strings.TrimSuffix(string(response), "\x00"))
	return nil, err == nil, err
}
