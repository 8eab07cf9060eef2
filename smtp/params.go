package smtp

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// A param is a parameter of MAIL (O is MailOptions) or RCPT (RcptOptions). Each
// is declared in the file of its extension and listed in one of the tables.
type param[O any] struct {
	keyword string
	ext     Extension
	bare    bool // has no value

	// parse sets the field of o; false: the value is wrong.
	parse func(p *Parser, o *O, value string) bool

	// append appends the value if the field is set; ok reports whether it is. A
	// bare parameter appends nothing. utf8 says that MAIL declared SMTPUTF8.
	append func(dst []byte, o *O, utf8 bool) (_ []byte, ok bool, err error)
}

type (
	mailParam = param[MailOptions]
	rcptParam = param[RcptOptions]
)

// flagParam is a bare parameter that sets a field.
func flagParam[O any](keyword string, ext Extension, field func(*O) *bool) param[O] {
	return param[O]{
		keyword: keyword, ext: ext, bare: true,
		parse:  func(_ *Parser, o *O, _ string) bool { *field(o) = true; return true },
		append: func(dst []byte, o *O, _ bool) ([]byte, bool, error) { return dst, *field(o), nil },
	}
}

var mailParams = []mailParam{
	sizeParam,
	bodyParam,
	smtputf8Param,
	authParam,
	retParam,
	envidParam,
	requireTLSParam,
	mtPriorityParam,
	deliverByParam,
	holdForParam,
	holdUntilParam,
	solicitParam,
	mtrkParam,
	conPermParam,
}

var rcptParams = []rcptParam{
	notifyParam,
	orcptParam,
	rrvsParam,
	conNegParam,
}

var errUnknownParam = &Error{555, EnhancedCode{5, 5, 4}, "parameter not recognized or not implemented"}

func errParam(keyword, why string) error {
	return &Error{501, EnhancedCode{5, 5, 4}, why + " " + keyword + " parameter"}
}

// cutParam splits off the first parameter of s, which is empty or begins with a
// space. An empty keyword means that none is left.
func cutParam(s string) (keyword, value string, valued bool, rest string) {
	s = strings.TrimLeft(s, " ")
	word, rest, found := strings.Cut(s, " ")
	if found {
		rest = s[len(word):]
	}
	keyword, value, valued = strings.Cut(word, "=")
	return keyword, value, valued, rest
}

// validValue checks an esmtp-value (RFC 5321 §4.1.2, RFC 6531 §3.3).
func (p *Parser) validValue(s string) bool {
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case c <= ' ', c == '=', c == 0x7f:
			return false
		case c >= utf8.RuneSelf:
			ascii = false
		}
	}
	return s != "" && (ascii || p.Extensions.Has(ExtSMTPUTF8) && utf8.ValidString(s))
}

// parseParams reads the parameters of a command.
func parseParams[O any](p *Parser, table []param[O], s string, o *O) error {
	var seen uint64
	for {
		keyword, value, valued, rest := cutParam(s)
		if keyword == "" && !valued {
			return nil
		}
		s = rest
		i := 0
		for i < len(table) && !(strings.EqualFold(table[i].keyword, keyword) && p.Extensions.Has(table[i].ext)) {
			i++
		}
		if i == len(table) {
			return errUnknownParam
		}
		param := &table[i]
		switch {
		case seen&(1<<i) != 0:
			return errParam(param.keyword, "repeated")
		case param.bare == valued, valued && !p.validValue(value), !param.parse(p, o, value):
			return errParam(param.keyword, "bad")
		}
		seen |= 1 << i
	}
}

// appendParams appends those parameters that are set.
func appendParams[O any](dst []byte, table []param[O], o *O, utf8 bool, exts ExtensionSet) ([]byte, error) {
	for i := range table {
		param := &table[i]
		start := len(dst)
		dst = append(append(dst, ' '), param.keyword...)
		if !param.bare {
			dst = append(dst, '=')
		}
		var ok bool
		var err error
		dst, ok, err = param.append(dst, o, utf8)
		switch {
		case err != nil:
			return dst, fmt.Errorf("smtp: %s parameter: %w", param.keyword, err)
		case !ok:
			dst = dst[:start]
		case !exts.Has(param.ext):
			return dst, &UnsupportedError{param.ext}
		}
	}
	return dst, nil
}

// An UnsupportedError says that a message can't be sent as requested because
// the server lacks an extension.
type UnsupportedError struct{ Extension Extension }

func (e *UnsupportedError) Error() string {
	return "smtp: the server does not support " + e.Extension.String()
}

// AppendMail appends a MAIL command with its CRLF. It fails if the address or an
// option can't be written, and with *UnsupportedError if an option needs an
// extension that is not in exts. A domain in Unicode is written in A-labels
// unless o.UTF8 is set. o may be nil.
func AppendMail(dst []byte, from Address, o *MailOptions, exts ExtensionSet) ([]byte, error) {
	n := len(dst)
	dst = append(dst, "MAIL FROM:"...)
	dst, err := appendPath(dst, from, o != nil && o.UTF8)
	if err != nil {
		return dst[:n], fmt.Errorf("sender %s: %w", from, err)
	}
	if o != nil {
		if dst, err = appendParams(dst, mailParams, o, o.UTF8, exts); err != nil {
			return dst[:n], err
		}
	}
	return append(dst, "\r\n"...), nil
}

// AppendRcpt appends a RCPT command with its CRLF, like [AppendMail]. utf8 says
// that MAIL declared SMTPUTF8.
func AppendRcpt(dst []byte, to Address, o *RcptOptions, utf8 bool, exts ExtensionSet) ([]byte, error) {
	n := len(dst)
	dst = append(dst, "RCPT TO:"...)
	if to.IsZero() {
		return dst[:n], fmt.Errorf("recipient: %w", ErrBadLocal)
	}
	dst, err := appendPath(dst, to, utf8)
	if err != nil {
		return dst[:n], fmt.Errorf("recipient %s: %w", to, err)
	}
	if o != nil && *o != (RcptOptions{}) {
		if dst, err = appendParams(dst, rcptParams, o, utf8, exts); err != nil {
			return dst[:n], err
		}
	}
	return append(dst, "\r\n"...), nil
}

func appendPath(dst []byte, a Address, utf8 bool) ([]byte, error) {
	if !utf8 {
		var err error
		if a, err = a.ToASCII(); err != nil {
			return dst, err
		}
	}
	return a.AppendPath(dst)
}

// parseDigits reads a number of at most max digits.
func parseDigits(s string, max int) (int64, bool) {
	if s == "" || len(s) > max {
		return 0, false
	}
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil
}

// appendSeconds appends a duration in whole seconds.
func appendSeconds(dst []byte, d time.Duration) []byte {
	return strconv.AppendInt(dst, int64(d/time.Second), 10)
}

// parseTime reads the date-time of RFC 3339.
func parseTime(s string) (time.Time, bool) {
	t, err := time.Parse(time.RFC3339, s)
	return t, err == nil
}
