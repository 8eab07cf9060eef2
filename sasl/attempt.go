package sasl

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"time"
)

// An Attempt is one attempt of a client to log in. The servers of this module
// report each to their OnAuth function, and answer a failed one when OnAuth
// returns, so that OnAuth can slow down clients that guess passwords.
type Attempt struct {
	Conn      Conn
	Mechanism string // of SASL, "APOP", or the command: "LOGIN" in IMAP, "USER" in POP3
	Identity  string // the identity of the client, after success
	Err       error  // nil after success; otherwise one of this package's errors, or why the account did not open
	Failures  int    // failed attempts of the connection, this one included
}

// LogValue returns what a log should say of the attempt, as a group: service, conn,
// remote, mechanism, and then user, or failures and error. What is not known is
// left out.
func (a Attempt) LogValue() slog.Value {
	attrs := make([]slog.Attr, 0, 6)
	add := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("service", a.Conn.Service)
	add("conn", a.Conn.ID)
	if a.Conn.RemoteAddr != nil {
		add("remote", a.Conn.RemoteAddr.String())
	}
	add("mechanism", a.Mechanism)
	if a.Err == nil {
		add("user", a.Identity)
	} else {
		attrs = append(attrs, slog.Int("failures", a.Failures), slog.Any("error", a.Err))
	}
	return slog.GroupValue(attrs...)
}

// DefaultMaxFailures is the default of Attempts.MaxFailures.
const DefaultMaxFailures = 10

// Attempts counts the attempts of one connection, for the server of a protocol.
// It must be used by the connection's goroutine only.
//
// An attempt has failed if the client was refused (ErrAuthFailed,
// ErrAuthzDenied, ErrExpired), if it violated the mechanism's syntax
// (ErrMalformed), or if it cancelled the exchange (ErrCancelled): a challenge
// may already have told it the result, as OAUTHBEARER does for a refused token.
// A connection that is lost during an exchange, or while a check waits for its turn
// (Checks), counts as cancelled.
//
// Errors that the client has not caused do not count: ErrUnavailable, and any
// other error of opening the account. A request for a mechanism that is not
// offered, or that needs TLS, is not an attempt.
type Attempts struct {
	// OnAuth is called after each attempt, before the client is answered. Nil:
	// SlowDown.
	OnAuth func(ctx context.Context, a Attempt)

	// MaxFailures is how many attempts may fail. Zero: DefaultMaxFailures;
	// negative: no limit.
	MaxFailures int

	failures int
}

// Try makes an attempt: check authenticates the client with Serve,
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
	case IsFailure(err):
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

// TooMany reports whether so many attempts have failed that the connection must
// be closed.
func (t *Attempts) TooMany() bool {
	limit := cmp.Or(t.MaxFailures, DefaultMaxFailures)
	return limit > 0 && t.failures >= limit
}

// IsFailure reports whether an attempt that ended with err counts as failed; see
// Attempts.
func IsFailure(err error) bool {
	for _, failure := range []error{ErrAuthFailed, ErrAuthzDenied, ErrExpired, ErrMalformed, ErrCancelled} {
		if errors.Is(err, failure) {
			return true
		}
	}
	return false
}

// SlowDown is the default OnAuth of servers, which other OnAuth functions may
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
