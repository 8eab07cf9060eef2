package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
)

// MaxResponse is how many octets, after base64 is undone, a challenge or a
// response may have. RFC 4954 §4 lets a client send 12,288 octets of base64.
const MaxResponse = 16 << 10

// Errors that both sides return, wrapped. On the server, what does not come
// from this package or from an Authenticator as one of these counts as
// ErrUnavailable, and is wrapped with it.
var (
	// ErrAuthFailed: no such user or wrong credentials. Nothing tells which.
	ErrAuthFailed = errors.New("sasl: authentication failed")

	// ErrAuthzDenied: the user is authenticated, but must not act as the
	// identity asked for.
	ErrAuthzDenied = errors.New("sasl: not authorized to act as that user")

	// ErrExpired: the credentials were right once and must be renewed
	// (RFC 5530 EXPIRED). An Authenticator may return it; this package doesn't.
	ErrExpired = errors.New("sasl: credentials have expired")

	// ErrUnavailable: it can't be told now. Trying later makes sense.
	ErrUnavailable = errors.New("sasl: authentication is temporarily unavailable")

	// ErrMalformed: the peer's message breaks the mechanism's syntax.
	ErrMalformed = errors.New("sasl: malformed authentication exchange")

	// ErrCancelled: the client gave up. Protocols return it where the client
	// sends "*" (RFC 4422 §3.5).
	ErrCancelled = errors.New("sasl: authentication cancelled")

	// ErrUnsupported: the mechanism is unknown or not offered here.
	ErrUnsupported = errors.New("sasl: unsupported authentication mechanism")

	// ErrEncryptionNeeded: the mechanism is served on this server, but only
	// under TLS.
	ErrEncryptionNeeded = errors.New("sasl: encryption needed for this authentication mechanism")

	// ErrServerUnproven: the server claims success without having proved that
	// it knows the user's secret. The client must treat it as an impostor.
	ErrServerUnproven = errors.New("sasl: server did not prove its identity")
)

// malformed returns an ErrMalformed that says what is wrong. The text never
// holds what the peer sent.
func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// A Client is the client's side of one exchange.
type Client interface {
	// Name is the mechanism's name as it goes over the wire.
	Name() string

	// Start returns the initial response. nil means that there is none; one
	// that is empty but not nil is an empty initial response. A protocol that
	// can't carry it sends it as the answer to the first, empty challenge.
	Start() (initial []byte, err error)

	// Next answers a challenge. After an error the exchange is to be
	// cancelled. The answer to data that came with the server's success is
	// not sent.
	Next(challenge []byte) (response []byte, err error)

	// Finish is called when the protocol reports success. Its error means
	// that the server has not proved itself, and must not be trusted.
	Finish() error
}

// A Server is the server's side of one exchange.
type Server interface {
	// Name is the mechanism's name.
	Name() string

	// Next takes the client's response and returns the next challenge. The
	// first call gets the initial response, nil if there was none. done tells
	// that the client is authenticated; a challenge that is then not nil goes
	// with the success. After an error or done, Next must not be called again.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)

	// Identity is the identity to act as, after done.
	Identity() string
}

// Conn is what mechanisms need to know of the connection.
type Conn struct {
	Service    string               // the protocol's service name: "imap", "smtp", "pop"
	Host       string               // the server's name, for challenges and realms; "" is taken as "localhost"
	TLS        *tls.ConnectionState // nil without TLS
	RemoteAddr net.Addr             // may be nil; for Authenticators that log or limit, see [ConnFromContext]

	// ServerCertificate is the certificate, in DER, that the server showed in
	// the handshake. A server needs it for the binding tls-server-end-point,
	// which is refused without it; a client has it in TLS.
	ServerCertificate []byte

	// NoChannelBinding leaves out the -PLUS mechanisms, as if there were no
	// bindings. Servers need it for clients that pick -PLUS wherever they see
	// it, and can't do it: mutt 2.2 as built with GNU SASL is one.
	NoChannelBinding bool

	// AllowInsecure permits mechanisms that reveal a password or a token also
	// where TLS is nil. It is meant for tests and for loopback.
	AllowInsecure bool

	// Mechanisms, unless nil, restricts what is offered, or what a client
	// selects, to these. It is also the way to turn DIGEST-MD5 on.
	Mechanisms []string
}

// AllowsPasswords reports whether a password may cross the connection as it is.
// IMAP advertises LOGINDISABLED when it may not.
func (c Conn) AllowsPasswords() bool { return c.TLS != nil || c.AllowInsecure }

func (c Conn) host() string {
	if c.Host == "" {
		return "localhost"
	}
	return c.Host
}

// An Authenticator checks who a client is.
//
// User names and passwords reach it, and the optional interfaces below, after
// SASLprep; their case is the Authenticator's to fold. The identity that it
// returns is the canonical name of the account, as mailbox.Store knows it.
//
// An unknown user and a wrong password are both ErrAuthFailed, and should take
// the same time. An error that is none of this package's is taken as
// ErrUnavailable, and its text is not shown to the client.
type Authenticator interface {
	// Authenticate checks a password.
	Authenticate(ctx context.Context, user, password string) (identity string, err error)
}

// AuthFunc is an Authenticator made of a function: PLAIN and LOGIN only.
type AuthFunc func(ctx context.Context, user, password string) (identity string, err error)

// Authenticate calls f.
func (f AuthFunc) Authenticate(ctx context.Context, user, password string) (string, error) {
	return f(ctx, user, password)
}

// A SCRAMKeeper has what SCRAM needs.
type SCRAMKeeper interface {
	// SCRAMKeys returns a user's keys for a hash. For an unknown user it
	// returns FakeSCRAMKeys, made with a secret that lasts as long as its
	// users do, or ErrAuthFailed: then the server makes keys up with a secret
	// that lasts as long as the process.
	SCRAMKeys(ctx context.Context, user string, h Hash) (identity string, keys SCRAMKeys, err error)
}

// A SecretKeeper has users' passwords themselves.
type SecretKeeper interface {
	// Secret returns a user's password, as SASLprep leaves it. ErrAuthFailed
	// if there is no such user or its password isn't kept.
	Secret(ctx context.Context, user string) (identity, secret string, err error)
}

// A TokenVerifier checks OAuth 2.0 bearer tokens.
type TokenVerifier interface {
	// VerifyToken returns whom the token stands for. An error may be, or
	// wrap, an *OAuthError, which then tells the client what it lacks.
	VerifyToken(ctx context.Context, t Token) (identity string, err error)
}

// A Token is what a client presents in OAUTHBEARER or XOAUTH2.
type Token struct {
	User   string // whom it wants to be; may be empty, and must be checked against the token
	Bearer string // the access token
	Host   string // the server as the client knows it; may be empty
	Port   int    // may be 0
}

// A CertificateVerifier tells whom a TLS client certificate stands for.
type CertificateVerifier interface {
	// VerifyCertificate gets a state with at least one peer certificate. Unless
	// the tls.Config has had it verified, this is the place.
	VerifyCertificate(ctx context.Context, state *tls.ConnectionState) (identity string, err error)
}

// An AnonymousGuard lets clients in without credentials.
type AnonymousGuard interface {
	// Anonymous returns the identity that the client shall have. trace is what
	// it says of itself, at most 255 characters, not to be relied upon.
	Anonymous(ctx context.Context, trace string) (identity string, err error)
}

// An Authorizer decides who may act as whom. Without one, everybody may act as
// himself only.
type Authorizer interface {
	// Authorize returns the identity to act as when identity wants to act as
	// authzid, which is not empty. ErrAuthzDenied if it may not.
	Authorize(ctx context.Context, identity, authzid string) (string, error)
}

// An Offerer is an Authenticator that serves fewer mechanisms than its type
// suggests.
type Offerer interface {
	// Offers reports whether it can serve the mechanism; "APOP" is asked for
	// like one.
	Offers(mechanism string) bool
}

// Hash is a hash function that SCRAM is used with.
type Hash uint8

// The hashes of RFC 5802, RFC 7677, and the one of XEP-0438 and
// draft-melnikov-scram-sha-512.
const (
	SHA1 Hash = iota
	SHA256
	SHA512
)

type connKey struct{}

// ConnFromContext returns the connection that an Authenticator is asked about.
// Its context carries it.
func ConnFromContext(ctx context.Context) (Conn, bool) {
	c, ok := ctx.Value(connKey{}).(Conn)
	return c, ok
}

func withConn(ctx context.Context, c Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}
