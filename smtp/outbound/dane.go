package outbound

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"fmt"
	"strconv"
)

// A TLSA is a record that says which certificates a server has (RFC 6698 §2.1).
type TLSA struct {
	// Usage is 2 (DANE-TA: what the record matches has issued the server's
	// certificate) or 3 (DANE-EE: it is the server's); 0 and 1 have no meaning
	// for SMTP (RFC 7672 §3.1.3).
	Usage uint8

	// Selector is 0 for the whole certificate, 1 for its public key.
	Selector uint8

	// Matching is 0 for Data in full, 1 for its SHA-256, 2 for its SHA-512.
	Matching uint8

	Data []byte
}

// usable reports whether the record can be used for SMTP (RFC 7672 §3.1).
func (r *TLSA) usable() bool {
	if r.Usage != 2 && r.Usage != 3 || r.Selector > 1 {
		return false
	}
	switch r.Matching {
	case 0:
		return len(r.Data) > 0
	case 1:
		return len(r.Data) == sha256.Size
	case 2:
		return len(r.Data) == sha512.Size
	}
	return false
}

func (r *TLSA) matches(c *x509.Certificate) bool {
	b := c.Raw
	if r.Selector == 1 {
		b = c.RawSubjectPublicKeyInfo
	}
	switch r.Matching {
	case 1:
		h := sha256.Sum256(b)
		b = h[:]
	case 2:
		h := sha512.Sum512(b)
		b = h[:]
	}
	return bytes.Equal(b, r.Data)
}

// ErrDANE: the server's certificate is none that its domain's TLSA records
// allow.
var ErrDANE = errors.New("outbound: certificate does not match the TLSA records")

// verifyDANE checks a server's certificates (RFC 7672 §3). names are those that
// a certificate issued by a trust anchor of usage 2 may have.
func verifyDANE(records []TLSA, certs []*x509.Certificate, names []string) error {
	if len(certs) == 0 {
		return ErrDANE
	}
	var last error
	for i := range records {
		r := &records[i]
		if !r.usable() {
			continue
		}
		if r.Usage == 3 {
			// Neither name nor validity period count (RFC 7672 §3.1.1).
			if r.matches(certs[0]) {
				return nil
			}
			continue
		}
		if err := verifyAnchor(r, certs, names); err == nil {
			return nil
		} else if !errors.Is(err, ErrDANE) {
			last = err
		}
	}
	if last != nil {
		return fmt.Errorf("%w: %w", ErrDANE, last)
	}
	return ErrDANE
}

// verifyAnchor checks the chain up to what a record of usage 2 matches.
func verifyAnchor(r *TLSA, certs []*x509.Certificate, names []string) error {
	roots, others := x509.NewCertPool(), x509.NewCertPool()
	found := false
	for _, c := range certs {
		if r.matches(c) {
			roots.AddCert(c)
			found = true
		} else {
			others.AddCert(c)
		}
	}
	if r.Selector == 0 && r.Matching == 0 && !found {
		// The anchor need not be sent if the record has all of it.
		c, err := x509.ParseCertificate(r.Data)
		if err != nil {
			return ErrDANE
		}
		roots.AddCert(c)
		found = true
	}
	if !found {
		return ErrDANE
	}
	var err error
	for _, name := range names {
		if _, err = certs[0].Verify(x509.VerifyOptions{Roots: roots, Intermediates: others, DNSName: name}); err == nil {
			return nil
		}
	}
	return err
}

// lookupTLSA finds the TLSA records of a host, if there are any that can be
// trusted, and the name that they stand under. An error means that the host
// can't be used: that an attacker may be suppressing them (RFC 7672 §2.1).
func (d *Deliverer) lookupTLSA(ctx context.Context, x exchanger, loc location) (records []TLSA, base string, err error) {
	r, ok := d.resolver().(SecureResolver)
	if !ok || !x.secure || !loc.secure || x.addr.IsValid() {
		return nil, "", nil
	}
	// RFC 7672 §2.2.2: the name after CNAME expansion first, then the one
	// before.
	names := []string{loc.name}
	if loc.name != x.name {
		names = append(names, x.name)
	}
	prefix := "_" + strconv.Itoa(int(d.port())) + "._tcp."
	for _, name := range names {
		records, secure, err := r.LookupTLSA(ctx, prefix+name+".")
		switch {
		case isNotFound(err) || err == nil && len(records) == 0:
		case err != nil:
			return nil, "", fmt.Errorf("outbound: looking up the TLSA records of %s: %w", name, err)
		case secure:
			return records, name, nil
		}
	}
	return nil, "", nil
}
