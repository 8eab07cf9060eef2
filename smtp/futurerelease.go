package smtp

import (
	"errors"
	"time"
)

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
		case o.HoldFor < time.Second || o.HoldFor > 999999999*time.Second:
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
