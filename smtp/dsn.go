package smtp

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Limits of RFC 3461 §4.2 and §4.4, in octets of the encoded value.
const (
	maxEnvelopeID        = 100
	maxOriginalRecipient = 500
)

// Return says how much of a message should be returned.
type Return string

// The values of RET.
const (
	ReturnFull    Return = "FULL"
	ReturnHeaders Return = "HDRS"
)

// retParam is RET of RFC 3461 §4.3.
var retParam = mailParam{
	keyword: "RET", ext: ExtDSN,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		switch {
		case strings.EqualFold(value, string(ReturnFull)):
			o.Return = ReturnFull
		case strings.EqualFold(value, string(ReturnHeaders)):
			o.Return = ReturnHeaders
		default:
			return false
		}
		return true
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		switch o.Return {
		case "":
			return dst, false, nil
		case ReturnFull, ReturnHeaders:
			return append(dst, o.Return...), true, nil
		}
		return dst, false, errors.New("must be FULL or HDRS")
	},
}

// envidParam is ENVID of RFC 3461 §4.4. The decoded value must be printable
// ASCII, since it is written into header fields of notifications.
var envidParam = mailParam{
	keyword: "ENVID", ext: ExtDSN,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		s, ok := ParseXtext(value)
		o.EnvelopeID = s
		return ok && len(value) <= maxEnvelopeID && isPrintableASCII(s)
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		if o.EnvelopeID == "" {
			return dst, false, nil
		}
		if !isPrintableASCII(o.EnvelopeID) {
			return dst, false, errors.New("must be printable ASCII")
		}
		n := len(dst)
		dst = AppendXtext(dst, o.EnvelopeID)
		if len(dst)-n > maxEnvelopeID {
			return dst, false, errors.New("too long")
		}
		return dst, true, nil
	},
}

// Notify is a set of events of which the sender wants to be notified.
// NotifyNever excludes all others; zero means the server's default.
type Notify uint8

// The events of NOTIFY.
const (
	NotifySuccess Notify = 1 << iota
	NotifyFailure
	NotifyDelay
	NotifyNever
)

// notifyNames in the order of the bits.
var notifyNames = [...]string{"SUCCESS", "FAILURE", "DELAY", "NEVER"}

// notifyParam is NOTIFY of RFC 3461 §4.1.
var notifyParam = rcptParam{
	keyword: "NOTIFY", ext: ExtDSN,
	parse: func(_ *Parser, o *RcptOptions, value string) bool {
	words:
		for word := range strings.SplitSeq(value, ",") {
			for i, name := range notifyNames {
				if strings.EqualFold(word, name) {
					o.Notify |= 1 << i
					continue words
				}
			}
			return false
		}
		return o.Notify.valid()
	},
	append: func(dst []byte, o *RcptOptions, _ bool) ([]byte, bool, error) {
		if o.Notify == 0 {
			return dst, false, nil
		}
		if !o.Notify.valid() {
			return dst, false, errors.New("NEVER must stand alone")
		}
		return append(dst, o.Notify.String()...), true, nil
	},
}

func (n Notify) valid() bool {
	return n == NotifyNever || n&^(NotifySuccess|NotifyFailure|NotifyDelay) == 0 && n != 0
}

// String returns the value as in NOTIFY.
func (n Notify) String() string {
	var words []string
	for i, name := range notifyNames {
		if n&(1<<i) != 0 {
			words = append(words, name)
		}
	}
	return strings.Join(words, ",")
}

// An OriginalRecipient is the address of ORCPT: its type ("rfc822", "utf-8", …)
// and the address, decoded.
type OriginalRecipient struct{ Type, Address string }

// orcptParam is ORCPT of RFC 3461 §4.2, with the type utf-8 of RFC 6533 §3.
var orcptParam = rcptParam{
	keyword: "ORCPT", ext: ExtDSN,
	parse: func(_ *Parser, o *RcptOptions, value string) bool {
		typ, addr, found := strings.Cut(value, ";")
		if !found || addr == "" || len(value) > maxOriginalRecipient || !isKeyword(typ) {
			return false
		}
		o.Original.Type = strings.ToLower(typ)
		var ok bool
		if o.Original.Type == "utf-8" {
			o.Original.Address, ok = parseUTF8Addr(addr)
			return ok && isPrintable(o.Original.Address)
		}
		o.Original.Address, ok = ParseXtext(addr)
		return ok && isPrintableASCII(o.Original.Address)
	},
	append: func(dst []byte, o *RcptOptions, utf8 bool) ([]byte, bool, error) {
		r := o.Original
		if r == (OriginalRecipient{}) {
			return dst, false, nil
		}
		if !isKeyword(r.Type) || r.Address == "" {
			return dst, false, errors.New("needs a type and an address")
		}
		n := len(dst)
		dst = append(append(dst, r.Type...), ';')
		if strings.EqualFold(r.Type, "utf-8") {
			if !isPrintable(r.Address) {
				return dst, false, errors.New("must be printable")
			}
			dst = appendUTF8Addr(dst, r.Address, utf8)
		} else {
			if !isPrintableASCII(r.Address) {
				return dst, false, errors.New("must be printable ASCII")
			}
			dst = AppendXtext(dst, r.Address)
		}
		if len(dst)-n > maxOriginalRecipient {
			return dst, false, errors.New("too long")
		}
		return dst, true, nil
	},
}

// OriginalOf returns the OriginalRecipient for an address.
func OriginalOf(a Address) OriginalRecipient {
	s := a.String()
	if isASCII(s) {
		return OriginalRecipient{"rfc822", s}
	}
	return OriginalRecipient{"utf-8", s}
}

func isPrintableASCII(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

func isPrintable(s string) bool {
	for _, r := range s {
		if unicode.IsControl(r) {
			return false
		}
	}
	return utf8.ValidString(s)
}
