package imapserver

import (
	"context"
	"errors"
	"log/slog"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/grammar"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// begin starts a response in the connection's buffer; end puts it there. All
// output of a session uses them, except the literals of messages.
func (c *Conn) begin() *wire.Encoder {
	c.enc.B = c.tp.AvailableBuffer()
	c.enc.Err = nil
	return &c.enc
}

// end writes the response. A value that can't be written is a fault of this
// server, and nothing of the response is sent.
func (c *Conn) end() error {
	if c.enc.Err != nil {
		return c.enc.Err
	}
	_, err := c.tp.Write(c.enc.B)
	c.enc.B = nil // it may be long, and is not to be held until the next response
	return link(err)
}

// respond writes an untagged response.
func (c *Conn) respond(r grammar.Response) error {
	grammar.WriteResponse(c.begin(), r)
	return link(c.end())
}

// status writes a status response.
func (c *Conn) status(line grammar.StatusLine) {
	if err := c.respond(&line); err != nil {
		c.log().Debug("imap: cannot write status", "error", err)
	}
}

func (c *Conn) log() *slog.Logger {
	l := c.srv.Logger
	if l == nil {
		l = slog.Default()
	}
	return l.With("conn", c.tp.ID(), "remote", c.tp.RemoteAddr(), "user", c.identity)
}

// Refusals that several commands share.
func no(code imap.Code, text string) *imap.Error {
	return &imap.Error{Status: imap.NO, Code: code, Text: text}
}

func bad(text string) *imap.Error { return &imap.Error{Status: imap.BAD, Text: text} }

// errNoMemory refuses a command for which there is no memory.
func errNoMemory() *imap.Error {
	return no(imap.CodeLimit, "no memory for this now; try again later or ask for less")
}

func wrongState(have, want state) *imap.Error {
	switch {
	case want == notAuthenticated:
		return bad("already logged in")
	case have == notAuthenticated:
		return bad("log in first")
	default:
		return bad("no mailbox is selected")
	}
}

// refusal returns the answer for an error of the handler of a command, or nil if the
// error ends the session. What is not the client's doing is logged: the answer does not
// have the cause.
func (c *Conn) refusal(command string, err error) *imap.Error {
	var e *imap.Error
	switch {
	case errors.As(err, &e):
		return e
	case isLinkError(c.ctx, err):
		return nil
	case errors.Is(err, mailbox.ErrNotExist):
		return no(imap.CodeNonExistent, "no such mailbox")
	case errors.Is(err, mailbox.ErrExist):
		return no(imap.CodeAlreadyExists, "mailbox exists already")
	case errors.Is(err, mailbox.ErrInvalidName):
		return no(imap.CodeCannot, reason(err, mailbox.ErrInvalidName))
	case errors.Is(err, mailbox.ErrOverQuota):
		return no(imap.CodeOverQuota, "quota would be exceeded")
	case errors.Is(err, mailbox.ErrTooLarge):
		return no(imap.CodeTooBig, "message is too large")
	case errors.Is(err, mailbox.ErrLimit):
		return no(imap.CodeLimit, reason(err, mailbox.ErrLimit))
	case errors.Is(err, textproto.ErrTooMuchMemory):
		return errNoMemory()
	case errors.Is(err, textproto.ErrTooMuchWork):
		return no(imap.CodeLimit, "command costs too much; ask for less at a time")
	case errors.Is(err, mailbox.ErrReadOnly):
		return no(imap.CodeNoPerm, "mailbox is read-only")
	case errors.Is(err, mailbox.ErrPermission):
		return no(imap.CodeNoPerm, "permission denied")
	case errors.Is(err, mailbox.ErrUnavailable), errors.Is(err, mailbox.ErrClosed), errors.Is(err, context.DeadlineExceeded):
		c.log().Error("imap: store is unavailable", "command", command, "error", err)
		return no(imap.CodeUnavailable, "temporarily unavailable")
	}
	c.log().Error("imap: command failed", "command", command, "error", err)
	return no(imap.CodeServerBug, "internal error")
}

// workStep is how many units of work are counted together.
const workStep = 256

// work counts n units of work of the command in progress; see textproto.Conn.Work,
// whose errors it returns.
func (c *Conn) work(n int) error {
	if c.units += n; c.units < workStep {
		return nil
	}
	n, c.units = c.units, 0
	return c.tp.Work(c.ctx, n)
}

// changeCost is the units of work of storing the change of a message. A store makes
// large changes in slices of its own, so they are counted when they are made: no
// command has a turn meanwhile, and one that has changed much waits for its turn
// before it is answered.
const changeCost = 8

// workOn is work that is not refused: the client can't be told so, or the command
// has its answer already.
func (c *Conn) workOn(n int) error {
	if err := c.work(n); !errors.Is(err, textproto.ErrTooMuchWork) {
		return err
	}
	return nil
}

// isLinkError reports whether the error is one of the connection, not of the
// store.
func isLinkError(ctx context.Context, err error) bool {
	var l linkError
	return err != nil && (errors.As(err, &l) || ctx.Err() != nil)
}

// A linkError is a failed read from the client or write to it.
type linkError struct{ err error }

func (e linkError) Error() string { return e.err.Error() }
func (e linkError) Unwrap() error { return e.err }

// link marks err, unless nil, as one of the connection.
func link(err error) error {
	if err == nil {
		return nil
	}
	var e *imap.Error
	if errors.As(err, &e) {
		return err
	}
	return linkError{err}
}

// reason returns what an error of the store says beside its sentinel: the
// texts of package mailbox, which are human-readable.
func reason(err, sentinel error) string {
	full, short := err.Error(), sentinel.Error()
	const prefix = "mailbox: "
	if len(full) > len(prefix) && full[:len(prefix)] == prefix {
		return full[len(prefix):]
	}
	return short[len(prefix):]
}

// authRefusal returns the answer for an error of package sasl.
func (c *Conn) authRefusal(err error) *imap.Error {
	var e *imap.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, sasl.ErrCancelled):
		return bad("authentication cancelled") // RFC 9051 §6.2.2
	case errors.Is(err, sasl.ErrMalformed):
		return bad("malformed authentication exchange")
	case errors.Is(err, sasl.ErrUnsupported):
		return no("", "unsupported authentication mechanism")
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		return no(imap.CodePrivacyRequired, "needs TLS")
	case errors.Is(err, sasl.ErrExpired):
		return no(imap.CodeExpired, "credentials have expired")
	case errors.Is(err, sasl.ErrAuthzDenied):
		return no(imap.CodeAuthorizationFailed, "not authorized to act as that user")
	case errors.Is(err, sasl.ErrAuthFailed):
		return no(imap.CodeAuthenticationFailed, "wrong user name or password")
	case errors.Is(err, sasl.ErrBusy): // RFC 5530 §3
		return no(imap.CodeUnavailable, "too many are logging in, try again later")
	}
	c.log().Error("imap: authentication unavailable", "error", err)
	return no(imap.CodeUnavailable, "authentication is temporarily unavailable")
}

// refusalLine returns the line for a connection that is not served.
func refusalLine(why error) string {
	switch {
	case errors.Is(why, textproto.ErrTooManyConns):
		return "* BYE [LIMIT] too many connections\r\n"
	case errors.Is(why, textproto.ErrTooMany):
		return "* BYE [LIMIT] too many failures from this network, try again later\r\n"
	case errors.Is(why, textproto.ErrPanic):
		return "* BYE [SERVERBUG] internal error\r\n"
	case errors.Is(why, textproto.ErrServerClosed):
		return "* BYE [UNAVAILABLE] server is shutting down\r\n"
	}
	return "* BYE [UNAVAILABLE] no service for this client, try again later\r\n"
}
