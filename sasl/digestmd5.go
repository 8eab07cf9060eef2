package sasl

import (
	"context"
	"crypto/hmac"
	"crypto/md5"
	"encoding/hex"
	"strings"
	"unicode/utf8"
)

// DIGEST-MD5 is historic (RFC 6331 says why). It is implemented for servers
// that support nothing newer, with qop=auth: no security layers, no
// re-authentication.

// DigestMD5 returns the client of DIGEST-MD5 (RFC 2831). service is the
// protocol's service name, host the server's name as the client dialled it.
func DigestMD5(authzid, user, password, service, host string) Client {
	return &digestClient{digest: digest{authzid: authzid, user: user, password: password, cnonce: newNonce(), uri: service + "/" + host}}
}

// digest holds the input of the response-value.
type digest struct {
	user, realm, password string
	authzid               string
	nonce, cnonce, uri    string
	utf8                  bool
}

// value computes the response-value (RFC 2831 §2.1.2.1), or with "" in place
// of "AUTHENTICATE" the value of rspauth.
func (d *digest) value(verb string) string {
	user, realm, password := d.user, d.realm, d.password
	if d.utf8 {
		// A string that can be converted to ISO 8859-1 is hashed in that.
		user, realm, password = latin1(user), latin1(realm), latin1(password)
	}
	secret := md5.Sum([]byte(user + ":" + realm + ":" + password))
	a1 := string(secret[:]) + ":" + d.nonce + ":" + d.cnonce
	if d.authzid != "" {
		a1 += ":" + d.authzid
	}
	return md5hex(md5hex(a1) + ":" + d.nonce + ":00000001:" + d.cnonce + ":auth:" + md5hex(verb+":"+d.uri))
}

func md5hex(s string) string {
	sum := md5.Sum([]byte(s))
	return hex.EncodeToString(sum[:])
}

// latin1 converts s to ISO 8859-1 if possible, otherwise it returns s.
func latin1(s string) string {
	b := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xFF {
			return s
		}
		b = append(b, byte(r))
	}
	return string(b)
}

// fromLatin1 converts ISO 8859-1 to UTF-8.
func fromLatin1(s string) string {
	r := make([]rune, len(s))
	for i := range len(s) {
		r[i] = rune(s[i])
	}
	return string(r)
}

type digestClient struct {
	digest
	step   int
	proved bool
}

func (*digestClient) Name() string { return "DIGEST-MD5" }

func (c *digestClient) Start() (initial []byte, err error) {
	c.user, c.password, err = prepCredentials(c.user, c.password)
	return nil, err
}

func (c *digestClient) Next(challenge []byte) ([]byte, error) {
	d, err := parseDirectives(challenge)
	if err != nil {
		return nil, err
	}
	c.step++
	switch c.step {
	case 1:
		return c.respond(d)
	case 2:
		if !hmac.Equal([]byte(d.one("rspauth")), []byte(c.value(""))) {
			return nil, ErrServerUnproven
		}
		c.proved = true
		return []byte{}, nil
	}
	return nil, malformed("third challenge of DIGEST-MD5")
}

func (c *digestClient) respond(d directives) ([]byte, error) {
	c.nonce = d.one("nonce")
	if c.nonce == "" || d.one("algorithm") != "md5-sess" {
		return nil, malformed("DIGEST-MD5 challenge")
	}
	if qop := d["qop"]; len(qop) > 0 && !containsFold(strings.FieldsFunc(qop[0], func(r rune) bool { return r == ',' || r == ' ' }), "auth") {
		return nil, malformed("security layer demanded")
	}
	c.utf8 = strings.EqualFold(d.one("charset"), "utf-8")
	if !c.utf8 {
		c.user, c.password = latin1(c.user), latin1(c.password)
	}
	if realms := d["realm"]; len(realms) > 0 {
		c.realm = realms[0]
	}
	b := make([]byte, 0, 512)
	if c.utf8 {
		b = append(b, "charset=utf-8,"...)
	}
	b = appendDirective(b, "username", c.user)
	b = appendDirective(b, "realm", c.realm)
	b = appendDirective(b, "nonce", c.nonce)
	b = append(b, "nc=00000001,"...)
	b = appendDirective(b, "cnonce", c.cnonce)
	b = appendDirective(b, "digest-uri", c.uri)
	if c.authzid != "" {
		b = appendDirective(b, "authzid", c.authzid)
	}
	b = append(b, "response="...)
	b = append(b, c.value("AUTHENTICATE")...)
	return append(b, ",qop=auth"...), nil
}

func (c *digestClient) Finish() error {
	if !c.proved {
		return ErrServerUnproven
	}
	return nil
}

type digestServer struct {
	base
	nonce string
	sent  bool
}

func newDigestMD5Server(b base) Server { return &digestServer{base: b, nonce: newNonce()} }

func (s *digestServer) Next(ctx context.Context, response []byte) ([]byte, bool, error) {
	if !s.sent {
		// A response sent with the command requests re-authentication, which
		// may be answered with a challenge (RFC 2831 §2.2.2).
		s.sent = true
		b := appendDirective(nil, "realm", s.c.host())
		b = appendDirective(b, "nonce", s.nonce)
		return append(b, `qop="auth",algorithm=md5-sess,charset=utf-8`...), false, nil
	}
	v, err := parseDirectives(response)
	if err != nil {
		return nil, false, err
	}
	d := digest{
		user: v.one("username"), realm: v.one("realm"), authzid: v.one("authzid"),
		nonce: v.one("nonce"), cnonce: v.one("cnonce"), uri: v.one("digest-uri"),
		utf8: strings.EqualFold(v.one("charset"), "utf-8"),
	}
	if qop := v.one("qop"); d.nonce != s.nonce || d.cnonce == "" || v.one("nc") != "00000001" || qop != "" && qop != "auth" || !s.ours(d.uri) {
		return nil, false, malformed("DIGEST-MD5 response")
	}
	name := d.user
	if !d.utf8 {
		name = fromLatin1(name)
	}
	if name, err = Prep(name); err != nil || name == "" {
		return nil, false, malformed("user name")
	}
	ctx = withConn(ctx, s.c)
	identity, secret, lookupErr := lookupSecret(ctx, s.a, name)
	if lookupErr != nil && lookupErr != ErrAuthFailed {
		return nil, false, lookupErr
	}
	if d.password = secret; !d.utf8 {
		d.password = latin1(secret)
	}
	if !hmac.Equal([]byte(v.one("response")), []byte(d.value("AUTHENTICATE"))) || lookupErr != nil {
		return nil, false, ErrAuthFailed
	}
	if err := s.authorize(ctx, identity, name, d.authzid); err != nil {
		return nil, false, err
	}
	return []byte("rspauth=" + d.value("")), true, nil
}

// ours reports whether a digest-uri names this service. The host is not
// checked: a server may have several names.
func (s *digestServer) ours(uri string) bool {
	service, host, ok := strings.Cut(uri, "/")
	return ok && host != "" && (s.c.Service == "" || strings.EqualFold(service, s.c.Service))
}

// directives are the values of a message by name.
type directives map[string][]string

// one returns a value that must not occur twice; if it does, it counts as
// absent.
func (d directives) one(name string) string {
	if v := d[name]; len(v) == 1 {
		return v[0]
	}
	return ""
}

func appendDirective(b []byte, name, value string) []byte {
	b = append(append(b, name...), '=', '"')
	for i := range len(value) {
		if value[i] == '"' || value[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, value[i])
	}
	return append(b, '"', ',')
}

// maxDirectives bounds a message; the RFC defines about a dozen.
const maxDirectives = 32

// parseDirectives reads 1#(name "=" (token / quoted-string)) (RFC 2831 §7.1).
// §2.1.2 limits the size to 4,096 octets.
func parseDirectives(msg []byte) (directives, error) {
	if len(msg) > 4096 {
		return nil, malformed("too long")
	}
	d := directives{}
	s := string(msg)
	for n := 0; ; n++ {
		s = strings.TrimLeft(s, " \t\r\n,")
		if s == "" {
			return d, nil
		}
		name, rest, ok := strings.Cut(s, "=")
		name = strings.ToLower(strings.TrimRight(name, " \t\r\n"))
		if !ok || name == "" || n == maxDirectives {
			return nil, malformed("DIGEST-MD5 directive")
		}
		rest = strings.TrimLeft(rest, " \t\r\n")
		var value string
		if strings.HasPrefix(rest, `"`) {
			if value, rest, ok = cutQuoted(rest[1:]); !ok {
				return nil, malformed("DIGEST-MD5 quoted string")
			}
		} else {
			i := strings.IndexAny(rest, ", \t\r\n")
			if i < 0 {
				i = len(rest)
			}
			value, rest = rest[:i], rest[i:]
		}
		d[name] = append(d[name], value)
		if s = strings.TrimLeft(rest, " \t\r\n"); s != "" && s[0] != ',' {
			return nil, malformed("DIGEST-MD5 directive")
		}
		if !utf8.ValidString(name) {
			return nil, malformed("DIGEST-MD5 directive")
		}
	}
}

// cutQuoted reads up to the closing quote and removes the quoting.
func cutQuoted(s string) (value, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}
