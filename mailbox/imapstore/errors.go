package imapstore

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
	"github.com/posthorn-mail/posthorn/mailbox"
)

// errOther says that another mailbox has the name.
var errOther = errors.New("imapstore: another mailbox has the name")

// wrap says what was being done, and turns errors of the connection into those of
// package mailbox. Refusals of the server are such errors already, by their codes
// (RFC 5530).
func wrap(what, name string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, imapclient.ErrPoolClosed):
		err = mailbox.ErrClosed
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
	case errors.Is(err, errOther):
		err = mailbox.ErrNotExist
	case isLost(err):
		err = &unavailable{err}
	}
	if name == "" {
		return fmt.Errorf("imapstore: %s: %w", what, err)
	}
	return fmt.Errorf("imapstore: %s %q: %w", what, name, err)
}

// isLost reports whether a call failed because its connection did.
func isLost(err error) bool { return errors.Is(err, imapclient.ErrClosed) }

// unavailable is mailbox.ErrUnavailable with its reason.
type unavailable struct{ reason error }

func (e *unavailable) Error() string   { return e.reason.Error() }
func (e *unavailable) Unwrap() []error { return []error{mailbox.ErrUnavailable, e.reason} }

// A harmless error is one of the connection before anything was changed.
type harmless struct{ error }

func (e harmless) Unwrap() error { return e.error }

// looking marks an error of a command that only reads: if the connection is lost, the
// call can begin again.
func looking(err error) error {
	if isLost(err) {
		return harmless{err}
	}
	return err
}

// unsent marks an error of a single command that was not sent.
func unsent(err error) error {
	if errors.Is(err, imapclient.ErrNotSent) {
		return harmless{err}
	}
	return err
}

// isRefusal reports whether the server has refused a command, and if so, whether
// the reason is one that concerns single messages at most.
func isRefusal(err error) (refused, ofMessages bool) {
	var e *imap.Error
	if !errors.As(err, &e) || isLost(err) || e.Status != imap.NO {
		return false, false
	}
	switch e.Code {
	case "", imap.CodeCorruption, imap.CodeServerBug, imap.CodeCannot, imap.CodeUnknownCTE:
		return true, true
	}
	return true, false
}

// mayHaveBeenDone reports whether a call that failed may have changed something.
func mayHaveBeenDone(err error) bool {
	var h harmless
	if errors.As(err, &h) {
		return false
	}
	var i *imapclient.InterruptedError
	if errors.As(err, &i) {
		return i.Sent
	}
	return isLost(err)
}
