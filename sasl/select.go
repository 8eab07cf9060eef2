package sasl

import (
	"context"
	"iter"
	"strings"
)

// Credentials are what a client authenticates with. The mechanism is chosen
// according to the fields that are set.
type Credentials struct {
	Authzid  string // the identity to act as; empty: that of the user
	Username string
	Password string

	// Token returns an OAuth 2.0 access token. It is called for each exchange
	// that needs one, so that it can renew it.
	Token func(ctx context.Context) (string, error)

	// Port is the server's port, for OAUTHBEARER. Zero: not sent.
	Port int

	// Certificate says that the TLS client certificate authenticates the user.
	Certificate bool

	// Anonymous logs in anonymously, with Trace as the trace information.
	Anonymous bool
	Trace     string
}

// Select returns a client for the strongest mechanism among those offered
// that the credentials can serve: the first of Candidates. ErrEncryptionNeeded
// if there would be one under TLS, ErrUnsupported if there is none.
func Select(ctx context.Context, offered []string, cr Credentials, c Conn) (Client, error) {
	for client, err := range Candidates(ctx, offered, cr, c) {
		return client, err
	}
	c.AllowInsecure = true
	cr.Token = tokenless(cr.Token)
	for range Candidates(ctx, offered, cr, c) {
		return nil, ErrEncryptionNeeded
	}
	return nil, ErrUnsupported
}

// tokenless replaces a token source, so that candidates can be found without
// calling it.
func tokenless(f func(context.Context) (string, error)) func(context.Context) (string, error) {
	if f == nil {
		return nil
	}
	return func(context.Context) (string, error) { return "", nil }
}

// Candidates yields clients for the mechanisms that are offered and that the
// credentials can serve, the strongest first; an error comes from the token
// source. Names compare without regard to case.
//
// When a -PLUS mechanism fails, the next candidate is worth trying: it uses
// another binding, or none where the server's TLS ends at a proxy. When the
// server refuses a mechanism as such, too. After another failure the
// credentials are wrong, and going on only shows them in weaker ways.
func Candidates(ctx context.Context, offered []string, cr Credentials, c Conn) iter.Seq2[Client, error] {
	return func(yield func(Client, error) bool) {
		plusOffered := false
		for _, name := range offered {
			name = strings.ToUpper(name)
			plusOffered = plusOffered || strings.HasPrefix(name, "SCRAM-") && strings.HasSuffix(name, "-PLUS")
		}
		for _, m := range mechanisms() {
			if !containsFold(offered, m.name) || m.reveals && !c.AllowsPasswords() ||
				c.Mechanisms == nil && m.byName || c.Mechanisms != nil && !containsFold(c.Mechanisms, m.name) {
				continue
			}
			for client, err := range clients(ctx, m.name, cr, c, plusOffered) {
				if !yield(client, err) {
					return
				}
			}
		}
	}
}

// clients yields the clients for one mechanism, none if the credentials are not
// suitable.
func clients(ctx context.Context, name string, cr Credentials, c Conn, plusOffered bool) iter.Seq2[Client, error] {
	return func(yield func(Client, error) bool) {
		switch {
		case name == "EXTERNAL":
			if cr.Certificate && c.TLS != nil {
				yield(External(cr.Authzid), nil)
			}
		case name == "ANONYMOUS":
			if cr.Anonymous {
				yield(Anonymous(cr.Trace), nil)
			}
		case name == "OAUTHBEARER" || name == "XOAUTH2":
			if cr.Token == nil || cr.Username == "" && name == "XOAUTH2" {
				return
			}
			bearer, err := cr.Token(ctx)
			switch {
			case err != nil:
				yield(nil, err)
			case name == "XOAUTH2":
				yield(XOAuth2(cr.Username, bearer), nil)
			default:
				user := cr.Authzid
				if user == "" {
					user = cr.Username
				}
				yield(OAuthBearer(Token{User: user, Bearer: bearer, Host: c.Host, Port: cr.Port}), nil)
			}
		case cr.Username == "" || cr.Password == "":
		case strings.HasPrefix(name, "SCRAM-"):
			scramClients(name, cr, c, plusOffered, yield)
		case name == "DIGEST-MD5":
			yield(DigestMD5(cr.Authzid, cr.Username, cr.Password, c.Service, c.host()), nil)
		case name == "PLAIN":
			yield(Plain(cr.Authzid, cr.Username, cr.Password), nil)
		case cr.Authzid != "": // the following mechanisms can't carry one
		case name == "CRAM-MD5":
			yield(CramMD5(cr.Username, cr.Password), nil)
		case name == "LOGIN":
			yield(Login(cr.Username, cr.Password), nil)
		}
	}
}

// scramClients yields a client for each binding, or the one without.
func scramClients(name string, cr Credentials, c Conn, plusOffered bool, yield func(Client, error) bool) {
	base, plus := strings.CutSuffix(name, "-PLUS")
	var h Hash
	for _, h = range []Hash{SHA1, SHA256, SHA512} {
		if h.name() == base {
			break
		}
	}
	bindings := Bindings(c)
	if !plus {
		// RFC 5802 §6: "y" where a binding was possible and not offered. If it
		// was offered and failed, this is an attempt without it.
		y := len(bindings) > 0 && !plusOffered
		yield(SCRAM(h, cr.Username, cr.Password, &SCRAMOptions{Authzid: cr.Authzid, BindingNotOffered: y}), nil)
		return
	}
	for _, b := range bindings {
		if !yield(SCRAM(h, cr.Username, cr.Password, &SCRAMOptions{Authzid: cr.Authzid, Binding: &b}), nil) {
			return
		}
	}
}

// Reason returns what the server said within the exchange about why it failed:
// an *OAuthError, or what SCRAM reports. nil if it said nothing. The failure
// itself is the protocol's to report.
func Reason(c Client) error {
	if r, ok := c.(interface{ reason() error }); ok {
		return r.reason()
	}
	return nil
}
