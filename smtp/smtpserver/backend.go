package smtpserver

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// A Backend decides what becomes of mail. Its methods are called from many
// goroutines at once.
type Backend interface {
	// NewSession is called when a client has connected, before it is greeted.
	// An error refuses the client: a *smtp.Error with code 421 closes the
	// connection, another is the greeting to a client that can only QUIT (RFC
	// 5321 §3.1, RFC 7504).
	//
	// ctx, here and in every method of the Session, ends when the connection
	// is lost or closed by the server.
	NewSession(ctx context.Context, c *Conn) (Session, error)
}

// A Session is a Backend's side of a connection. Its methods are called one at a
// time, and none while Data reads. An error refuses the command: a *smtp.Error is the
// reply (421 closes the connection too), any other error is logged and answered 451.
type Session interface {
	// Mail begins a transaction. The zero Address is the null reverse-path.
	// The options are valid until the transaction ends.
	Mail(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error

	// Rcpt adds a recipient. If it fails, the recipient is not one. The
	// address may be Postmaster without a domain. The options are valid during
	// the call.
	Rcpt(ctx context.Context, to smtp.Address, o *smtp.RcptOptions) error

	// Data takes the message. When it returns nil, the server has taken
	// responsibility for the message (RFC 5321 §4.2.5). Where recipients have
	// results of their own, it returns a RecipientErrors. r yields the message
	// without dot-stuffing, lines ended by CRLF, the last one too, and fails if
	// it breaks a rule or a limit: then the client is told so, even if Data
	// returns nil. The server reads what Data leaves unread. r is valid during
	// the call.
	//
	// Only where MAIL said BODY=BINARYMIME, for which a Backend must be an
	// Extender, may there be a bare CR or LF, or an end without CRLF, and
	// then only behind the empty line that ends the header. Such a message must
	// not be sent on with DATA (RFC 3030 §3).
	//
	// When a message comes in chunks (BDAT), reading r answers them.
	Data(ctx context.Context, r io.Reader) error

	// Reset ends a transaction: after Data, RSET or another command that starts
	// anew, and when the connection ends in the middle of one.
	Reset(ctx context.Context)

	// Close is called last, when the connection is gone or about to go.
	Close() error
}

// Optional interfaces of a Backend follow. To put something around a Backend or its
// Sessions, use Wrap: a type that embeds them hides their optional interfaces.

// An Extender is a Backend that honours extensions which it must know about to
// be offered: DSN, REQUIRETLS, MT-PRIORITY, DELIVERBY, FUTURERELEASE, RRVS,
// NO-SOLICITING, MTRK, CONPERM, CONNEG, BINARYMIME. The server offers all others
// by itself.
type Extender interface {
	Extensions() smtp.ExtensionSet
}

// An ExtensionParams is an Extender that has parameters for the EHLO keywords of
// extensions, such as "600 2030-01-01T00:00:00Z" for FUTURERELEASE (see
// [smtp.FutureRelease]), which the server keeps then. It is asked at any time.
type ExtensionParams interface {
	ExtensionParams(e smtp.Extension) string
}

// A URLFetcher is a Backend that fetches what BURL names (RFC 4468). The server
// offers BURL to clients that have authenticated.
//
// It is a Backend, and not a Session, since BURL and BDAT may be mixed in one
// message: FetchURL may be called, and what it returns be read and closed, while
// the Data of the connection's Session is waiting in a read.
type URLFetcher interface {
	FetchURL(ctx context.Context, c *Conn, url string) (io.ReadCloser, error)
}

// Optional interfaces of a Session follow.

// A HelloSession hears of the names that clients give in HELO, EHLO or LHLO, and
// may refuse them.
type HelloSession interface {
	Hello(ctx context.Context, name string) error
}

// An AuthSession hears of successful authentication, and may still refuse it. A
// permanent *smtp.Error counts as a failed attempt to log in, another error does
// not.
type AuthSession interface {
	Authenticated(ctx context.Context, identity string) error
}

// A Verifier answers VRFY (RFC 5321 §3.5). Without it the answer is 252.
type Verifier interface {
	// Verify returns what to say of a user or mailbox, such as
	// "Jim Smith <jim@example.org>". A *smtp.Error of code 252 or another 2yz
	// is sent as it is.
	//
	// utf8 says that the client allows UTF-8 in the reply (RFC 6531 §3.7.4.2).
	// Where it doesn't, a text that is not ASCII is not sent: the client is
	// told, by 252 or 550, that the reply would need UTF-8.
	Verify(ctx context.Context, name string, utf8 bool) (string, error)
}

// An Expander answers EXPN (RFC 5321 §3.5.1) with the members of a mailing list.
type Expander interface {
	// Expand returns the members, each as Verify would. Its errors and utf8 are
	// those of Verify.
	Expand(ctx context.Context, list string, utf8 bool) ([]string, error)
}

// A QueueStarter handles ETRN (RFC 1985): it starts the delivery of what waits
// for a host, or with "@" before the name, for the host and its subdomains.
type QueueStarter interface {
	StartQueue(ctx context.Context, host string) error
}

// A DataSession hears of DATA, or of the first BDAT, before the client may send
// the message, and may refuse it then.
type DataSession interface {
	BeginData(ctx context.Context) error
}
