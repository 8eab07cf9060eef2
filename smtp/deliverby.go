package smtp

import (
	"errors"
	"strings"
	"time"
)

// DeliverBy is the deadline of RFC 2852.
type DeliverBy struct {
	// Within is in whole seconds; it is zero or negative once the time has
	// expired.
	Within time.Duration

	// Return says that the message is to be returned when the time has expired;
	// otherwise it is delivered and the sender is notified.
	Return bool

	// Trace requests a notification when the message is relayed to a server
	// without the extension.
	Trace bool
}

// maxBy is the greatest number of seconds that by-time can hold.
const maxBy = 999999999 * time.Second

// deliverByParam is BY of RFC 2852 §4: by-time ";" by-mode [by-trace].
var deliverByParam = mailParam{
	keyword: "BY", ext: ExtDeliverBy,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		seconds, mode, found := strings.Cut(value, ";")
		digits, negative := strings.CutPrefix(seconds, "-")
		if !negative {
			digits = strings.TrimPrefix(digits, "+")
		}
		n, ok := parseDigits(digits, 9)
		if !found || !ok {
			return false
		}
		by := DeliverBy{Within: time.Duration(n) * time.Second}
		if negative {
			by.Within = -by.Within
		}
		switch strings.ToUpper(mode) {
		case "R":
			by.Return = true
		case "RT":
			by.Return, by.Trace = true, true
		case "N":
		case "NT":
			by.Trace = true
		default:
			return false
		}
		o.DeliverBy = &by
		// RFC 2852 §4.1.3: by-time must be positive if by-mode is return.
		return !by.Return || by.Within > 0
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		by := o.DeliverBy
		switch {
		case by == nil:
			return dst, false, nil
		case by.Within > maxBy || by.Within < -maxBy || by.Return && by.Within < time.Second:
			return dst, false, errors.New("time out of range")
		}
		dst = append(appendSeconds(dst, by.Within), ';')
		if by.Return {
			dst = append(dst, 'R')
		} else {
			dst = append(dst, 'N')
		}
		if by.Trace {
			dst = append(dst, 'T')
		}
		return dst, true, nil
	},
}
