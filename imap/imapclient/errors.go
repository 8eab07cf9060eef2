package imapclient

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// Errors besides those of the server ([*imap.Error]) and the network.
var (
	// ErrClosed: the connection is closed. It is wrapped with the reason.
	ErrClosed = errors.New("imapclient: connection is closed")

	// ErrNotSent: the connection was closed before the command was sent. It comes
	// with ErrClosed.
	ErrNotSent = errors.New("imapclient: command was not sent")

	// ErrNotSelected: the mailbox of the handle is no longer selected on the
	// connection. Nothing was sent.
	ErrNotSelected = errors.New("imapclient: mailbox is no longer selected")

	// ErrUIDValidity: the UIDs were those of another UIDVALIDITY.
	ErrUIDValidity = errors.New("imapclient: UIDVALIDITY has changed")

	// ErrWatching: another Watch is active on the connection.
	ErrWatching = errors.New("imapclient: another Watch is active")

	// ErrNoStartTLS: the server does not offer STARTTLS.
	ErrNoStartTLS = errors.New("imapclient: server does not offer STARTTLS")

	// ErrPreAuth: the server greets with PREAUTH, after which STARTTLS is not
	// possible (RFC 9051 §11.1).
	ErrPreAuth = errors.New("imapclient: server is logged in before STARTTLS")

	// ErrItemMissing: the server left out an item that was asked for.
	ErrItemMissing = errors.New("imapclient: server left out an item")

	// ErrStalled: another call is storing a message on the connection, and the
	// body of that message has not come for Timeouts.Write. It may be waiting
	// for the call that returns this error.
	ErrStalled = errors.New("imapclient: connection waits for the body of a message to be stored")

	// ErrBodyExpired: the body was read after its lifetime.
	ErrBodyExpired = errors.New("imapclient: body is read after the loop's step")

	// ErrBodyDropped: the octets of the body were given up.
	ErrBodyDropped = errors.New("imapclient: body was dropped")
)

// An InterruptedError says that a call ended because its context did. It wraps
// the context's error.
type InterruptedError struct {
	Command string
	Sent    bool // the command, or a part of it, was sent: it may have been done
	Err     error
}

func (e *InterruptedError) Error() string {
	if e.Sent {
		return fmt.Sprintf("imapclient: %s interrupted, it may have been done: %v", e.Command, e.Err)
	}
	return fmt.Sprintf("imapclient: %s interrupted before it was sent: %v", e.Command, e.Err)
}

// Unwrap returns Err.
func (e *InterruptedError) Unwrap() error { return e.Err }

// A CommandError is what a call returns when a command has failed: which, on
// which mailbox, and the reason, which it wraps.
type CommandError struct {
	Command string // such as "UID FETCH"
	Mailbox string // may be empty
	Err     error  // an *imap.Error, if the server refused
}

func (e *CommandError) Error() string {
	if e.Mailbox != "" {
		return fmt.Sprintf("imapclient: %s (%q): %v", e.Command, e.Mailbox, e.Err)
	}
	return fmt.Sprintf("imapclient: %s: %v", e.Command, e.Err)
}

// Unwrap returns Err.
func (e *CommandError) Unwrap() error { return e.Err }

// Is reports whether a refusal without a response code means target, by what
// servers say in prose.
func (e *CommandError) Is(target error) bool {
	r, ok := e.Err.(*imap.Error)
	if !ok || r.Status != imap.NO || r.Code != "" {
		return false
	}
	var words []string
	switch target {
	case mailbox.ErrNotExist:
		words = []string{"does not exist", "doesn't exist", "no such mailbox", "nonexistent", "non-existent", "unknown mailbox", "not found", "no such folder", "unknown folder"}
	case mailbox.ErrExist:
		words = []string{"already exists", "mailbox exists", "folder exists"}
	}
	text := strings.ToLower(r.Text)
	return slices.ContainsFunc(words, func(w string) bool { return strings.Contains(text, w) })
}

// An UnsupportedError says that the server lacks what a call needs. Nothing was
// sent.
type UnsupportedError struct {
	Cap  imap.Cap // may be empty
	What string
}

func (e *UnsupportedError) Error() string {
	if e.Cap == "" {
		return "imapclient: not supported: " + e.What
	}
	return fmt.Sprintf("imapclient: server lacks %s: %s", e.Cap, e.What)
}

// A StepError says that a command that the Client does by several others, since the
// server lacks it, has failed half way.
type StepError struct {
	Command string // that the server lacks: "MOVE", "REPLACE", "UID EXPUNGE"
	Step    string // the command that failed
	State   string // what was done before, in words
	Err     error
}

func (e *StepError) Error() string {
	return fmt.Sprintf("imapclient: %s without the server's help: %s: %s failed: %v", e.Command, e.State, e.Step, e.Err)
}

// Unwrap returns Err.
func (e *StepError) Unwrap() error { return e.Err }

// An ItemError says that an item of one message could not be understood. Other
// messages are not affected.
type ItemError struct {
	UID  mailbox.UID // zero if it is not known
	Item string      // its name as on the wire; empty if the whole response is unreadable
	Raw  []byte      // the item as sent, at most 64 KiB of it
	Err  error
}

func (e *ItemError) Error() string {
	item := e.Item
	if item == "" {
		item = "FETCH response"
	}
	return fmt.Sprintf("imapclient: message %d: %s: %v", e.UID, item, e.Err)
}

// Unwrap returns Err.
func (e *ItemError) Unwrap() error { return e.Err }

// A ResponseError says that the answer to a command could not be understood. The
// connection can be used further.
type ResponseError struct {
	Raw []byte // as sent, at most 64 KiB of it
	Err error
}

func (e *ResponseError) Error() string { return "imapclient: unreadable response: " + e.Err.Error() }

// Unwrap returns Err.
func (e *ResponseError) Unwrap() error { return e.Err }

// A ProtocolError says that the server did what leaves the connection unusable.
type ProtocolError struct {
	What string
	Near []byte // what the server sent, at most 64 octets
}

func (e *ProtocolError) Error() string {
	if len(e.Near) == 0 {
		return "imapclient: protocol error: " + e.What
	}
	return fmt.Sprintf("imapclient: protocol error: %s: %q", e.What, e.Near)
}

// A LimitError says that an answer exceeded one of Limits.
type LimitError struct {
	What  string
	Limit int64
}

func (e *LimitError) Error() string {
	return fmt.Sprintf("imapclient: %s: limit is %d", e.What, e.Limit)
}

// closedError is ErrClosed with the reason.
type closedError struct{ reason error }

func (e *closedError) Error() string {
	if e.reason == nil {
		return ErrClosed.Error()
	}
	return ErrClosed.Error() + ": " + e.reason.Error()
}

func (e *closedError) Unwrap() []error {
	if e.reason == nil {
		return []error{ErrClosed}
	}
	return []error{ErrClosed, e.reason}
}

// unsentError is why the connection was closed, before a command was sent.
type unsentError struct{ error }

func (e unsentError) Is(target error) bool { return target == ErrNotSent }

// Unwrap returns the reason.
func (e unsentError) Unwrap() error { return e.error }
