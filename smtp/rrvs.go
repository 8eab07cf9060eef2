package smtp

import (
	"errors"
	"strings"
	"time"
)

// rrvsParam is RRVS of RFC 7293 §3.1: a date-time, then an optional ";C"
// (continue) or ";R" (reject).
var rrvsParam = rcptParam{
	keyword: "RRVS", ext: ExtRRVS,
	parse: func(_ *Parser, o *RcptOptions, value string) (ok bool) {
		date, action, found := strings.Cut(value, ";")
		if o.ValidSince, ok = parseTime(date); !ok || o.ValidSince.IsZero() {
			return false
		}
		switch {
		case !found:
		case action == "R" || action == "r":
			o.ValidSinceAction = 'R'
		case action == "C" || action == "c":
			o.ValidSinceAction = 'C'
		default:
			return false
		}
		return true
	},
	append: func(dst []byte, o *RcptOptions, _ bool) ([]byte, bool, error) {
		dst = o.ValidSince.UTC().AppendFormat(dst, time.RFC3339)
		switch o.ValidSinceAction {
		case 0:
		case 'R', 'C':
			dst = append(dst, ';', o.ValidSinceAction)
		default:
			return dst, false, errors.New("action must be R or C")
		}
		return dst, !o.ValidSince.IsZero(), nil
	},
}
