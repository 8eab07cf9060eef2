package outbound

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// A TLSPolicy is what a Deliverer asks of connections to mail hosts.
type TLSPolicy uint8

const (
	// TLSOpportunistic uses TLS where the host offers it, with any certificate,
	// and goes on in the clear where it fails, unless the domain itself demands
	// more by TLSA records (DANE, RFC 7672) or by an MTA-STS policy (RFC 8461).
	// This is the default between mail servers: most have certificates that
	// prove nothing, and an attacker who can forge MX records needs no TLS of
	// the true host.
	TLSOpportunistic TLSPolicy = iota

	// TLSAny uses TLS where the host offers it and ignores all demands of the
	// domain: for a message with TLS-Required: No (RFC 8689 §5).
	TLSAny

	// TLSEncrypted is like TLSOpportunistic, but sends nothing without TLS.
	TLSEncrypted

	// TLSVerified sends only where the certificate is valid for the mail
	// host's name, by DANE where the host has TLSA records, else by the CAs
	// of TLSConfig. Unless DNSSEC or MTA-STS confirms that name, it is the
	// one of an MX record that may be forged.
	TLSVerified

	// TLSNone does not use TLS, not even against DANE or MTA-STS.
	TLSNone
)

// A Security is how well a connection was protected.
type Security uint8

const (
	Cleartext    Security = iota
	Encrypted             // by TLS, with a certificate that proves nothing
	VerifiedPKIX          // by TLS, the certificate is valid for the mail host's name
	VerifiedDANE          // by TLS, the certificate is that of the TLSA records
)

// String returns a short name.
func (s Security) String() string {
	switch s {
	case Encrypted:
		return "encrypted"
	case VerifiedPKIX:
		return "verified by a CA"
	case VerifiedDANE:
		return "verified by DANE"
	}
	return "cleartext"
}

// What a domain, the message or the Deliverer demands of TLS and a mail host
// doesn't meet. The errors that wrap these also say why.
var (
	// ErrTLSNeeded: a mail host offers no TLS, or none that is good enough.
	ErrTLSNeeded error = &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 7, 5}, Text: "TLS needed"}

	// ErrSTSHost: a mail host is not one that the domain's MTA-STS policy
	// names.
	ErrSTSHost error = &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 7, 5}, Text: "host is not in the domain's MTA-STS policy"}

	// ErrRequireTLS: the message is to go over verified TLS only, and the mail
	// host does not provide it (RFC 8689 §4.2.1).
	ErrRequireTLS error = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 10}, Text: "message requires TLS that the mail host does not provide"}
)

// An unmetError is one of the errors above with its reason. As an *smtp.Error it
// has the code of the former, and both in its text.
type unmetError struct{ demand, reason error }

func unmet(demand, reason error) error { return &unmetError{demand, reason} }

func (e *unmetError) Error() string   { return e.demand.Error() + ": " + e.reason.Error() }
func (e *unmetError) Unwrap() []error { return []error{e.demand, e.reason} }

func (e *unmetError) As(target any) bool {
	reply, ok := target.(**smtp.Error)
	if !ok || !errors.As(e.demand, reply) {
		return false
	}
	r := **reply
	r.Text += ": " + e.reason.Error()
	*reply = &r
	return true
}

// demands is what a connection to one mail host must fulfil.
type demands struct {
	policy  TLSPolicy
	require bool       // REQUIRETLS
	sts     *STSPolicy // nil: none, or DANE takes its place
	testing bool       // sts is only to be reported on
	tlsa    []TLSA     // nil: no DANE
	names   []string   // for certificates of usage 2
	sni     string
}

// least is the lowest security that will do.
func (q *demands) least() Security {
	switch {
	case q.policy == TLSNone || q.policy == TLSAny:
		return Cleartext
	case q.hasUsable():
		return VerifiedDANE
	case q.require || q.policy == TLSVerified || q.sts != nil && !q.testing:
		return VerifiedPKIX
	case q.policy == TLSEncrypted || len(q.tlsa) > 0:
		// TLSA records of which none can be used still promise TLS (RFC 7672
		// §2.2).
		return Encrypted
	}
	return Cleartext
}

func (q *demands) hasUsable() bool {
	for i := range q.tlsa {
		if q.tlsa[i].usable() {
			return true
		}
	}
	return false
}

// A verification is what came of the server's certificate.
type verification struct {
	security Security
	err      error // why it is no better
}

// config makes a TLS configuration that verifies as demanded, and notes what
// came of it.
func (q *demands) config(base *tls.Config, v *verification) *tls.Config {
	cfg := &tls.Config{MinVersion: tls.VersionTLS12}
	if base != nil {
		cfg = base.Clone()
	}
	cfg.ServerName = q.sni
	least := q.least()
	also := cfg.VerifyConnection
	cfg.InsecureSkipVerify = true // VerifyConnection does it
	cfg.VerifyConnection = func(cs tls.ConnectionState) error {
		*v = q.verify(cs.PeerCertificates, cfg.RootCAs)
		if v.security < least {
			return v.err
		}
		if also != nil {
			return also(cs)
		}
		return nil
	}
	return cfg
}

func (q *demands) verify(certs []*x509.Certificate, roots *x509.CertPool) verification {
	if q.hasUsable() {
		if err := verifyDANE(q.tlsa, certs, q.names); err != nil {
			return verification{Encrypted, err}
		}
		return verification{VerifiedDANE, nil}
	}
	if len(certs) == 0 {
		return verification{Encrypted, errors.New("outbound: no certificate")}
	}
	o := x509.VerifyOptions{Roots: roots, Intermediates: x509.NewCertPool(), DNSName: q.sni}
	for _, c := range certs[1:] {
		o.Intermediates.AddCert(c)
	}
	if _, err := certs[0].Verify(o); err != nil {
		return verification{Encrypted, err}
	}
	return verification{VerifiedPKIX, nil}
}

// errHandshake marks the failure of TLS that was not needed: connecting again
// without may succeed.
var errHandshake = errors.New("outbound: TLS failed")

// secure upgrades a connection that has been greeted, as far as it is demanded
// and possible. An error means that it may not be used; the connection may then
// still be in step.
func secure(ctx context.Context, c *smtpclient.Client, q *demands, v *verification) error {
	*v = verification{security: Cleartext}
	if q.policy == TLSNone {
		return nil
	}
	err := c.StartTLS(ctx)
	if err == nil || c.TLS() != nil { // an error after the handshake is none of TLS
		return err
	}
	*v = verification{Cleartext, err}
	var refused *smtp.Error
	switch {
	case q.least() > Cleartext:
		return unmet(ErrTLSNeeded, err)
	case !errors.Is(err, smtpclient.ErrNoStartTLS) && !errors.As(err, &refused):
		return fmt.Errorf("%w: %w", errHandshake, err)
	case c.Err() != nil: // refused with 421
		return err
	}
	return nil // in the clear, on the same connection
}
