package sasl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// An OAuthError is a server's answer to a token that it does not accept (RFC
// 7628 §3.2.2). It wraps ErrAuthFailed.
type OAuthError struct {
	Status string `json:"status"`          // "invalid_token", "insufficient_scope", …; Google and Microsoft send "400", "401"
	Scope  string `json:"scope,omitempty"` // the scope that a token must have

	// Schemes are the types of token that the server accepts.
	Schemes string `json:"schemes,omitempty"`

	// OpenIDConfiguration is the URL of a discovery document.
	OpenIDConfiguration string `json:"openid-configuration,omitempty"`
}

// Error returns the status, quoted: it comes from the peer.
func (e *OAuthError) Error() string {
	s := fmt.Sprintf("token refused: status %.64q", e.Status)
	if e.Scope != "" {
		s += fmt.Sprintf(", needs scope %.256q", e.Scope)
	}
	return s
}

// Unwrap returns ErrAuthFailed.
func (e *OAuthError) Unwrap() error { return ErrAuthFailed }

// OAuthBearer returns the client of OAUTHBEARER (RFC 7628). The Token's User is
// sent as the authorization identity if it is not empty. It must not be used
// without TLS.
func OAuthBearer(t Token) Client { return &oauthClient{t: t} }

// XOAuth2 returns the client of XOAUTH2, the older mechanism of Google and
// Microsoft. It must not be used without TLS.
func XOAuth2(user, bearer string) Client {
	return &oauthClient{t: Token{User: user, Bearer: bearer}, x: true}
}

type oauthClient struct {
	t       Token
	x       bool // XOAUTH2
	refused error
}

func (o *oauthClient) Name() string {
	if o.x {
		return "XOAUTH2"
	}
	return "OAUTHBEARER"
}

func (o *oauthClient) Start() ([]byte, error) {
	for _, s := range []string{o.t.User, o.t.Bearer, o.t.Host} {
		if strings.ContainsAny(s, "\x00\x01\r\n") {
			return nil, malformed("control character in the credentials")
		}
	}
	if o.x {
		return []byte("user=" + o.t.User + "\x01auth=Bearer " + o.t.Bearer + "\x01\x01"), nil
	}
	s := "n,"
	if o.t.User != "" {
		s += "a=" + nameEscaper.Replace(o.t.User)
	}
	s += ",\x01"
	if o.t.Host != "" {
		s += "host=" + o.t.Host + "\x01"
	}
	if o.t.Port != 0 {
		s += "port=" + strconv.Itoa(o.t.Port) + "\x01"
	}
	return []byte(s + "auth=Bearer " + o.t.Bearer + "\x01\x01"), nil
}

// Next receives the server's error. The exchange continues so that the server
// can end it (RFC 7628 §3.2.3); see Reason.
func (o *oauthClient) Next(challenge []byte) ([]byte, error) {
	if o.refused != nil {
		return nil, malformed("second challenge")
	}
	o.refused = ErrAuthFailed
	e := &OAuthError{}
	if len(challenge) <= MaxResponse && json.Unmarshal(challenge, e) == nil {
		o.refused = e
	}
	if o.x {
		return []byte{}, nil
	}
	return []byte{1}, nil
}

func (o *oauthClient) Finish() error { return o.refused }

func (o *oauthClient) reason() error { return o.refused }

type oauthServer struct {
	base
	parse   func([]byte) (Token, error)
	refused error // sent to the client, which must answer before the exchange fails
}

func newOAuthBearerServer(b base) Server { return &oauthServer{base: b, parse: parseOAuthBearer} }

func newXOAuth2Server(b base) Server { return &oauthServer{base: b, parse: parseXOAuth2} }

func (s *oauthServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if s.refused != nil {
		return nil, false, s.refused
	}
	if response == nil {
		return []byte{}, false, nil
	}
	t, err := s.parse(response)
	if err != nil {
		return nil, false, err
	}
	if t.User != "" {
		if t.User, err = Prep(t.User); err != nil || t.User == "" {
			return nil, false, malformed("user name")
		}
	}
	if s.id, err = s.verify(ctx, t); err == nil {
		return nil, true, nil
	}
	if err = classify(err); !isAuthFailed(err) {
		return nil, false, err
	}
	// If the verifier gives no details, the client still gets an error to
	// answer.
	tell := &OAuthError{Status: "invalid_token"}
	errors.As(err, &tell)
	challenge, jerr := json.Marshal(tell)
	if jerr != nil {
		return nil, false, err
	}
	s.refused = err
	return challenge, false, nil
}

func (s *oauthServer) verify(ctx context.Context, t Token) (string, error) {
	if t.Bearer == "" { // RFC 7628 §4.3: the client asks for the scope
		return "", &OAuthError{Status: "invalid_token"}
	}
	return s.a.(TokenVerifier).VerifyToken(withConn(ctx, s.c), t)
}

// parseOAuthBearer parses client-resp of RFC 7628 §3.1.
func parseOAuthBearer(b []byte) (t Token, err error) {
	if err := checkMessage(b); err != nil {
		return t, err
	}
	header, rest, ok := strings.Cut(string(b), "\x01")
	flag, authz, ok2 := strings.Cut(header, ",")
	authz, ok3 := strings.CutSuffix(authz, ",")
	if !ok || !ok2 || !ok3 || flag != "n" && flag != "y" {
		// RFC 7628 defines no channel binding.
		return t, malformed("GS2 header")
	}
	if authz != "" {
		name, ok := strings.CutPrefix(authz, "a=")
		if !ok {
			return t, malformed("GS2 header")
		}
		if t.User, err = unescapeName(name); err != nil {
			return t, err
		}
	}
	pairs, err := parsePairs(rest)
	if err != nil {
		return t, err
	}
	t.Host = pairs["host"]
	if port, ok := pairs["port"]; ok {
		n, err := strconv.ParseUint(port, 10, 16)
		if err != nil {
			return t, malformed("port")
		}
		t.Port = int(n)
	}
	t.Bearer, err = parseBearer(pairs)
	return t, err
}

// parseXOAuth2 parses "user=" user ^A "auth=Bearer " token ^A ^A.
func parseXOAuth2(b []byte) (t Token, err error) {
	if err := checkMessage(b); err != nil {
		return t, err
	}
	pairs, err := parsePairs(string(b))
	if err != nil {
		return t, err
	}
	if t.User = pairs["user"]; t.User == "" {
		return t, malformed("no user")
	}
	t.Bearer, err = parseBearer(pairs)
	return t, err
}

// parsePairs reads *kvpair kvsep. Callers ignore unknown keys.
func parsePairs(s string) (map[string]string, error) {
	body, ok := strings.CutSuffix(s, "\x01")
	if !ok {
		return nil, malformed("unfinished key/value pairs")
	}
	pairs := map[string]string{}
	for body != "" {
		pair, rest, ok := strings.Cut(body, "\x01")
		key, value, ok2 := strings.Cut(pair, "=")
		if !ok || !ok2 || key == "" {
			return nil, malformed("key/value pair")
		}
		if _, twice := pairs[key]; twice {
			return nil, malformed("key twice")
		}
		pairs[key], body = value, rest
	}
	return pairs, nil
}

// parseBearer returns the token of the auth pair, whose scheme is not
// case-sensitive (RFC 9110 §11.1). An empty value is allowed.
func parseBearer(pairs map[string]string) (string, error) {
	auth, ok := pairs["auth"]
	if !ok {
		return "", malformed("no auth")
	}
	if auth == "" {
		return "", nil
	}
	scheme, token, ok := strings.Cut(auth, " ")
	if !ok || !strings.EqualFold(scheme, "Bearer") {
		return "", malformed("no bearer token")
	}
	return strings.TrimSpace(token), nil
}
