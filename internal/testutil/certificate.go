package testutil

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TLS returns the configuration of a server with a self-signed certificate for
// the names, which may be IP addresses, and that of a client which trusts it and
// expects the first name. Without names it is for localhost and 127.0.0.1.
func TLS(t testing.TB, names ...string) (server, client *tls.Config) {
	t.Helper()
	if len(names) == 0 {
		names = []string{"localhost", "127.0.0.1"}
	}
	a := newAuthority(t, names)
	cert := tls.Certificate{Certificate: [][]byte{a.Cert.Raw}, PrivateKey: a.key}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, &tls.Config{RootCAs: a.Roots, ServerName: names[0]}
}

// An Authority issues certificates.
type Authority struct {
	Cert  *x509.Certificate
	Roots *x509.CertPool // holds Cert

	key *ecdsa.PrivateKey
}

// NewAuthority makes a certificate authority.
func NewAuthority(t testing.TB) *Authority { return newAuthority(t, nil) }

func newAuthority(t testing.TB, names []string) *Authority {
	t.Helper()
	a := &Authority{Roots: x509.NewCertPool()}
	a.Cert, a.key = issue(t, nil, names)
	a.Roots.AddCert(a.Cert)
	return a
}

// TLS returns the configuration of a server with a certificate for the names.
func (a *Authority) TLS(t testing.TB, names ...string) *tls.Config {
	t.Helper()
	cert, key := issue(t, a, names)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{cert.Raw, a.Cert.Raw}, PrivateKey: key}}}
}

// issue makes a certificate, one that is signed by itself without a parent. It
// is valid in the fake time of testing/synctest, too.
func issue(t testing.TB, parent *Authority, names []string) (*x509.Certificate, *ecdsa.PrivateKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	serial, err := rand.Int(rand.Reader, big.NewInt(1<<62))
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: serial, Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
		BasicConstraintsValid: true,
	}
	if len(names) > 0 {
		template.Subject.CommonName = names[0]
	}
	for _, name := range names {
		if ip := net.ParseIP(name); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, name)
		}
	}
	if parent == nil {
		template.IsCA = true
		template.KeyUsage |= x509.KeyUsageCertSign
		parent = &Authority{Cert: template, key: key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent.Cert, &key.PublicKey, parent.key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return cert, key
}
