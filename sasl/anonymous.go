package sasl

import (
	"context"
	"unicode/utf8"
)

// maxTrace is the limit of RFC 4505 §2, in characters.
const maxTrace = 255

// Anonymous returns the client of ANONYMOUS (RFC 4505). trace identifies the
// user, by convention with an e-mail address; it may be empty.
func Anonymous(trace string) Client { return &anonymousClient{trace: trace} }

type anonymousClient struct {
	clientBase
	trace string
}

func (*anonymousClient) Name() string { return "ANONYMOUS" }

func (a *anonymousClient) Start() ([]byte, error) {
	if err := checkTrace(a.trace); err != nil {
		return nil, err
	}
	return append([]byte{}, a.trace...), nil
}

func checkTrace(s string) error {
	if !utf8.ValidString(s) || utf8.RuneCountInString(s) > maxTrace {
		return malformed("trace information")
	}
	for i := range len(s) {
		if s[i] < ' ' || s[i] == 0x7F {
			return malformed("trace information")
		}
	}
	return nil
}

type anonymousServer struct{ base }

func newAnonymousServer(b base) Server { return &anonymousServer{b} }

func (s *anonymousServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil {
		return []byte{}, false, nil
	}
	trace := string(response)
	if err := checkTrace(trace); err != nil {
		return nil, false, err
	}
	id, err := s.a.(AnonymousGuard).Anonymous(withConn(ctx, s.c), trace)
	if err != nil {
		return nil, false, classify(err)
	}
	s.id = id
	return nil, true, nil
}
