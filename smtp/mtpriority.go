package smtp

import (
	"errors"
	"strconv"
	"strings"
)

// mtPriorityParam is MT-PRIORITY of RFC 6710 §4: -9 to 9.
var mtPriorityParam = mailParam{
	keyword: "MT-PRIORITY", ext: ExtMTPriority,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		digits, negative := strings.CutPrefix(value, "-")
		n, ok := parseDigits(digits, 1)
		if !ok || negative && n == 0 {
			return false
		}
		priority := int(n)
		if negative {
			priority = -priority
		}
		o.Priority = &priority
		return true
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		switch {
		case o.Priority == nil:
			return dst, false, nil
		case *o.Priority < -9 || *o.Priority > 9:
			return dst, false, errors.New("must be between -9 and 9")
		}
		return strconv.AppendInt(dst, int64(*o.Priority), 10), true, nil
	},
}
