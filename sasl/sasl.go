package sasl

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
)

// MaxResponse is the maximum length of a challenge or a response in octets,
// after base64 decoding. RFC 4954 §4 allows a client to send 12,288 octets of
// base64.
const MaxResponse = 16 << 10

// Errors that both sides return, wrapped. On the server, any other error of an
// Authenticator counts as ErrUnavailable and is wrapped with it.
var (
	// ErrAuthFailed: no such user or wrong credentials. They are not
	// distinguished.
	ErrAuthFailed = errors.New("sasl: authentication failed")

	// ErrAuthzDenied: the user is authenticated, but may not act as the
	// requested identity.
	ErrAuthzDenied = errors.New("sasl: not authorized to act as that user")

	// ErrExpired: the credentials were valid once and must be renewed (RFC 5530
	// EXPIRED). An Authenticator may return it; this package doesn't.
	ErrExpired = errors.New("sasl: credentials have expired")

	// ErrUnavailable: the credentials can't be checked now. Trying again later
	// makes sense.
	ErrUnavailable = errors.New("sasl: authentication is temporarily unavailable")

	// ErrBusy, which is an ErrUnavailable too: too many checks are waiting; see
	// Checks.
	ErrBusy = fmt.Errorf("%w: too many are logging in", ErrUnavailable)

	// ErrMalformed: the peer's message violates the mechanism's syntax.
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
// contains what the peer sent.
func malformed(what string) error { return fmt.Errorf("%w: %s", ErrMalformed, what) }

// A Client is the client's side of one exchange.
type Client interface {
	// Name is the mechanism's name as sent by the protocol.
	Name() string

	// Start returns the initial response. nil means that there is none; one
	// that is empty but not nil is an empty initial response. A protocol that
	// can't carry it sends it as the answer to the first, empty challenge.
	Start() (initial []byte, err error)

	// Next answers a challenge. After an error the exchange must be cancelled.
	// The answer to data that came with the server's success is not sent.
	Next(challenge []byte) (response []byte, err error)

	// Finish is called when the protocol reports success. An error means that
	// the server has not proved its identity, and must not be trusted.
	Finish() error
}

// A Server is the server's side of one exchange.
type Server interface {
	// Name is the mechanism's name.
	Name() string

	// Next takes the client's response and returns the next challenge. The
	// first call gets the initial response, nil if there was none. done reports
	// that the client is authenticated; a challenge that is then not nil goes
	// with the success. After an error or done, Next must not be called again.
	Next(ctx context.Context, response []byte) (challenge []byte, done bool, err error)

	// Identity is the identity to act as, after done.
	Identity() string
}

// Conn is what mechanisms need to know of the connection.
type Conn struct {
	Service    string               // the protocol's service name: "imap", "smtp", "pop"
	ID         string               // the connection's name in the logs and traces of its server; may be empty
	Host       string               // the server's name, for challenges and realms; "" means "localhost"
	TLS        *tls.ConnectionState // nil without TLS
	RemoteAddr net.Addr             // may be nil; for Authenticators that log or limit, see [ConnFromContext]

	// ServerCertificate is the certificate, in DER, that the server presented
	// in the handshake. A server needs it for the binding tls-server-end-point,
	// which is refused without it; a client has it in TLS.
	ServerCertificate []byte

	// NoChannelBinding omits the -PLUS mechanisms, as if there were no
	// bindings. Servers need it for clients that select -PLUS whenever it is
	// offered, but fail to use it, such as mutt 2.2 built with GNU SASL.
	NoChannelBinding bool

	// Network is the client's network, which takes turns with others in Checks.
	// Invalid: the address of RemoteAddr, or the first 64 bits of an IPv6 address.
	Network netip.Prefix

	// NetworkFailures is how many attempts of the client's network have failed of
	// late; see Checks.FreeFailures.
	NetworkFailures int

	// Ended, unless nil, reports whether the client has ended its output and has
	// sent nothing behind what was read. It is asked when a check that had to wait
	// has its turn.
	Ended func() bool

	// AllowInsecure permits mechanisms that reveal a password or a token even
	// if TLS is nil. It is meant for tests and for loopback.
	AllowInsecure bool

	// Mechanisms, unless nil, restricts what is offered, or what a client
	// selects, to these. DIGEST-MD5 is used only if it is named here.
	Mechanisms []string
}

// AllowsPasswords reports whether a password may be sent over the connection.
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
// SASLprep; folding their case is left to the Authenticator. The identity that
// it returns is the canonical name of the account, as mailbox.Store knows it.
//
// An unknown user and a wrong password are both ErrAuthFailed, and should take
// the same time. An error that is not one of this package's is treated as
// ErrUnavailable, and its text is not shown to the client.
type Authenticator interface {
	// Authenticate checks a password. ctx ends when the client has gone. If it hashes
	// passwords on this machine, Checks.Do keeps those who log in from taking all
	// processors.
	Authenticate(ctx context.Context, user, password string) (identity string, err error)
}

// AuthFunc is a function that is an Authenticator, for PLAIN and LOGIN only.
type AuthFunc func(ctx context.Context, user, password string) (identity string, err error)

// Authenticate calls f.
func (f AuthFunc) Authenticate(ctx context.Context, user, password string) (string, error) {
	return f(ctx, user, password)
}

// A SCRAMKeeper stores the keys of SCRAM.
type SCRAMKeeper interface {
	// SCRAMKeys returns a user's keys for a hash. For an unknown user it
	// returns FakeSCRAMKeys, made with a secret that is stored with the users,
	// or ErrAuthFailed: then the server makes fake keys with a secret that
	// changes with each start of the process.
	SCRAMKeys(ctx context.Context, user string, h Hash) (identity string, keys SCRAMKeys, err error)
}

// A SecretKeeper stores the users' passwords in the clear.
type SecretKeeper interface {
	// Secret returns a user's password, prepared with SASLprep. The error is
	// ErrAuthFailed if there is no such user or the password is not stored.
	Secret(ctx context.Context, user string) (identity, secret string, err error)
}

// A TokenVerifier checks OAuth 2.0 bearer tokens.
type TokenVerifier interface {
	// VerifyToken returns the identity that the token stands for. An error may
	// be, or wrap, an *OAuthError, which is sent to the client.
	VerifyToken(ctx context.Context, t Token) (identity string, err error)
}

// A Token is what a client presents in OAUTHBEARER or XOAUTH2.
type Token struct {
	User   string // the requested identity; may be empty, and must be checked against the token
	Bearer string // the access token
	Host   string // the server's name as used by the client; may be empty
	Port   int    // may be 0
}

// A CertificateVerifier maps TLS client certificates to identities.
type CertificateVerifier interface {
	// VerifyCertificate is called with a state that has at least one peer
	// certificate. It must verify the certificate unless the tls.Config has
	// done so.
	VerifyCertificate(ctx context.Context, state *tls.ConnectionState) (identity string, err error)
}

// An AnonymousGuard lets clients in without credentials.
type AnonymousGuard interface {
	// Anonymous returns the identity of the client. trace is what the client
	// says about itself, at most 255 characters, and cannot be relied upon.
	Anonymous(ctx context.Context, trace string) (identity string, err error)
}

// An Authorizer decides who may act as whom. Without one, users may act only as
// themselves.
type Authorizer interface {
	// Authorize returns the identity to act as when identity wants to act as
	// authzid, which is not empty. The error is ErrAuthzDenied if it may not.
	Authorize(ctx context.Context, identity, authzid string) (string, error)
}

// An Offerer is an Authenticator that serves fewer mechanisms than its type
// suggests.
type Offerer interface {
	// Offers reports whether it can serve the mechanism, or "APOP".
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

// ConnFromContext returns the connection from the context that an Authenticator
// is called with.
func ConnFromContext(ctx context.Context) (Conn, bool) {
	c, ok := ctx.Value(connKey{}).(Conn)
	return c, ok
}

func withConn(ctx context.Context, c Conn) context.Context {
	return context.WithValue(ctx, connKey{}, c)
}
