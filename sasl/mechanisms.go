package sasl

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// A mechanism is a row of the table of what this package serves.
type mechanism struct {
	name    string
	reveals bool // a listener, or a false server, learns a password or a token
	byName  bool // offered only when Conn.Mechanisms names it

	// serves reports whether the Authenticator and the connection have what it
	// needs, TLS for the sake of secrecy apart.
	serves func(a Authenticator, c Conn) bool

	server func(b base) Server
}

// mechanisms is the table, strongest first: the order in which servers
// advertise and clients select.
func mechanisms() []mechanism {
	return []mechanism{
		{name: "EXTERNAL", serves: servesExternal, server: newExternalServer},
		scramMechanism(SHA512, true),
		scramMechanism(SHA256, true),
		scramMechanism(SHA1, true),
		scramMechanism(SHA512, false),
		scramMechanism(SHA256, false),
		scramMechanism(SHA1, false),
		{name: "OAUTHBEARER", reveals: true, serves: servesTokens, server: newOAuthBearerServer},
		{name: "XOAUTH2", reveals: true, serves: servesTokens, server: newXOAuth2Server},
		{name: "DIGEST-MD5", byName: true, serves: servesSecrets, server: newDigestMD5Server},
		{name: "CRAM-MD5", serves: servesSecrets, server: newCramMD5Server},
		{name: "PLAIN", reveals: true, serves: servesPasswords, server: newPlainServer},
		{name: "LOGIN", reveals: true, serves: servesPasswords, server: newLoginServer},
		{name: "ANONYMOUS", serves: servesAnonymous, server: newAnonymousServer},
	}
}

func servesPasswords(Authenticator, Conn) bool { return true }

func servesSecrets(a Authenticator, _ Conn) bool { _, ok := a.(SecretKeeper); return ok }

func servesTokens(a Authenticator, _ Conn) bool { _, ok := a.(TokenVerifier); return ok }

func servesAnonymous(a Authenticator, _ Conn) bool { _, ok := a.(AnonymousGuard); return ok }

func servesExternal(a Authenticator, c Conn) bool {
	_, ok := a.(CertificateVerifier)
	return ok && c.TLS != nil && len(c.TLS.PeerCertificates) > 0
}

// usable reports whether the mechanism can be served, were the connection
// encrypted enough.
func (m *mechanism) usable(a Authenticator, c Conn) bool {
	if a == nil || !m.serves(a, c) {
		return false
	}
	if c.Mechanisms == nil && m.byName || c.Mechanisms != nil && !containsFold(c.Mechanisms, m.name) {
		return false
	}
	o, ok := a.(Offerer)
	return !ok || o.Offers(m.name)
}

// Mechanisms returns the names of the mechanisms that a server offers on the
// connection, strongest first.
func Mechanisms(a Authenticator, c Conn) []string {
	var names []string
	for _, m := range mechanisms() {
		if m.usable(a, c) && (!m.reveals || c.AllowsPasswords()) {
			names = append(names, m.name)
		}
	}
	return names
}

// NewServer starts an exchange. The name is compared without regard to case.
// ErrEncryptionNeeded if Mechanisms would have it under TLS only,
// ErrUnsupported if not even then.
func NewServer(name string, a Authenticator, c Conn) (Server, error) {
	for _, m := range mechanisms() {
		if !strings.EqualFold(m.name, name) {
			continue
		}
		if !m.usable(a, c) {
			break
		}
		if m.reveals && !c.AllowsPasswords() {
			return nil, ErrEncryptionNeeded
		}
		return m.server(base{name: m.name, a: a, c: c}), nil
	}
	return nil, ErrUnsupported
}

// RevealsSecret reports whether a mechanism shows what is needed to log in to
// those who can read the connection: a client must not use it without TLS.
func RevealsSecret(name string) bool {
	for _, m := range mechanisms() {
		if strings.EqualFold(m.name, name) {
			return m.reveals
		}
	}
	return false
}

// CheckPassword checks a user name and a password that came by other means
// than a mechanism: IMAP's LOGIN, POP3's USER and PASS. The rules are PLAIN's.
func CheckPassword(ctx context.Context, a Authenticator, c Conn, user, password string) (identity string, err error) {
	s, err := NewServer("PLAIN", a, withoutChoice(c))
	if err != nil {
		return "", err
	}
	return s.(*plainServer).check(ctx, "", user, password)
}

// withoutChoice lifts the restriction on mechanisms.
func withoutChoice(c Conn) Conn {
	c.Mechanisms = nil
	return c
}

// base is what all servers of this package have in common.
type base struct {
	name string
	a    Authenticator
	c    Conn
	id   string
}

func (b *base) Name() string     { return b.name }
func (b *base) Identity() string { return b.id }

// authorize settles whom the authenticated user acts as.
func (b *base) authorize(ctx context.Context, identity, user, authzid string) error {
	if authzid == "" || authzid == identity || authzid == user {
		b.id = identity
		return nil
	}
	z, ok := b.a.(Authorizer)
	if !ok {
		return ErrAuthzDenied
	}
	id, err := z.Authorize(ctx, identity, authzid)
	if err != nil {
		return classify(err)
	}
	b.id = id
	return nil
}

// classify makes sure that an Authenticator's error is one of this package's.
func classify(err error) error {
	if isOwn(err) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrUnavailable, err)
}

func containsFold(list []string, s string) bool {
	return slices.ContainsFunc(list, func(x string) bool { return strings.EqualFold(x, s) })
}
