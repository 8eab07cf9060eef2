package smtp

import (
	"bytes"
	"errors"
	"strings"
	"unicode/utf8"
)

// A Parser reads the arguments of commands. The zero Parser is strict and knows
// no extension. Its methods may be called from several goroutines.
//
// What it refuses it refuses with a *Error that can be sent as the reply.
// Strings in the results are parts of the argument.
type Parser struct {
	// Allow holds the leniencies that are in force.
	Allow Leniency

	// Extensions are those whose parameters are taken; others get the reply
	// 555 (RFC 5321 §4.1.1.11).
	Extensions ExtensionSet

	// MaxPath is how many octets a path may have, angle brackets included;
	// zero: the MaxPath of RFC 5321.
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
// argument. Blanks at the end are dropped (RFC 5321 §4.1.1).
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
	// RFC 6531 §3.4: the parameter is what permits UTF-8 in the path.
	if !cmd.Options.UTF8 && !addr.IsASCII() {
		return errNonASCII
	}
	return nil
}

// Rcpt parses the argument of RCPT, "TO:<…> …", into cmd (RFC 5321 §4.1.1.3).
// With utf8, the transaction is one that MAIL declared SMTPUTF8.
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

// errText is what to say of an error of this package in a reply.
func errText(err error) string { return strings.TrimPrefix(err.Error(), "smtp: ") }

// cutPrefix takes FROM: or TO: off the argument of MAIL or RCPT.
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

// skipRoute passes over a source route, which is accepted and ignored (RFC 5321
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

// Hello checks the argument of HELO, EHLO or LHLO and returns the name given.
// It takes any one word that can be a host's idea of its name: real programs
// send underscores and bare IP addresses, and RFC 5321 §4.1.4 forbids to refuse
// mail because a name isn't right. [ValidDomain] tells the proper ones.
func (p *Parser) Hello(arg string) (string, error) {
	if arg == "" || len(arg) > MaxDomain {
		return "", errSyntax
	}
	for i := range len(arg) {
		if c := arg[i]; !isDomainByte(c) && c != ':' && c != '[' && c != ']' && c != '%' {
			return "", errSyntax
		}
	}
	if !utf8.ValidString(arg) {
		return "", errSyntax
	}
	return arg, nil
}

// String checks the argument of VRFY, EXPN or HELP (RFC 5321 §4.1.1.6): text
// without control characters. The parameter SMTPUTF8 at its end is taken off
// and reported where the extension is in force (RFC 6531 §3.7.4.2).
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

// None checks that a command that takes no argument got none.
func (p *Parser) None(arg string) error {
	if arg != "" {
		return errArgument
	}
	return nil
}
