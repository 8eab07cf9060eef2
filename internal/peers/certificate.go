package peers

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// A Certificate is a self-signed certificate for localhost, 127.0.0.1 and
// mx.example.org.
type Certificate struct {
	CertFile, KeyFile string      // as PEM, readable by every user
	Server, Client    *tls.Config // the Client trusts the Server
}

// NewCertificate makes a certificate that is valid for the duration of the
// test.
func NewCertificate(t testing.TB) *Certificate {
	t.Helper()
	server, client := testutil.TLS(t, "localhost", "mx.example.org", "127.0.0.1")
	cert := server.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(cert.PrivateKey)
	require.NoError(t, err)
	dir := Dir(t, "")
	return &Certificate{
		CertFile: Write(t, filepath.Join(dir, "cert.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: cert.Certificate[0]}))),
		KeyFile:  Write(t, filepath.Join(dir, "key.pem"), string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: key}))),
		Server:   server,
		Client:   client,
	}
}
