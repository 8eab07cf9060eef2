package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/subtle"
	"errors"
	"strconv"
	"strings"
)

func scramMechanism(h Hash, plus bool) mechanism {
	m := mechanism{
		name: h.name(),
		serves: func(a Authenticator, c Conn) bool {
			_, ok := a.(SCRAMKeeper)
			return ok && (!plus || servesBindings(c))
		},
		server: func(b base) Server { return &scramServer{base: b, hash: h, plus: plus, nonce: newNonce()} },
	}
	if plus {
		m.name += "-PLUS"
	}
	return m
}

type scramServer struct {
	base
	hash  Hash
	plus  bool
	nonce string // the server's part, then the whole

	started   bool
	first     clientFirst
	user      string // prepared
	identity  string
	keys      SCRAMKeys
	known     bool   // keys are a user's, not fake ones
	binding   []byte // what c= must contain besides the header
	authFirst string // client-first-message-bare "," server-first-message
}

func (s *scramServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if response == nil && !s.started {
		return []byte{}, false, nil
	}
	if err := checkMessage(response); err != nil {
		return nil, false, err
	}
	ctx = withConn(ctx, s.c)
	if !s.started {
		s.started = true
		challenge, err := s.begin(ctx, string(response))
		return challenge, false, err
	}
	challenge, err := s.finish(ctx, string(response))
	return challenge, err == nil, err
}

// begin answers client-first-message.
func (s *scramServer) begin(ctx context.Context, msg string) ([]byte, error) {
	first, err := parseClientFirst(msg)
	if err != nil {
		return nil, err
	}
	if err := s.checkFlag(first.flag); err != nil {
		return nil, err
	}
	if s.user, err = Prep(first.user); err != nil || s.user == "" {
		return nil, malformed("user name")
	}
	s.first = first
	s.identity, s.keys, err = s.a.(SCRAMKeeper).SCRAMKeys(ctx, s.user, s.hash)
	if err != nil {
		if err = classify(err); !isAuthFailed(err) {
			return nil, err
		}
		s.keys = FakeSCRAMKeys(processSecret(), s.user, s.hash, DefaultIterations)
	}
	s.known = err == nil
	size := s.hash.new().Size()
	if len(s.keys.StoredKey) != size || len(s.keys.ServerKey) != size || s.keys.Iterations < 1 {
		return nil, classify(errors.New("sasl: unusable SCRAM keys"))
	}
	s.nonce = first.nonce + s.nonce
	challenge := "r=" + s.nonce + ",s=" + b64.EncodeToString(s.keys.Salt) + ",i=" + strconv.Itoa(s.keys.Iterations)
	s.authFirst = first.bare + "," + challenge
	return []byte(challenge), nil
}

// checkFlag applies the rules of RFC 5802 §6 to the gs2-cbind-flag.
func (s *scramServer) checkFlag(flag string) error {
	typ, bound := strings.CutPrefix(flag, "p=")
	if bound != s.plus {
		return malformed("channel binding flag does not fit the mechanism")
	}
	if bound {
		if s.binding = serverBinding(s.c, typ); s.binding == nil {
			return malformed("unsupported channel binding type")
		}
		return nil
	}
	if flag == "y" {
		// The client has seen no -PLUS. If it was offered, somebody removed it.
		for _, h := range []Hash{SHA1, SHA256, SHA512} {
			plus := scramMechanism(h, true)
			if plus.usable(s.a, s.c) {
				return malformed("channel binding is offered: downgrade detected")
			}
		}
	}
	return nil
}

// finish checks client-final-message and answers it with the server's proof.
func (s *scramServer) finish(ctx context.Context, msg string) ([]byte, error) {
	final, err := parseClientFinal(msg)
	if err != nil {
		return nil, err
	}
	want := append([]byte(s.first.header), s.binding...)
	if subtle.ConstantTimeCompare(final.binding, want) != 1 || final.nonce != s.nonce {
		return nil, ErrAuthFailed
	}
	if len(final.proof) != len(s.keys.StoredKey) {
		return nil, malformed("proof")
	}
	auth := s.authFirst + "," + final.withoutProof
	clientKey := xor(final.proof, s.hash.hmac(s.keys.StoredKey, auth))
	if !hmac.Equal(s.hash.sum(clientKey), s.keys.StoredKey) || !s.known {
		return nil, ErrAuthFailed
	}
	if err := s.authorize(ctx, s.identity, s.user, s.first.authzid); err != nil {
		return nil, err
	}
	return []byte("v=" + b64.EncodeToString(s.hash.hmac(s.keys.ServerKey, auth))), nil
}

// clientFirst is client-first-message.
type clientFirst struct {
	flag    string // "n", "y" or "p=" with a name
	authzid string
	user    string
	nonce   string
	header  string // gs2-header as received
	bare    string // client-first-message-bare as received
}

func parseClientFirst(msg string) (c clientFirst, err error) {
	flag, rest, ok := strings.Cut(msg, ",")
	authz, bare, ok2 := strings.Cut(rest, ",")
	if !ok || !ok2 || flag != "n" && flag != "y" && !validBindingFlag(flag) {
		return c, malformed("GS2 header")
	}
	if authz != "" {
		name, ok := strings.CutPrefix(authz, "a=")
		if !ok || name == "" {
			return c, malformed("GS2 header")
		}
		if c.authzid, err = unescapeName(name); err != nil {
			return c, err
		}
	}
	a := attributes{rest: bare}
	user := a.next('n')
	c.nonce = a.nonce()
	if a.err != nil {
		return c, a.err
	}
	if c.user, err = unescapeName(user); err != nil {
		return c, err
	}
	if strings.IndexByte(msg, 0) >= 0 {
		return c, malformed("NUL")
	}
	c.flag, c.bare, c.header = flag, bare, msg[:len(msg)-len(bare)]
	return c, nil
}

// validBindingFlag reports whether flag is "p=" cb-name.
func validBindingFlag(flag string) bool {
	name, ok := strings.CutPrefix(flag, "p=")
	for _, r := range name {
		if !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-') {
			return false
		}
	}
	return ok && name != ""
}

// clientFinal is client-final-message.
type clientFinal struct {
	binding      []byte // cbind-input
	nonce        string
	proof        []byte
	withoutProof string
}

func parseClientFinal(msg string) (c clientFinal, err error) {
	i := strings.LastIndex(msg, ",p=")
	if i < 0 {
		return c, malformed("no proof")
	}
	c.withoutProof = msg[:i]
	a := attributes{rest: c.withoutProof}
	c.binding = a.binary('c')
	c.nonce = a.nonce()
	p := attributes{rest: msg[i+1:]}
	c.proof = p.binary('p')
	if a.err != nil {
		return c, a.err
	}
	return c, p.err
}
