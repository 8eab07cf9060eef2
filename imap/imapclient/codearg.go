package imapclient

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
)

// CodeArg returns the argument of the response code with which a server has refused a
// command, as a value of package imap: imap.MetadataCode, imap.Referral, imap.URLMechs,
// imap.AnnotateCode and others; the type depends on the code. It is nil if there is
// none, or it can't be read: see then imap.Error.CodeArgs.
func CodeArg(err error) any {
	var e *imap.Error
	if !errors.As(err, &e) || e.Code == "" {
		return nil
	}
	return grammar.CodeArg(e.Code, e.CodeArgs)
}

// Referral returns where a server wants the command to be sent instead: the IMAP URLs
// (RFC 5092) of the server to log in to (RFC 2221), or of the mailbox (RFC 2193 §4). ok
// is false if the error is none of these. See also Client.LoginReferral.
//
// Whether to follow is up to the program: the URL is what a server says, and the
// credentials are for that server (RFC 2221 §6).
func Referral(err error) (urls []string, ok bool) {
	if arg, ok := CodeArg(err).(imap.Referral); ok {
		return arg, true
	}
	var e *imap.Error
	if errors.As(err, &e) && e.Code == imap.CodeReferral && e.CodeArgs != "" {
		return strings.Fields(e.CodeArgs), true
	}
	return nil, false
}
