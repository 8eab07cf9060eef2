package imapclient

import (
	"math/rand/v2"
	"time"
)

// A Backoff says how long to wait between attempts to connect. The zero value
// means the defaults.
type Backoff struct {
	// Min is the wait after the first failure, 1 second; it doubles with each
	// further one up to Max, 5 minutes. From each wait up to a half is taken at
	// random, so that the clients of a server that was restarted don't come all
	// at once. If the server says that there are too many connections, or that
	// the account is throttled (see Diagnose), the wait is ten times as long, and
	// not less than RetryAfter tells.
	Min, Max time.Duration

	// Notify, if not nil, is called before each wait with the reason for it.
	Notify func(err error, wait time.Duration)
}

// Times of a Backoff.
const (
	backoffMin = time.Second
	backoffMax = 5 * time.Minute
	throttled  = 10 // how many times as long the wait is
)

// wait returns how long to wait after n failures in a row, the last one with err.
func (b *Backoff) wait(n int, err error) time.Duration {
	least, most := orDefault(b.Min, backoffMin), orDefault(b.Max, backoffMax)
	d := least
	for ; n > 1 && d < most; n-- {
		d *= 2
	}
	d = min(d, most)
	if slowDown(err) {
		d *= throttled
	}
	d -= time.Duration(rand.Int64N(int64(max(d/2, 1))))
	return max(d, RetryAfter(err))
}

// slowDown reports whether the server refuses because of too much that the account
// does.
func slowDown(err error) bool {
	r := Diagnose(err)
	return r == ReasonConnections || r == ReasonThrottled
}
