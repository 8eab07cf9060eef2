package smtp

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// A FutureRelease says how long a server holds messages (RFC 4865 §3): the parameters
// of FUTURERELEASE in the reply to EHLO.
type FutureRelease struct {
	Interval time.Duration // the longest HoldFor, in whole seconds
	Until    time.Time     // the latest HoldUntil
}

// ParseFutureRelease parses the parameters, such as "86400 2030-01-01T00:00:00Z".
func ParseFutureRelease(params string) (f FutureRelease, ok bool) {
	interval, until, found := strings.Cut(params, " ")
	n, ok := parseDigits(interval, 9)
	if !found || !ok || n == 0 {
		return FutureRelease{}, false
	}
	f.Interval = time.Duration(n) * time.Second
	if f.Until, ok = parseTime(until); !ok {
		return FutureRelease{}, false
	}
	return f, true
}

// Append appends the parameters.
func (f FutureRelease) Append(dst []byte) []byte {
	dst = strconv.AppendInt(dst, int64(min(f.Interval, maxHold)/time.Second), 10)
	return f.Until.UTC().AppendFormat(append(dst, ' '), time.RFC3339)
}

// Allows reports whether the server holds a message as long as the options want.
func (f FutureRelease) Allows(o *MailOptions) bool {
	return o.HoldFor <= f.Interval && (o.HoldUntil.IsZero() || !o.HoldUntil.After(f.Until))
}

// FutureRelease returns how long the server holds messages, and whether it has said so.
func (f *Features) FutureRelease() (FutureRelease, bool) {
	params, _ := f.Param("FUTURERELEASE")
	return ParseFutureRelease(params)
}

// maxHold is the greatest number of seconds that HOLDFOR can hold.
const maxHold = 999999999 * time.Second

// holdForParam is HOLDFOR of RFC 4865 §5: 1*9DIGIT seconds.
var holdForParam = mailParam{
	keyword: "HOLDFOR", ext: ExtFutureRelease,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		n, ok := parseDigits(value, 9)
		o.HoldFor = time.Duration(n) * time.Second
		return ok && n > 0 && o.HoldUntil.IsZero()
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		switch {
		case o.HoldFor == 0:
			return dst, false, nil
		case o.HoldFor < time.Second || o.HoldFor > maxHold:
			return dst, false, errors.New("out of range")
		case !o.HoldUntil.IsZero():
			return dst, false, errors.New("HOLDUNTIL is set as well")
		}
		return appendSeconds(dst, o.HoldFor), true, nil
	},
}

// holdUntilParam is HOLDUNTIL of RFC 4865 §5: a date-time of RFC 3339.
var holdUntilParam = mailParam{
	keyword: "HOLDUNTIL", ext: ExtFutureRelease,
	parse: func(_ *Parser, o *MailOptions, value string) (ok bool) {
		o.HoldUntil, ok = parseTime(value)
		return ok && !o.HoldUntil.IsZero() && o.HoldFor == 0
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		return o.HoldUntil.UTC().AppendFormat(dst, time.RFC3339), !o.HoldUntil.IsZero(), nil
	},
}
