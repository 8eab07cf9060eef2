package smtp

import (
	"strconv"
	"strings"
)

// Features holds what a server announced in its reply to EHLO.
type Features struct {
	// Domain is the name that the server gave.
	Domain string

	// Extensions are the announced extensions that this package knows.
	Extensions ExtensionSet

	keywords []keyword
}

type keyword struct{ name, params string }

// What of a reply to EHLO is kept. Real servers announce some twenty keywords, and
// the longest list that several lines make up, of AUTH, has a few hundred octets.
const (
	maxKeywords = 100
	maxJoined   = 4096
)

// ParseFeatures reads the text of a reply to EHLO, lines separated by LF (RFC
// 5321 §4.1.1.1). Lines that are not keywords are skipped, and so are those beyond
// 100 keywords, or 4096 octets of parameters of one keyword in several lines.
func ParseFeatures(text string) Features {
	first, rest, more := strings.Cut(text, "\n")
	var f Features
	f.Domain, _, _ = strings.Cut(first, " ")
	for more {
		var line string
		line, rest, more = strings.Cut(rest, "\n")
		name, params, _ := strings.Cut(strings.TrimSpace(line), " ")
		// "AUTH=PLAIN LOGIN" is the form that clients older than RFC 2554
		// expect.
		if old, mechs, found := strings.Cut(name, "="); found && (strings.EqualFold(old, "AUTH") || strings.EqualFold(old, "X-EXPS")) {
			name, params = old, mechs+" "+params
		}
		if !isKeyword(name) {
			continue
		}
		f.add(name, strings.TrimSpace(params))
	}
	return f
}

func (f *Features) add(name, params string) {
	if e, ok := LookupExtension(name); ok {
		f.Extensions = f.Extensions.With(e)
	}
	for i, k := range f.keywords {
		if strings.EqualFold(k.name, name) {
			if params != "" && params != k.params && len(k.params)+len(params) < maxJoined {
				f.keywords[i].params = strings.TrimSpace(k.params + " " + params)
			}
			return
		}
	}
	if len(f.keywords) < maxKeywords {
		f.keywords = append(f.keywords, keyword{name, params})
	}
}

// Has reports whether the server announced e.
func (f *Features) Has(e Extension) bool { return f.Extensions.Has(e) }

// Param returns the parameters of an EHLO keyword, and whether the keyword was
// announced. The keyword need not be one that this package knows.
func (f *Features) Param(keyword string) (string, bool) {
	for _, k := range f.keywords {
		if strings.EqualFold(k.name, keyword) {
			return k.params, true
		}
	}
	return "", false
}

// Mechanisms returns the SASL mechanisms that the server offers, in capitals. Where
// there is no AUTH they are those of X-EXPS, as which Exchange announces what it takes
// with AUTH.
func (f *Features) Mechanisms() []string {
	params, ok := f.Param("AUTH")
	if !ok {
		params, _ = f.Param("X-EXPS")
	}
	list := strings.Fields(strings.ToUpper(params))
	out := list[:0]
	seen := make(map[string]bool, len(list))
	for _, m := range list {
		if !seen[m] {
			seen[m] = true
			out = append(out, m)
		}
	}
	return out
}

// MaxSize returns the maximum size of a message in octets, or zero if the
// server announced no limit (RFC 1870 §4).
func (f *Features) MaxSize() int64 {
	params, _ := f.Param("SIZE")
	n, err := strconv.ParseInt(params, 10, 64)
	if err != nil || n < 0 {
		return 0
	}
	return n
}

// Limits are the numbers of RFC 9422 that a server announces for a session.
// Zero means that it announced none.
type Limits struct {
	MailMax       int // transactions in a session
	RcptMax       int // recipients in a transaction
	RcptDomainMax int // different recipient domains in a session
}

// Limits returns the values of LIMITS. Unknown and malformed items are skipped
// (RFC 9422 §3).
func (f *Features) Limits() Limits {
	var l Limits
	params, _ := f.Param("LIMITS")
	for _, item := range strings.Fields(params) {
		name, value, _ := strings.Cut(item, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || n > 999999 || value[0] == '+' {
			continue
		}
		switch strings.ToUpper(name) {
		case "MAILMAX":
			l.MailMax = n
		case "RCPTMAX":
			l.RcptMax = n
		case "RCPTDOMAINMAX":
			l.RcptDomainMax = n
		}
	}
	return l
}

// isKeyword checks an ehlo-keyword or esmtp-keyword (RFC 5321 §4.1.1.1).
func isKeyword(s string) bool {
	if s == "" || !isAlnum(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlnum(s[i]) && s[i] != '-' {
			return false
		}
	}
	return true
}
