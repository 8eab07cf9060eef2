package sasl

import (
	"context"
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
