package sasl

import (
	"crypto"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/tls"
	"crypto/x509"
)

// The types of channel bindings, by their registered names.
const (
	bindExporter  = "tls-exporter"         // RFC 9266
	bindUnique    = "tls-unique"           // RFC 5929 §3, TLS 1.2 and below
	bindServerEnd = "tls-server-end-point" // RFC 5929 §4
)

// A Binding binds an exchange to the TLS connection that it runs over, so that
// an attacker in the middle, with a TLS connection to either side, cannot relay
// it.
type Binding struct {
	Type string // "tls-exporter", "tls-unique" or "tls-server-end-point"
	Data []byte
}

// Bindings returns the bindings that a client can use on a connection, in order
// of preference: the default of the TLS version (RFC 9266 §3, RFC 5802 §6.1),
// then those that also work through a proxy that terminates TLS with the
// server's certificate.
func Bindings(c Conn) []Binding {
	if c.NoChannelBinding {
		return nil
	}
	var cert []byte
	if c.TLS != nil && len(c.TLS.PeerCertificates) > 0 {
		cert = c.TLS.PeerCertificates[0].Raw
	}
	order := []string{bindExporter, bindServerEnd}
	if c.TLS != nil && c.TLS.Version < tls.VersionTLS13 {
		order = []string{bindUnique, bindExporter, bindServerEnd}
	}
	var list []Binding
	for _, typ := range order {
		if data := bindingData(c.TLS, cert, typ); data != nil {
			list = append(list, Binding{typ, data})
		}
	}
	return list
}

// serverBinding returns the data that the client must have used, or nil if the
// type is unknown or not available.
func serverBinding(c Conn, typ string) []byte {
	return bindingData(c.TLS, c.ServerCertificate, typ)
}

// servesBindings reports whether the server has the binding that RFC 9266 and
// RFC 5802 §6.1 make the default.
func servesBindings(c Conn) bool {
	if c.NoChannelBinding {
		return false
	}
	if c.TLS == nil || c.TLS.Version >= tls.VersionTLS13 {
		return c.TLS != nil && c.TLS.HandshakeComplete
	}
	return serverBinding(c, bindUnique) != nil
}

func bindingData(state *tls.ConnectionState, cert []byte, typ string) []byte {
	if state == nil || !state.HandshakeComplete || state.Version == 0 {
		return nil
	}
	switch typ {
	case bindExporter:
		// In TLS 1.2 this fails without the extended master secret, as RFC 9266
		// §4.2 requires. The context is empty, not absent.
		data, err := state.ExportKeyingMaterial("EXPORTER-Channel-Binding", []byte{}, 32)
		if err != nil {
			return nil
		}
		return data
	case bindUnique:
		if state.Version >= tls.VersionTLS13 {
			return nil
		}
		return state.TLSUnique
	case bindServerEnd:
		return endPointHash(cert)
	}
	return nil
}

// endPointHash hashes a certificate with the hash of its own signature, or
// SHA-256 in place of MD5 and SHA-1 (RFC 5929 §4.1). It returns nil if the
// signature has no hash of its own (Ed25519).
func endPointHash(der []byte) []byte {
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil
	}
	var h crypto.Hash
	switch cert.SignatureAlgorithm {
	case x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1,
		x509.SHA256WithRSA, x509.DSAWithSHA256, x509.ECDSAWithSHA256, x509.SHA256WithRSAPSS:
		h = crypto.SHA256
	case x509.SHA384WithRSA, x509.ECDSAWithSHA384, x509.SHA384WithRSAPSS:
		h = crypto.SHA384
	case x509.SHA512WithRSA, x509.ECDSAWithSHA512, x509.SHA512WithRSAPSS:
		h = crypto.SHA512
	default:
		return nil
	}
	d := h.New()
	d.Write(der)
	return d.Sum(nil)
}

// CertificateOf returns the certificate, in DER, that a server with this
// configuration presents, for Conn.ServerCertificate. It returns nil if that
// depends on the client or if there is none.
func CertificateOf(cfg *tls.Config) []byte {
	if cfg == nil || cfg.GetCertificate != nil || cfg.GetConfigForClient != nil ||
		len(cfg.Certificates) != 1 || len(cfg.Certificates[0].Certificate) == 0 {
		return nil
	}
	return cfg.Certificates[0].Certificate[0]
}
