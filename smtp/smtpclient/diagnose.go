package smtpclient

import (
	"crypto/x509"
	"errors"
	"io"
	"net"

	"github.com/posthorn-mail/posthorn/smtp"
)

// Temporary reports whether what failed with an error, by a [Client] or an
// outbound.Deliverer, may succeed later: false for refusals with a code of 5yz and for
// messages that a server can't take.
func Temporary(err error) bool {
	if err == nil {
		return false
	}
	e := Diagnose(err)
	return e.Code/100 == 4
}

// Diagnose puts any error of a [Client] or an outbound.Deliverer as a reply, for
// queues and notifications: what a server said as it is, and of all else what comes
// nearest in RFC 5248, such as 451 4.4.1 for a host that doesn't answer.
func Diagnose(err error) *smtp.Error {
	if err == nil {
		return nil
	}
	var refused *smtp.Error
	var unsupported *smtp.UnsupportedError
	var dns *net.DNSError
	var cert x509.CertificateInvalidError
	var host x509.HostnameError
	var authority x509.UnknownAuthorityError
	var op *net.OpError
	code := func(code int, class, subject, detail uint16) *smtp.Error {
		return &smtp.Error{Code: code, Enhanced: smtp.EnhancedCode{class, subject, detail}, Text: err.Error()}
	}
	switch {
	case errors.As(err, &refused):
		e := *refused
		if e.Code < 400 || e.Code > 599 {
			e.Code = 451
		}
		return &e
	case errors.As(err, &unsupported):
		switch unsupported.Extension {
		case smtp.ExtSMTPUTF8:
			return code(553, 5, 6, 7)
		case smtp.Ext8BitMIME, smtp.ExtBinaryMIME, smtp.ExtChunking:
			return code(554, 5, 6, 3)
		case smtp.ExtRequireTLS:
			return code(550, 5, 7, 30)
		}
		return code(550, 5, 3, 3)
	case errors.Is(err, ErrHold):
		return code(501, 5, 5, 4)
	case errors.Is(err, ErrTooLarge):
		return code(552, 5, 3, 4)
	case errors.Is(err, smtp.ErrNeedsUTF8), errors.Is(err, errLateUTF8):
		return code(553, 5, 6, 7)
	case errors.Is(err, smtp.ErrBadLocal), errors.Is(err, smtp.ErrBadDomain), errors.Is(err, smtp.ErrNoDomain), errors.Is(err, smtp.ErrTooLong):
		return code(553, 5, 1, 3)
	case errors.As(err, &cert), errors.As(err, &host), errors.As(err, &authority):
		return code(451, 4, 7, 5)
	case errors.As(err, &dns):
		return code(451, 4, 4, 3)
	case errors.As(err, &op) && op.Op == "dial":
		return code(451, 4, 4, 1)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, ErrClosed), errors.As(err, &op):
		return code(451, 4, 4, 2)
	case errors.Is(err, smtp.ErrBadReply):
		return code(451, 4, 5, 0)
	}
	return code(451, 4, 4, 0)
}
