package smtp

import (
	"errors"
	"net/netip"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// An Address is a mailbox as SMTP names it, in two parsed parts. The zero
// Address is the null reverse-path, written "<>".
//
// Addresses are comparable, but note that domains are not case-sensitive; see
// [Address.ASCIIDomain].
type Address struct {
	// Local is the local part without quotes or backslashes: for
	// "john doe"@example.org it is `john doe`.
	Local string

	// Domain is a domain name, in ASCII or in Unicode (RFC 6531), or an
	// address literal with its brackets. It is empty only in the null
	// reverse-path and in the domainless <Postmaster> of RFC 5321 §4.1.1.3.
	Domain string
}

// Sizes that every implementation must be able to handle (RFC 5321 §4.5.3.1).
// [Parser] limits paths to MaxPath; the local part has no limit of its own,
// since return addresses of mailing lists are often longer than 64 octets.
const (
	MaxLocalPart = 64
	MaxDomain    = 255
	MaxPath      = 256
)

// Errors of parsing and writing an address.
var (
	ErrBadLocal  = errors.New("smtp: bad local part in address")
	ErrBadDomain = errors.New("smtp: bad domain in address")
	ErrNoDomain  = errors.New("smtp: address without a domain")
	ErrTooLong   = errors.New("smtp: address too long")

	// ErrNeedsUTF8 says that an address cannot be written without SMTPUTF8.
	ErrNeedsUTF8 = errors.New("smtp: address needs SMTPUTF8")
)

// ParseAddress parses the form local@domain, strictly as defined in RFC 5321
// §4.1.2, with UTF-8 as in RFC 6531 §3.3. The local part may be a quoted
// string, the domain an address literal. Display names, comments, angle
// brackets and surrounding space are not accepted.
//
// Angle brackets are refused even within quotes, where the grammar allows them:
// too many programs treat them as the end of the path.
func ParseAddress(s string) (Address, error) {
	return parseAddress(s, 0)
}

func parseAddress(s string, allow Leniency) (Address, error) {
	a, rest, err := scanAddress(s, allow)
	switch {
	case err != nil:
		return Address{}, err
	case rest != "":
		return Address{}, ErrBadDomain
	case a.Domain == "":
		return Address{}, ErrNoDomain
	}
	return a, nil
}

// scanAddress reads an address from the start of s, up to the first character
// that can't belong to it. The domain may be missing.
func scanAddress(s string, allow Leniency) (a Address, rest string, err error) {
	if strings.HasPrefix(s, `"`) {
		a.Local, rest, err = scanQuoted(s)
	} else {
		n := 0
		for n < len(s) && isLocalByte(s[n]) {
			n++
		}
		a.Local, rest = s[:n], s[n:]
		if !validDotString(a.Local, allow) {
			err = ErrBadLocal
		}
	}
	if err != nil {
		return Address{}, s, err
	}
	if !strings.HasPrefix(rest, "@") {
		return a, rest, nil
	}
	rest = rest[1:]
	n := 0
	if strings.HasPrefix(rest, "[") {
		n = strings.IndexByte(rest, ']') + 1
	} else {
		for n < len(rest) && isDomainByte(rest[n]) {
			n++
		}
	}
	a.Domain, rest = rest[:n], rest[n:]
	if !validDomain(a.Domain, allow) {
		return Address{}, s, ErrBadDomain
	}
	return a, rest, nil
}

// scanQuoted reads the Quoted-string at the start of s and returns its value.
func scanQuoted(s string) (local, rest string, err error) {
	var b strings.Builder // used from the first backslash on
	start := 1
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			local = s[start:i]
			if b.Len() > 0 {
				b.WriteString(local)
				local = b.String()
			}
			if local == "" || !utf8.ValidString(local) {
				return "", s, ErrBadLocal
			}
			return local, s[i+1:], nil
		case c == '\\':
			b.WriteString(s[start:i])
			i++
			start = i
			if i == len(s) || s[i] < ' ' || s[i] >= 0x7f || s[i] == '<' || s[i] == '>' {
				return "", s, ErrBadLocal
			}
			b.WriteByte(s[i])
			start++
		case c < ' ' || c == 0x7f || c == '<' || c == '>':
			return "", s, ErrBadLocal
		}
	}
	return "", s, ErrBadLocal
}

// isLocalByte reports whether c may occur in a Dot-string: atext, ".", or part
// of a UTF-8 sequence (RFC 6531 §3.3).
func isLocalByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	return strings.IndexByte("!#$%&'*+-/=?^_`{|}~.", c) >= 0
}

func isDomainByte(c byte) bool {
	switch {
	case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c >= utf8.RuneSelf:
		return true
	}
	return c == '-' || c == '.' || c == '_'
}

func isAlnum(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// validDotString checks the dots of a Dot-string whose other bytes are valid.
func validDotString(s string, allow Leniency) bool {
	if s == "" || !utf8.ValidString(s) {
		return false
	}
	if allow&AllowDots != 0 {
		return true
	}
	return s[0] != '.' && s[len(s)-1] != '.' && !strings.Contains(s, "..")
}

// isDotString reports whether a local part can be written without quotes.
func isDotString(s string) bool {
	for i := range len(s) {
		if !isLocalByte(s[i]) {
			return false
		}
	}
	return validDotString(s, 0)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// ValidDomain reports whether s is a domain name or an address literal as RFC
// 5321 §4.1.2 and RFC 6531 §3.3 define them. Unicode labels must be valid for
// an IDNA lookup.
func ValidDomain(s string) bool { return validDomain(s, 0) }

func validDomain(s string, allow Leniency) bool {
	if s == "" || len(s) > MaxDomain {
		return false
	}
	if s[0] == '[' {
		return validLiteral(s)
	}
	label := 0 // octets of the current label
	ascii := true
	for i := range len(s) {
		switch c := s[i]; {
		case isAlnum(c), c == '_' && allow&AllowUnderscores != 0:
			label++
		case c >= utf8.RuneSelf:
			label++
			ascii = false
		case c == '-' && label > 0:
			label++
		case c == '.' && label > 0 && s[i-1] != '-':
			label = 0
		default:
			return false
		}
		if ascii && label > 63 {
			return false
		}
	}
	if label == 0 || s[len(s)-1] == '-' {
		return false
	}
	if !ascii {
		if !utf8.ValidString(s) {
			return false
		}
		a, err := idna.Lookup.ToASCII(s)
		return err == nil && len(a) <= MaxDomain
	}
	return true
}

// validLiteral checks an address literal, brackets included (RFC 5321 §4.1.3).
func validLiteral(s string) bool {
	if len(s) < 3 || s[len(s)-1] != ']' {
		return false
	}
	s = s[1 : len(s)-1]
	tag, content, tagged := strings.Cut(s, ":")
	if !tagged {
		ip, err := netip.ParseAddr(s)
		return err == nil && ip.Is4()
	}
	if strings.EqualFold(tag, "IPv6") {
		ip, err := netip.ParseAddr(content)
		return err == nil && ip.Is6() && ip.Zone() == ""
	}
	// General-address-literal: Standardized-tag ":" 1*dcontent
	if tag == "" || content == "" || !isAlnum(tag[len(tag)-1]) {
		return false
	}
	for i := range len(tag) {
		if !isAlnum(tag[i]) && tag[i] != '-' {
			return false
		}
	}
	for i := range len(content) {
		if c := content[i]; c <= ' ' || c >= 0x7f || c == '[' || c == '\\' || c == ']' || c == '<' || c == '>' {
			return false
		}
	}
	return true
}

// IsZero reports whether a is the null reverse-path.
func (a Address) IsZero() bool { return a == Address{} }

// IP returns the address that an address literal names.
func (a Address) IP() (netip.Addr, bool) {
	d := a.Domain
	if len(d) < 2 || d[0] != '[' {
		return netip.Addr{}, false
	}
	d = d[1 : len(d)-1]
	if len(d) > 5 && strings.EqualFold(d[:5], "IPv6:") {
		d = d[5:]
	}
	ip, err := netip.ParseAddr(d)
	return ip, err == nil
}

// NeedsUTF8 reports whether the address can't be written in ASCII and can
// therefore only be sent with SMTPUTF8. A domain in Unicode does not need it,
// since it can be written in A-labels.
func (a Address) NeedsUTF8() bool { return !isASCII(a.Local) }

// IsASCII reports whether the address consists of ASCII only.
func (a Address) IsASCII() bool { return isASCII(a.Local) && isASCII(a.Domain) }

// ASCIIDomain returns the domain in lower case, Unicode labels as A-labels: the
// form to compare and look up.
func (a Address) ASCIIDomain() string {
	if isASCII(a.Domain) {
		return strings.ToLower(a.Domain)
	}
	d, err := idna.Lookup.ToASCII(a.Domain)
	if err != nil {
		return strings.ToLower(a.Domain)
	}
	return d
}

// ToASCII returns the address with a domain that is not ASCII converted to
// A-labels. The error is ErrNeedsUTF8 if the local part is not ASCII.
func (a Address) ToASCII() (Address, error) {
	if a.NeedsUTF8() {
		return Address{}, ErrNeedsUTF8
	}
	if !isASCII(a.Domain) {
		d, err := idna.Lookup.ToASCII(a.Domain)
		if err != nil {
			return Address{}, ErrBadDomain
		}
		a.Domain = d
	}
	return a, nil
}

// Append appends the address, quoted where needed and without angle brackets.
// It fails if the address has no local part, an invalid domain, control
// characters or angle brackets.
func (a Address) Append(dst []byte) ([]byte, error) {
	n := len(dst)
	dst, ok := a.appendLocal(dst)
	if !ok {
		return dst[:n], ErrBadLocal
	}
	if a.Domain == "" {
		if strings.EqualFold(a.Local, "postmaster") {
			return dst, nil
		}
		return dst[:n], ErrNoDomain
	}
	// What a lenient parser accepted may be sent on.
	if !validDomain(a.Domain, AllowUnderscores) {
		return dst[:n], ErrBadDomain
	}
	dst = append(dst, '@')
	return append(dst, a.Domain...), nil
}

// AppendPath appends the address in angle brackets, "<>" for the zero Address.
func (a Address) AppendPath(dst []byte) ([]byte, error) {
	if a.IsZero() {
		return append(dst, "<>"...), nil
	}
	n := len(dst)
	dst, err := a.Append(append(dst, '<'))
	if err != nil {
		return dst[:n], err
	}
	return append(dst, '>'), nil
}

func (a Address) appendLocal(dst []byte) (_ []byte, ok bool) {
	if isDotString(a.Local) {
		return append(dst, a.Local...), true
	}
	ok = a.Local != "" && utf8.ValidString(a.Local)
	dst = append(dst, '"')
	for i := range len(a.Local) {
		c := a.Local[i]
		switch {
		case c < ' ' || c == 0x7f || c == '<' || c == '>':
			ok = false
			c = '?'
		case c == '"' || c == '\\':
			dst = append(dst, '\\')
		}
		dst = append(dst, c)
	}
	return append(dst, '"'), ok
}

// String returns the address as people read it, without angle brackets and
// empty for the zero Address. It is for logs and messages: characters that
// can't be written are replaced by question marks.
func (a Address) String() string {
	if a.IsZero() {
		return ""
	}
	dst, _ := a.appendLocal(make([]byte, 0, len(a.Local)+len(a.Domain)+3))
	if a.Domain != "" {
		dst = append(dst, '@')
		for i := range len(a.Domain) {
			c := a.Domain[i]
			if c <= ' ' || c == 0x7f || c == '<' || c == '>' {
				c = '?'
			}
			dst = append(dst, c)
		}
	}
	return string(dst)
}

// MarshalText returns the written form of the address, as [Address.Append].
func (a Address) MarshalText() ([]byte, error) {
	if a.IsZero() {
		return nil, nil
	}
	return a.Append(nil)
}

// UnmarshalText parses as [ParseAddress]; empty text is the zero Address.
func (a *Address) UnmarshalText(text []byte) (err error) {
	if len(text) == 0 {
		*a = Address{}
		return nil
	}
	*a, err = ParseAddress(string(text))
	return err
}
