package smtp

import (
	"errors"
	"math"
	"strconv"
)

// sizeParam is SIZE of RFC 1870 §3: 1*20DIGIT.
var sizeParam = mailParam{
	keyword: "SIZE", ext: ExtSize,
	parse: func(_ *Parser, o *MailOptions, value string) (ok bool) {
		if len(value) == 20 || len(value) == 19 {
			// Larger numbers than an int64 exceed any limit.
			n, err := strconv.ParseUint(value, 10, 64)
			if err == nil && n > math.MaxInt64 || errors.Is(err, strconv.ErrRange) {
				o.Size = math.MaxInt64
				return true
			}
		}
		o.Size, ok = parseDigits(value, 20)
		return ok
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		return strconv.AppendInt(dst, o.Size, 10), o.Size > 0, nil
	},
}
