package smtp

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// A Parser parses the arguments of commands. The zero Parser is strict and
// accepts no extension. Its methods may be called from several goroutines.
//
// Its errors are *Error values that can be sent as the reply. Strings in the
// results are parts of the argument.
type Parser struct {
	// Allow is the set of leniencies that apply.
	Allow Leniency

	// Extensions are those whose parameters are accepted; others get the reply
	// 555 (RFC 5321 §4.1.1.11).
	Extensions ExtensionSet

	// MaxPath is the maximum length of a path in octets, angle brackets
	// included; zero: the constant MaxPath.
	MaxPath int
}

// MailCommand is the argument of MAIL.
type MailCommand struct {
	From    Address // zero: the null reverse-path
	Options MailOptions
}

// RcptCommand is the argument of RCPT.
type RcptCommand struct {
	To      Address
	Options RcptOptions
}

// CutCommand splits a command line, without CRLF, into the verb and its
// argument. Trailing blanks are dropped (RFC 5321 §4.1.1).
func CutCommand(line []byte) (verb, arg []byte) {
	line = bytes.TrimRight(line, " \t")
	n := bytes.IndexAny(line, " \t")
	if n < 0 {
		return line, nil
	}
	return line[:n], bytes.TrimLeft(line[n:], " \t")
}

// Mail parses the argument of MAIL, "FROM:<…> …", into cmd (RFC 5321 §4.1.1.2).
func (p *Parser) Mail(arg string, cmd *MailCommand) error {
	*cmd = MailCommand{}
	arg, err := p.cutPrefix(arg, "FROM:")
	if err != nil {
		return err
	}
	addr, rest, err := p.path(arg, true)
	if err != nil {
		return &Error{501, EnhancedCode{5, 1, 7}, errText(err)}
	}
	cmd.From = addr
	if err := parseParams(p, mailParams, rest, &cmd.Options); err != nil {
		return err
	}
	// RFC 6531 §3.4: only with the parameter may the path contain UTF-8.
	if !cmd.Options.UTF8 && !addr.IsASCII() {
		return errNonASCII
	}
	return nil
}

// Rcpt parses the argument of RCPT, "TO:<…> …", into cmd (RFC 5321 §4.1.1.3).
// utf8 says that MAIL declared SMTPUTF8.
func (p *Parser) Rcpt(arg string, utf8 bool, cmd *RcptCommand) error {
	*cmd = RcptCommand{}
	arg, err := p.cutPrefix(arg, "TO:")
	if err != nil {
		return err
	}
	addr, rest, err := p.path(arg, false)
	if err != nil {
		return &Error{501, EnhancedCode{5, 1, 3}, errText(err)}
	}
	if !utf8 && !addr.IsASCII() {
		return errNonASCII
	}
	cmd.To = addr
	return parseParams(p, rcptParams, rest, &cmd.Options)
}

var (
	errSyntax   = &Error{501, EnhancedCode{5, 5, 4}, "syntax error in parameters or arguments"}
	errArgument = &Error{501, EnhancedCode{5, 5, 4}, "no argument is allowed"}
	errNonASCII = &Error{553, EnhancedCode{5, 6, 7}, "non-ASCII addresses need SMTPUTF8"} // RFC 6531 §3.5
	errNUL      = &Error{501, EnhancedCode{5, 5, 2}, "control characters are not allowed"}
)

// errText returns the text of an error of this package for a reply.
func errText(err error) string { return strings.TrimPrefix(err.Error(), "smtp: ") }

// cutPrefix removes FROM: or TO: from the argument of MAIL or RCPT.
func (p *Parser) cutPrefix(arg, prefix string) (string, error) {
	if len(arg) < len(prefix) || !strings.EqualFold(arg[:len(prefix)], prefix) {
		return "", errSyntax
	}
	for i := range len(arg) {
		if arg[i] < ' ' || arg[i] == 0x7f {
			return "", errNUL
		}
	}
	arg = arg[len(prefix):]
	if p.Allow&AllowSpace != 0 {
		arg = strings.TrimLeft(arg, " ")
	}
	return arg, nil
}

// path reads a Reverse-path or Forward-path and returns what follows it,
// empty or beginning with a space.
func (p *Parser) path(s string, reverse bool) (Address, string, error) {
	limit := p.MaxPath
	if limit == 0 {
		limit = MaxPath
	}
	if s == "" || s[0] != '<' {
		if p.Allow&AllowNoBrackets == 0 || s == "" {
			return Address{}, "", errPath
		}
		a, rest, err := scanAddress(s, p.Allow)
		if err == nil && (rest != "" && rest[0] != ' ' || a.Domain == "") {
			err = errPath
		}
		if len(s)-len(rest) > limit-2 {
			err = ErrTooLong
		}
		return a, rest, err
	}
	all := s
	s = s[1:]
	if strings.HasPrefix(s, ">") {
		if !reverse {
			return Address{}, "", errPath
		}
		if s = s[1:]; s != "" && s[0] != ' ' {
			return Address{}, "", errPath
		}
		return Address{}, s, nil
	}
	if strings.HasPrefix(s, "@") {
		var ok bool
		if s, ok = p.skipRoute(s); !ok {
			return Address{}, "", errPath
		}
	}
	a, rest, err := scanAddress(s, p.Allow)
	if err != nil {
		return Address{}, "", err
	}
	if a.Domain == "" && (reverse || !strings.EqualFold(a.Local, "postmaster")) {
		return Address{}, "", ErrNoDomain
	}
	if rest == "" || rest[0] != '>' || len(rest) > 1 && rest[1] != ' ' {
		return Address{}, "", errPath
	}
	rest = rest[1:]
	if len(all)-len(rest) > limit {
		return Address{}, "", ErrTooLong
	}
	return a, rest, nil
}

var errPath = errors.New("smtp: path must be <ADDRESS>")

// skipRoute skips a source route, which is accepted and ignored (RFC 5321
// §4.1.1.3, appendix C): A-d-l ":".
func (p *Parser) skipRoute(s string) (string, bool) {
	for {
		if s == "" || s[0] != '@' {
			return "", false
		}
		n := 1
		for n < len(s) && s[n] != ',' && s[n] != ':' {
			n++
		}
		if n == len(s) || !validDomain(s[1:n], p.Allow) {
			return "", false
		}
		end := s[n] == ':'
		s = s[n+1:]
		if end {
			return s, true
		}
	}
}

// Hello checks the argument of HELO, EHLO or LHLO and returns the name given, of at
// most MaxDomain octets. It accepts any single word of the characters of domains
// and address literals: programs send names with underscores and IP addresses
// without brackets, and RFC 5321 §4.1.4 forbids refusing mail because the name is
// not that of the host. [ValidDomain] reports whether a name is well-formed. With
// [AllowHello] it accepts any text without control characters.
func (p *Parser) Hello(arg string) (string, error) {
	if arg == "" || len(arg) > MaxDomain || !utf8.ValidString(arg) {
		return "", errSyntax
	}
	for _, c := range arg {
		switch {
		case c < ' ', 0x7f <= c && c < 0xa0:
			return "", errNUL
		case c < utf8.RuneSelf && p.Allow&AllowHello == 0 && !isDomainByte(byte(c)) && !strings.ContainsRune(":[]%", c):
			return "", errSyntax
		}
	}
	return arg, nil
}

// String checks the argument of VRFY, EXPN or HELP (RFC 5321 §4.1.1.6): text
// without control characters. A trailing parameter SMTPUTF8 is removed and
// reported where the extension is accepted (RFC 6531 §3.7.4.2).
func (p *Parser) String(arg string) (text string, utf bool, err error) {
	if p.Extensions.Has(ExtSMTPUTF8) {
		const suffix = " SMTPUTF8"
		if n := len(arg) - len(suffix); n > 0 && strings.EqualFold(arg[n:], suffix) {
			arg, utf = arg[:n], true
		}
	}
	for i := range len(arg) {
		if arg[i] < ' ' || arg[i] == 0x7f {
			return "", false, errNUL
		}
	}
	if !utf && !isASCII(arg) {
		return "", false, errNonASCII
	}
	if !utf8.ValidString(arg) {
		return "", false, errSyntax
	}
	return arg, utf, nil
}

// None checks that there is no argument.
func (p *Parser) None(arg string) error {
	if arg != "" {
		return errArgument
	}
	return nil
}
