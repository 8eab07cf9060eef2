package smtp

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/sasl"
)

// authParam is AUTH of RFC 4954 §5: an address in xtext, or "<>".
var authParam = mailParam{
	keyword: "AUTH", ext: ExtAuth,
	parse: func(p *Parser, o *MailOptions, value string) bool {
		var addr Address
		if value != "<>" {
			s, ok := ParseXtext(value)
			var err error
			if ok {
				s = strings.TrimSuffix(strings.TrimPrefix(s, "<"), ">")
				addr, err = parseAddress(s, p.Allow)
			}
			if !ok || err != nil {
				if p.Allow&AllowAuthName == 0 {
					return false
				}
				addr = Address{}
			}
		}
		o.Auth = &addr
		return true
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		if o.Auth == nil {
			return dst, false, nil
		}
		if o.Auth.IsZero() {
			return append(dst, "<>"...), true, nil
		}
		s, err := o.Auth.Append(nil)
		return AppendXtext(dst, string(s)), true, err
	},
}

// AuthCommand is the argument of AUTH.
type AuthCommand struct {
	Mechanism string // in capitals

	// Initial is the initial response, decoded: nil if there is none, not nil
	// and empty for "=".
	Initial []byte
}

// Auth parses the argument of AUTH (RFC 4954 §4).
func (p *Parser) Auth(arg string) (AuthCommand, error) {
	mech, ir, found := strings.Cut(arg, " ")
	// sasl-mech of RFC 4422 §3.1, 1 to 20 characters
	if len(mech) < 1 || len(mech) > 20 {
		return AuthCommand{}, errSyntax
	}
	for i := range len(mech) {
		if c := mech[i]; !isAlnum(c) && c != '-' && c != '_' {
			return AuthCommand{}, errSyntax
		}
	}
	cmd := AuthCommand{Mechanism: strings.ToUpper(mech)}
	if found {
		var err error
		if cmd.Initial, err = sasl.Decode([]byte(strings.TrimLeft(ir, " "))); err != nil {
			return AuthCommand{}, errBase64
		}
	}
	return cmd, nil
}

var errBase64 = &Error{501, EnhancedCode{5, 5, 2}, "cannot decode base64"}

// AppendAuth appends an AUTH command with its CRLF. A nil initial response is
// omitted.
func AppendAuth(dst []byte, mechanism string, initial []byte) ([]byte, error) {
	if mechanism == "" || len(mechanism) > 20 {
		return dst, errors.New("smtp: bad SASL mechanism name")
	}
	for i := range len(mechanism) {
		if c := mechanism[i]; !isAlnum(c) && c != '-' && c != '_' {
			return dst, errors.New("smtp: bad SASL mechanism name")
		}
	}
	dst = append(append(dst, "AUTH "...), mechanism...)
	if initial != nil {
		dst = append(append(dst, ' '), sasl.EncodeInitial(initial)...)
	}
	return append(dst, "\r\n"...), nil
}
