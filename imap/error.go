package imap

import (
	"strings"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// Condition is the kind of a status response (RFC 9051 §7.1).
type Condition string

// The conditions. Only OK, NO and BAD complete a command.
const (
	OK      Condition = "OK"
	NO      Condition = "NO"      // the command was understood and failed
	BAD     Condition = "BAD"     // the command was not understood, or is not allowed in this state
	PREAUTH Condition = "PREAUTH" // greeting of a connection that needs no login
	BYE     Condition = "BYE"     // the server is about to close the connection
)

// An Error is a status response that refuses a command: the server's answer, and
// the error that the caller of a client gets.
type Error struct {
	Status   Condition // NO, BAD or BYE
	Code     Code      // empty if there was none
	CodeArgs string    // what followed the code's name, as on the wire
	Text     string    // for people; without CR, LF and NUL
}

// Error returns "imap: " and the response as on the wire, without its tag.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("imap: ")
	b.WriteString(string(e.Status))
	if e.Code != "" {
		b.WriteString(" [")
		b.WriteString(string(e.Code))
		if e.CodeArgs != "" {
			b.WriteByte(' ')
			b.WriteString(e.CodeArgs)
		}
		b.WriteByte(']')
	}
	if e.Text != "" {
		b.WriteByte(' ')
		b.WriteString(e.Text)
	}
	return b.String()
}

// Temporary reports whether the same command may succeed later without anyone
// intervening (RFC 5530 §3).
func (e *Error) Temporary() bool {
	switch e.Code {
	case CodeUnavailable, CodeInUse, CodeServerBug, CodeExpungeIssued:
		return true
	}
	return false
}

// Is reports whether e has the status, code and text of target, as far as target
// sets them, so that errors.Is(err, &imap.Error{Code: imap.CodeTryCreate}) works.
// It also reports whether e's code says the same as an error of package mailbox, so
// that errors.Is(err, mailbox.ErrNotExist) works for mailboxes of any server.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	if !ok {
		return target != nil && e.mailboxError() == target
	}
	return (t.Status != "" || t.Code != "") &&
		(t.Status == "" || t.Status == e.Status) &&
		(t.Code == "" || t.Code == e.Code) &&
		(t.Text == "" || t.Text == e.Text)
}

// mailboxError returns the error of package mailbox that the code stands for, or
// nil.
func (e *Error) mailboxError() error {
	switch e.Code {
	case CodeNonExistent, CodeTryCreate:
		return mailbox.ErrNotExist
	case CodeAlreadyExists:
		return mailbox.ErrExist
	case CodeOverQuota:
		return mailbox.ErrOverQuota
	case CodeTooBig:
		return mailbox.ErrTooLarge
	case CodeNoPerm:
		return mailbox.ErrPermission
	case CodeReadOnly:
		return mailbox.ErrReadOnly
	case CodeLimit:
		return mailbox.ErrLimit
	case CodeUnavailable, CodeInUse, CodeServerBug:
		return mailbox.ErrUnavailable
	case CodeCannot:
		return mailbox.ErrInvalidName
	}
	return nil
}
