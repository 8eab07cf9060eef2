package smtp

import (
	"crypto/tls"
	"net/mail"
	"net/netip"
	"strings"
	"time"
)

// ParseReceived reads a Received field, with its name or only its value, folded or
// not. It takes the forms in use besides that of RFC 5321 §4.4, such as those of
// Postfix, Exim, Sendmail, Exchange, Gmail and qmail, and returns what it finds; ok is
// false if that is nothing. Of TLS only the version and the cipher suite can be known,
// of a suite that crypto/tls does not name only the version. A Hello or Name that is
// "unknown" is left empty. What is behind the first 4096 octets is not read.
//
// The field tells what its writer wanted to tell: trust only those of hosts that
// are known.
func ParseReceived(field string) (r Received, ok bool) {
	value := fieldValue(field, "Received")
	p := receivedParser{rest: value[:min(len(value), maxReceived)], r: &r}
	p.parse()
	if p.seenHello {
		// The word after "from" is what the host found out by itself, unless it is
		// "unknown" or no name.
		if name := hostName(p.from); name != "" {
			r.Name = name
		}
	} else {
		r.Hello = p.from
	}
	if addr := literalAddr(p.from); !r.Addr.IsValid() && addr.IsValid() {
		r.Addr = addr
	}
	if r.Hello == "unknown" {
		r.Hello = ""
	}
	return r, r != Received{}
}

// maxReceived is more than any writer needs, and bounds the time that a field with
// quotes, comments and semicolons that do not match can take.
const maxReceived = 4096

// fieldValue returns the value of a field that may come with its name.
func fieldValue(field, name string) string {
	if n := len(name); len(field) > n && strings.EqualFold(field[:n], name) {
		if rest := strings.TrimLeft(field[n:], " \t"); strings.HasPrefix(rest, ":") {
			field = rest[1:]
		}
	}
	return strings.TrimSpace(field)
}

type receivedParser struct {
	rest      string
	r         *Received
	from      string // the word after "from"
	seenHello bool   // a comment has told the name from EHLO
	failed    int    // quoted strings without an end, and semicolons without a date
}

// maxFailed bounds receivedParser.failed: each may cost a look at all that follows.
const maxFailed = 8

// parse reads clauses, each a keyword and a word, and comments.
func (p *receivedParser) parse() {
	clause := "" // the keyword whose word has come last
	want := ""   // the keyword whose word comes next
	for {
		p.rest = strings.TrimLeft(p.rest, " \t\r\n")
		switch {
		case p.rest == "":
			return
		case p.rest[0] == ';':
			p.rest = p.rest[1:]
			if p.failed == maxFailed {
				continue
			}
			if t, ok := receivedDate(p.rest); ok {
				p.r.Time = t
				return
			}
			p.failed++
		case p.rest[0] == '(':
			p.comment(p.cut(cutComment), clause)
		case want != "":
			p.word(want, p.cut(p.wordEnd))
			clause, want = want, ""
		default:
			switch word := p.cut(p.wordEnd); strings.ToLower(word) {
			case "from", "by", "with", "id", "for", "via":
				want = strings.ToLower(word)
			default:
				p.tls(word) // Exim writes the suite behind "tls"
			}
		}
	}
}

// cut splits the rest after its first n octets.
func (p *receivedParser) cut(length func(string) int) string {
	n := length(p.rest)
	s := p.rest[:n]
	p.rest = p.rest[n:]
	return s
}

// cutComment returns the length of the comment at the start of s. One that is not
// closed ends before the last semicolon, behind which is the date.
func cutComment(s string) int {
	depth := 0
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '(':
			depth++
		case ')':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	if i := strings.LastIndexByte(s, ';'); i > 0 {
		return i
	}
	return len(s)
}

// wordEnd returns the length of the word at the start of s. Blanks and semicolons in
// quotes belong to it.
func (p *receivedParser) wordEnd(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' && p.failed < maxFailed:
			quoted = !quoted
		case quoted && c == '\\':
			i++
		case !quoted && (c == ' ' || c == '\t' || c == '\r' || c == '\n' || c == ';' || c == '(' && i > 0):
			return i
		}
	}
	if quoted { // not closed
		p.failed++
		if i := strings.IndexAny(s[1:], " \t\r\n;("); i >= 0 {
			return i + 1
		}
	}
	return len(s)
}

// word takes the word of a clause. The first of a kind counts.
func (p *receivedParser) word(keyword, s string) {
	r := p.r
	switch field := map[string]*string{"from": &p.from, "by": &r.By, "with": &r.With, "id": &r.ID}[keyword]; {
	case field != nil && *field == "":
		*field = s
	case keyword == "for" && r.For.IsZero():
		s, _, _ = strings.Cut(strings.TrimPrefix(strings.TrimRight(s, ",>"), "<"), ">,")
		if a, err := parseAddress(s, AllowAll); err == nil {
			r.For = a
		}
	}
}

// comment looks at a comment behind a clause.
func (p *receivedParser) comment(s, clause string) {
	words := strings.FieldsFunc(s, func(c rune) bool { return strings.ContainsRune("() \t\r\n,", c) })
	var name string
	var addr netip.Addr
	qmail := len(words) > 1 && (strings.EqualFold(words[0], "helo") || strings.EqualFold(words[0], "ehlo"))
	for i, word := range words {
		p.tls(word)
		if clause != "from" {
			continue
		}
		lower := strings.ToLower(word)
		switch {
		case strings.HasPrefix(lower, "helo=") || strings.HasPrefix(lower, "ehlo="):
			p.hello(word[5:])
		case qmail && i == 0:
		case qmail && i == 1: // even if it is an address: the client says so
			p.hello(word)
		case !addr.IsValid() && commentAddr(word).IsValid():
			addr = commentAddr(word)
		case i == 0:
			name = hostName(word)
		}
	}
	if addr.IsValid() && !p.r.Addr.IsValid() {
		p.r.Addr, p.r.Name = addr, name
	}
}

func (p *receivedParser) hello(name string) {
	if !p.seenHello && name != "" {
		p.r.Hello, p.seenHello = name, true
	}
}

// tls looks for a version of TLS or a cipher suite in a word, such as TLSv1.3,
// version=TLS1_2 or cipher=TLS_AES_128_GCM_SHA256.
func (p *receivedParser) tls(word string) {
	if i := strings.LastIndexByte(word, '='); i >= 0 {
		word = word[i+1:]
	}
	rest, ok := strings.CutPrefix(word, "TLS")
	if !ok {
		return
	}
	if p.r.TLS == nil {
		version := map[string]uint16{
			"1.0": tls.VersionTLS10, "1": tls.VersionTLS10, "1.1": tls.VersionTLS11, "1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13,
		}[strings.Replace(strings.TrimPrefix(rest, "v"), "_", ".", 1)]
		if version != 0 {
			p.r.TLS = &tls.ConnectionState{Version: version}
		}
		return
	}
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, suite := range list {
			if suite.Name == word {
				p.r.TLS.CipherSuite = suite.ID
			}
		}
	}
}

// hostName returns a name without its final dot, empty if it isn't one.
func hostName(s string) string {
	s = strings.TrimSuffix(s, ".")
	if s == "unknown" || strings.HasPrefix(s, "[") || !validDomain(s, AllowAll) {
		return ""
	}
	return s
}

// commentAddr returns the IP address in a word of a comment: 192.0.2.1,
// [IPv6:2001:db8::1], [192.0.2.1]:25, ident@192.0.2.1.
func commentAddr(s string) netip.Addr {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		s = s[i+1:]
	}
	if strings.HasPrefix(s, "[") {
		if i := strings.IndexByte(s, ']'); i > 0 {
			return literalAddr(s[:i+1])
		}
	}
	return literalAddr("[" + s + "]")
}

// literalAddr returns the IP address of an address literal, also of one without the
// tag IPv6.
func literalAddr(s string) netip.Addr {
	if len(s) < 2 || s[0] != '[' || s[len(s)-1] != ']' {
		return netip.Addr{}
	}
	s = s[1 : len(s)-1]
	if len(s) > 5 && strings.EqualFold(s[:5], "IPv6:") {
		s = s[5:]
	}
	a, err := netip.ParseAddr(s)
	if err != nil {
		return netip.Addr{}
	}
	return a.Unmap().WithZone("")
}

// maxDate is how long a date with its comments may be.
const maxDate = 256

// receivedDate reads what follows the semicolon.
func receivedDate(s string) (time.Time, bool) {
	if len(s) > maxDate {
		return time.Time{}, false
	}
	s = strings.Join(strings.Fields(s), " ")
	if t, err := mail.ParseDate(s); err == nil {
		return t, true
	}
	for _, layout := range []string{"Mon Jan _2 15:04:05 2006", "Mon Jan 2 15:04:05 MST 2006", "Mon, 2 Jan 2006 15:04:05", time.RFC3339} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// ParseReturnPath reads a Return-Path field, with its name or only its value (RFC 5321
// §4.4). Angle brackets may be missing, and a source route is skipped. The zero
// Address is the null reverse-path.
func ParseReturnPath(field string) (Address, error) {
	s := strings.Join(strings.Fields(fieldValue(field, "Return-Path")), " ")
	if !strings.HasPrefix(s, "<") {
		s = "<" + s + ">"
	}
	a, rest, err := (&Parser{Allow: AllowAll, MaxPath: len(s)}).path(s, true)
	if err == nil && strings.TrimSpace(rest) != "" && !strings.HasPrefix(strings.TrimSpace(rest), "(") {
		err = errSyntax
	}
	if err != nil {
		return Address{}, err
	}
	return a, nil
}
