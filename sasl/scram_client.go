package sasl

import (
	"crypto/hmac"
	"fmt"
	"strings"
)

// SCRAMOptions are options of SCRAM.
type SCRAMOptions struct {
	// Authzid is the identity to act as, empty for the user's own.
	Authzid string

	// Binding selects -PLUS: the exchange is bound to the TLS connection.
	Binding *Binding

	// BindingNotOffered says that the client supports channel binding, but that
	// the server offered no -PLUS mechanism. If the server did, it detects that
	// somebody has removed it from the list (RFC 5802 §6).
	BindingNotOffered bool
}

// SCRAM returns the client of a SCRAM mechanism (RFC 5802, RFC 7677): neither
// an eavesdropper nor the server learns the password, and the server proves
// that it has the keys. o may be nil.
func SCRAM(h Hash, user, password string, o *SCRAMOptions) Client {
	if o == nil {
		o = &SCRAMOptions{}
	}
	return &scramClient{hash: h, user: user, password: password, o: *o, nonce: newNonce()}
}

type scramClient struct {
	hash           Hash
	user, password string
	o              SCRAMOptions
	nonce          string

	header    string // gs2-header
	firstBare string
	step      int
	signature []byte // that the server must send
	proved    bool
	failure   error
}

func (s *scramClient) Name() string {
	if s.o.Binding != nil {
		return s.hash.name() + "-PLUS"
	}
	return s.hash.name()
}

func (s *scramClient) Start() ([]byte, error) {
	user, password, err := prepCredentials(s.user, s.password)
	if err != nil {
		return nil, err
	}
	s.password = password
	switch {
	case s.o.Binding != nil:
		s.header = "p=" + s.o.Binding.Type + ","
	case s.o.BindingNotOffered:
		s.header = "y,"
	default:
		s.header = "n,"
	}
	if s.o.Authzid != "" {
		if strings.IndexByte(s.o.Authzid, 0) >= 0 {
			return nil, malformed("NUL in the authorization identity")
		}
		s.header += "a=" + nameEscaper.Replace(s.o.Authzid)
	}
	s.header += ","
	s.firstBare = "n=" + nameEscaper.Replace(user) + ",r=" + s.nonce
	return []byte(s.header + s.firstBare), nil
}

func (s *scramClient) Next(challenge []byte) ([]byte, error) {
	if err := checkMessage(challenge); err != nil {
		return nil, err
	}
	s.step++
	switch s.step {
	case 1:
		return s.final(string(challenge))
	case 2:
		return s.verify(string(challenge))
	}
	return nil, malformed("third challenge of SCRAM")
}

// final answers server-first-message.
func (s *scramClient) final(first string) ([]byte, error) {
	if strings.HasPrefix(first, "e=") {
		return nil, s.serverError(first)
	}
	a := attributes{rest: first}
	nonce, salt, count := a.nonce(), a.binary('s'), a.next('i')
	if a.err != nil {
		return nil, a.err
	}
	if !strings.HasPrefix(nonce, s.nonce) || len(nonce) == len(s.nonce) {
		return nil, malformed("the server's nonce does not start with the client's")
	}
	iterations, err := parseIterations(count)
	if err != nil {
		return nil, err
	}
	if iterations < MinIterations || iterations > maxIterations {
		return nil, malformed(fmt.Sprintf("iteration count %d", iterations))
	}
	input := []byte(s.header)
	if s.o.Binding != nil {
		input = append(input, s.o.Binding.Data...)
	}
	withoutProof := "c=" + b64.EncodeToString(input) + ",r=" + nonce
	auth := s.firstBare + "," + first + "," + withoutProof

	salted := s.hash.salted(s.password, salt, iterations)
	clientKey := s.hash.hmac(salted, "Client Key")
	proof := xor(clientKey, s.hash.hmac(s.hash.sum(clientKey), auth))
	s.signature = s.hash.hmac(s.hash.hmac(salted, "Server Key"), auth)
	return []byte(withoutProof + ",p=" + b64.EncodeToString(proof)), nil
}

// verify checks server-final-message. The answer to it is empty.
func (s *scramClient) verify(final string) ([]byte, error) {
	if strings.HasPrefix(final, "e=") {
		return nil, s.serverError(final)
	}
	a := attributes{rest: final}
	v := a.binary('v')
	if a.err != nil {
		return nil, a.err
	}
	if !hmac.Equal(v, s.signature) {
		return nil, ErrServerUnproven
	}
	s.proved = true
	return []byte{}, nil
}

// serverError returns the error for "e=…". Only the values of RFC 5802 §7 are
// included.
func (s *scramClient) serverError(msg string) error {
	value, _, _ := strings.Cut(msg[2:], ",")
	switch value {
	case "invalid-encoding", "extensions-not-supported", "invalid-proof", "channel-bindings-dont-match",
		"server-does-support-channel-binding", "channel-binding-not-supported",
		"unsupported-channel-binding-type", "unknown-user", "invalid-username-encoding", "no-resources":
	default:
		value = "other-error"
	}
	s.failure = fmt.Errorf("%w: SCRAM %s", ErrAuthFailed, value)
	return s.failure
}

func (s *scramClient) reason() error { return s.failure }

func (s *scramClient) Finish() error {
	if !s.proved {
		return ErrServerUnproven
	}
	return nil
}
