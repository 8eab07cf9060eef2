package outbound

import (
	"crypto/x509"
	"errors"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// A TLSResult is what a session means for a report on TLS; the values are those
// of RFC 8460 §4.3.
type TLSResult string

// The results of sessions.
const (
	TLSUnknown           TLSResult = ""        // the session ended before TLS
	TLSSuccess           TLSResult = "success" // not a value of RFC 8460
	TLSNotSupported      TLSResult = "starttls-not-supported"
	TLSHostMismatch      TLSResult = "certificate-host-mismatch"
	TLSExpired           TLSResult = "certificate-expired"
	TLSNotTrusted        TLSResult = "certificate-not-trusted"
	TLSValidationFailure TLSResult = "validation-failure"
	TLSARecordInvalid    TLSResult = "tlsa-invalid"
	TLSSTSFetchError     TLSResult = "sts-policy-fetch-error"
	TLSSTSInvalid        TLSResult = "sts-policy-invalid"
)

// TLSResult sums up what became of TLS, by the policy that held: without one,
// any TLS is a success.
func (a *Attempt) TLSResult() TLSResult {
	var fetch *stsFetchError
	var expired x509.CertificateInvalidError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	switch err := a.TLSErr; {
	case errors.As(a.PolicyErr, &fetch):
		return TLSSTSFetchError
	case errors.Is(a.PolicyErr, ErrSTSPolicy):
		return TLSSTSInvalid
	case a.Policy == PolicyTLSA && !(&demands{tlsa: a.TLSA}).hasUsable():
		return TLSARecordInvalid
	case a.Security >= Encrypted && a.Policy == PolicyNone,
		a.Security == VerifiedPKIX && !errors.Is(err, ErrSTSHost), a.Security == VerifiedDANE:
		return TLSSuccess
	case err == nil:
		return TLSUnknown
	case errors.Is(err, smtpclient.ErrNoStartTLS):
		return TLSNotSupported
	case a.Policy == PolicyTLSA, errors.Is(err, ErrSTSHost):
		return TLSValidationFailure
	case errors.As(err, &host):
		return TLSHostMismatch
	case errors.As(err, &expired) && expired.Reason == x509.Expired:
		return TLSExpired
	case errors.As(err, &authority):
		return TLSNotTrusted
	}
	return TLSValidationFailure
}
