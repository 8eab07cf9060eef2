package imapclient

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
)

// A Reason is a kind of failure, by what a program can do about it.
type Reason uint8

// The reasons.
const (
	// ReasonUnknown: nothing is known, or there is no error. The text of the error is
	// for people.
	ReasonUnknown Reason = iota

	// ReasonCredentials: the name or the password is wrong, or the account needs a
	// password made for programs. Another attempt with the same is of no use, and
	// many may lock the account.
	ReasonCredentials

	// ReasonToken: the token has expired, or lacks the scope, or does not open this
	// mailbox. A new token may help, or the user's consent.
	ReasonToken

	// ReasonAccess: the account exists, but is not open to IMAP, to this program, or to
	// this address: the user or an administrator must allow it.
	ReasonAccess

	// ReasonConnections: there are too many connections for the account or the
	// address. Fewer of them, after a while.
	ReasonConnections

	// ReasonThrottled: the account has done too much in a short time. RetryAfter tells
	// for how long to wait, if the server has said so.
	ReasonThrottled

	// ReasonOverQuota: there is no room for the message.
	ReasonOverQuota

	// ReasonUnavailable: the server can't do it now; the same may work later.
	ReasonUnavailable

	// ReasonBusy: the mailbox is in use by another session: later.
	ReasonBusy

	// ReasonGone: the mailbox or the message does not exist (any more).
	ReasonGone

	// ReasonPermission: the user may not do this.
	ReasonPermission

	// ReasonInsecure: there is no TLS, which the server or the client wants, or the
	// server has not proved who it is.
	ReasonInsecure

	// ReasonUnsupported: the server can't do this, or not with these arguments.
	ReasonUnsupported

	// ReasonConnection: the connection could not be made, or was lost. A new one may
	// work.
	ReasonConnection

	// ReasonInterrupted: the caller's context has ended.
	ReasonInterrupted
)

var reasonNames = [...]string{
	"unknown", "credentials refused", "token refused", "access not allowed", "too many connections", "throttled", "over quota",
	"unavailable", "busy", "gone", "permission denied", "encryption needed", "unsupported", "connection lost", "interrupted",
}

// String returns the reason in a few words.
func (r Reason) String() string {
	if int(r) < len(reasonNames) {
		return reasonNames[r]
	}
	return "unknown"
}

// Temporary reports whether the same may work later, without anybody doing something
// about it.
func (r Reason) Temporary() bool {
	switch r {
	case ReasonConnections, ReasonThrottled, ReasonUnavailable, ReasonBusy, ReasonConnection:
		return true
	}
	return false
}

// Diagnose tells why a call, or Dial, has failed: by the response code (RFC 5530), and
// where there is none, or one that providers use for something else, by what servers are
// known to say in prose. A text that is not known makes no difference.
func Diagnose(err error) Reason {
	var (
		e           *imap.Error
		token       *sasl.OAuthError
		interrupted *InterruptedError
		unsupported *UnsupportedError
		certificate *tls.CertificateVerificationError
		network     net.Error
	)
	switch {
	case err == nil:
		return ReasonUnknown
	case errors.As(err, &token):
		return ReasonToken
	case errors.As(err, &e):
		return diagnose(e, err)
	case errors.As(err, &interrupted), errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return ReasonInterrupted
	case errors.As(err, &certificate), errors.Is(err, sasl.ErrServerUnproven), errors.Is(err, sasl.ErrEncryptionNeeded),
		errors.Is(err, ErrNoStartTLS), errors.Is(err, ErrPreAuth):
		return ReasonInsecure
	case errors.As(err, &unsupported), errors.Is(err, sasl.ErrUnsupported):
		return ReasonUnsupported
	case errors.Is(err, ErrClosed), errors.As(err, &network), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return ReasonConnection
	case errors.Is(err, mailbox.ErrNotExist), errors.Is(err, ErrNotSelected), errors.Is(err, ErrUIDValidity):
		return ReasonGone
	case errors.Is(err, mailbox.ErrTooLarge):
		return ReasonUnsupported
	}
	return ReasonUnknown
}

// diagnose is Diagnose for what a server has said.
func diagnose(e *imap.Error, err error) Reason {
	text := strings.ToLower(e.Text)
	if r := find(saidWithCode, text); r != ReasonUnknown {
		return r
	}
	if e.Code == imap.CodeLimit && isLogin(err) {
		return ReasonConnections
	}
	if r, ok := codeReasons[e.Code]; ok {
		return r
	}
	if r := find(saidWithoutCode, text); r != ReasonUnknown {
		return r
	}
	switch {
	case errors.Is(err, sasl.ErrAuthFailed):
		return ReasonCredentials
	case errors.Is(err, sasl.ErrUnsupported):
		return ReasonUnsupported
	case errors.Is(err, mailbox.ErrNotExist):
		return ReasonGone
	case e.Status == imap.BYE:
		return ReasonConnection
	case e.Status == imap.BAD:
		return ReasonUnsupported
	}
	return ReasonUnknown
}

// isLogin reports whether an error is one of a login.
func isLogin(err error) bool {
	var c *CommandError
	return errors.As(err, &c) && (c.Command == "LOGIN" || c.Command == "AUTHENTICATE")
}

// codeReasons are the response codes that say enough.
var codeReasons = map[imap.Code]Reason{
	imap.CodeAuthenticationFailed: ReasonCredentials,
	imap.CodeExpired:              ReasonCredentials,
	imap.CodeAuthorizationFailed:  ReasonPermission,
	imap.CodeNoPerm:               ReasonPermission,
	imap.CodeReadOnly:             ReasonPermission,
	imap.CodePrivacyRequired:      ReasonInsecure,
	imap.CodeContactAdmin:         ReasonAccess,
	"WEBALERT":                    ReasonAccess, // Gmail's: log in with a browser
	imap.CodeUnavailable:          ReasonUnavailable,
	imap.CodeServerBug:            ReasonUnavailable, // Yahoo's answer to some searches, which later succeed
	imap.CodeInUse:                ReasonBusy,
	imap.CodeOverQuota:            ReasonOverQuota,
	"THROTTLED":                   ReasonThrottled,
	imap.CodeNonExistent:          ReasonGone,
	imap.CodeTryCreate:            ReasonGone,
	imap.CodeExpungeIssued:        ReasonGone,
	imap.CodeClientBug:            ReasonUnsupported,
	imap.CodeCannot:               ReasonUnsupported,
	imap.CodeLimit:                ReasonUnsupported, // of flags and the like (RFC 5530 §3)
	imap.CodeTooBig:               ReasonUnsupported,
	imap.CodeUseAttr:              ReasonUnsupported,
	imap.CodeUnknownCTE:           ReasonUnsupported,
}

// A saying is a part of what servers say, in lower case.
type saying struct {
	words  string
	reason Reason
}

// saidWithCode are texts that say more than the code they come with.
var saidWithCode = []saying{
	{"too many simultaneous connections", ReasonConnections}, // Gmail, with ALERT
	{"maximum number of connections", ReasonConnections},     // Dovecot, with UNAVAILABLE, LIMIT or ALERT
	{"too many connections", ReasonConnections},
	{"too many active connections", ReasonConnections},
	{"connection limit", ReasonConnections}, // Courier
	{"bandwidth limits", ReasonThrottled},   // Gmail, with OVERQUOTA
	{"request is throttled", ReasonThrottled},
	{"throttled", ReasonThrottled},
	{"rate limit", ReasonThrottled}, // Yahoo, with LIMIT
	{"too many requests", ReasonThrottled},
	{"authenticated but not connected", ReasonToken}, // Office 365, after OK to the login
}

// saidWithoutCode are texts that come without a code, or with ALERT.
var saidWithoutCode = []saying{
	{"unsafe login", ReasonAccess},         // 163, 126, yeah.net: ID was not sent
	{"enable imap", ReasonAccess},          // poczta.fm, Zoho
	{"not enabled for imap", ReasonAccess}, // Gmail
	{"imap is disabled", ReasonAccess},
	{"imap access is disabled", ReasonAccess},
	{"web browser", ReasonAccess},                        // Gmail: Please log in via your web browser
	{"intrusion prevention", ReasonAccess},               // IceWarp's greeting
	{"application-specific password", ReasonCredentials}, // Gmail
	{"application password", ReasonCredentials},          // mail.ru
	{"app password", ReasonCredentials},
	{"authorization code", ReasonCredentials}, // QQ, 163
	{"invalid credentials", ReasonCredentials},
	{"authentication failed", ReasonCredentials},
	{"password error", ReasonCredentials},        // 163: Login error or password error
	{"password is incorrect", ReasonCredentials}, // QQ
	{"incorrect password", ReasonCredentials},
	{"authenticate failed", ReasonCredentials}, // Outlook
	{"login failed", ReasonCredentials},
	{"server unavailable", ReasonUnavailable}, // Exchange: Server Unavailable. 15
	{"service unavailable", ReasonUnavailable},
	{"try again later", ReasonUnavailable},
	{"temporar", ReasonUnavailable},
	{"system error", ReasonUnavailable}, // Gmail
	{"server is busy", ReasonUnavailable},
	{"system busy", ReasonUnavailable},
	{"internal error", ReasonUnavailable},
	{"shutting down", ReasonUnavailable},
	{"over quota", ReasonOverQuota},
	{"quota exceeded", ReasonOverQuota},
	{"mailbox is full", ReasonOverQuota},
	{"mailbox is locked", ReasonBusy},
}

func find(list []saying, text string) Reason {
	for _, s := range list {
		if strings.Contains(text, s.words) {
			return s.reason
		}
	}
	return ReasonUnknown
}

// suggested is how Office 365 says for how long to wait.
var suggested = regexp.MustCompile(`(?i)suggested backoff time: (\d{1,12}) milliseconds`)

// RetryAfter returns for how long a server wants to be left alone, zero if it has not
// said so.
func RetryAfter(err error) time.Duration {
	var e *imap.Error
	if !errors.As(err, &e) {
		return 0
	}
	m := suggested.FindStringSubmatch(e.Text)
	if m == nil {
		return 0
	}
	n, err := strconv.ParseInt(m[1], 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(n) * time.Millisecond
}
