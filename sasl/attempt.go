package sasl

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// An Attempt is one try of a client to log in. The servers of this module tell
// of each in their field OnAuth, and answer a failed one when OnAuth returns:
// to slow down those who guess, it takes its time.
type Attempt struct {
	Conn      Conn
	Mechanism string // of SASL, "APOP", or the command: "LOGIN" in IMAP, "USER" in POP3
	Identity  string // who the client is, after success
	Err       error  // nil after success; otherwise one of this package's errors, or why the account did not open
	Failures  int    // failed attempts of the connection, this one included
}

// DefaultMaxFailures is the default of Attempts.MaxFailures.
const DefaultMaxFailures = 10

// Attempts are those of one connection, for the server of a protocol. It
// belongs to the connection's goroutine.
//
// An attempt has failed if the client was refused (ErrAuthFailed,
// ErrAuthzDenied, ErrExpired), if it broke the mechanism's syntax
// (ErrMalformed), and if it gave up (ErrCancelled): a challenge may have told it
// what it wanted to know, as that of OAUTHBEARER does about a token that is
// refused. A connection that is lost during an exchange counts as giving up.
//
// What is not the client's fault does not count: ErrUnavailable, and any other
// error by which an account could not be opened. A mechanism that is not
// offered, or needs TLS, is no attempt at all.
type Attempts struct {
	// OnAuth is called after each attempt, before the client is answered. Nil:
	// SlowDown.
	OnAuth func(ctx context.Context, a Attempt)

	// MaxFailures is how many attempts may fail. Zero: DefaultMaxFailures;
	// negative: no limit.
	MaxFailures int

	failures int
}

// Try makes an attempt: check finds out who the client is, by Serve,
// CheckPassword or CheckAPOP, and open opens its account. Try returns the error
// of the one that failed.
func (t *Attempts) Try(ctx context.Context, c Conn, mechanism string, check func() (identity string, err error), open func(identity string) error) error {
	identity, err := check()
	if err == nil {
		err = open(identity)
	}
	switch {
	case err == nil:
	case errors.Is(err, ErrUnsupported), errors.Is(err, ErrEncryptionNeeded):
		return err
	case isFailure(err):
		t.failures++
	}
	a := Attempt{Conn: c, Mechanism: mechanism, Err: err, Failures: t.failures}
	if err == nil {
		a.Identity = identity
	}
	if t.OnAuth != nil {
		t.OnAuth(ctx, a)
	} else {
		SlowDown(ctx, a)
	}
	return err
}

// TooMany reports whether so many attempts have failed that the connection is to
// be closed.
func (t *Attempts) TooMany() bool {
	limit := cmp.Or(t.MaxFailures, DefaultMaxFailures)
	return limit > 0 && t.failures >= limit
}

// isFailure reports whether an attempt that ended with err counts as failed.
func isFailure(err error) bool {
	for _, failure := range []error{ErrAuthFailed, ErrAuthzDenied, ErrExpired, ErrMalformed, ErrCancelled} {
		if errors.Is(err, failure) {
			return true
		}
	}
	return false
}

// SlowDown is what servers do without an OnAuth, for an OnAuth of one's own to
// call: after a failed attempt it waits a second, and twice as long for each
// further failure, up to 16 seconds, or until ctx ends.
func SlowDown(ctx context.Context, a Attempt) {
	if a.Err == nil {
		return
	}
	t := time.NewTimer(time.Second << min(max(a.Failures-1, 0), 4))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}
