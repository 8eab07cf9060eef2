package message

import "strings"

// maxParams bounds the parameters of one field.
const maxParams = 200

// parseContentType reads a Content-Type (RFC 2045 §5.1) into the part. A value
// that can't be parsed leaves the part with the default type (RFC 2045 §5.2).
func parseContentType(p *Part, s string) DefectKind {
	typ, rest := cutToken(s)
	rest = skipCFWS(rest)
	kind := DefectKind(0)
	switch {
	case typ == "":
		kind = DefectContentType
	case strings.HasPrefix(rest, "/"):
		sub, r := cutToken(skipCFWS(rest[1:]))
		rest = r
		if sub == "" {
			kind = DefectContentType
			break
		}
		p.Type, p.Subtype = strings.ToLower(typ), strings.ToLower(sub)
	default:
		kind = DefectContentType
	}
	params, ok := parseParams(rest)
	p.Params = params
	if kind == 0 && !ok {
		kind = DefectParam
	}
	if kind == DefectContentType {
		p.Type, p.Subtype = "text", "plain"
	}
	return kind
}

// parseDisposition reads a Content-Disposition (RFC 2183 §2).
func parseDisposition(p *Part, s string) DefectKind {
	typ, rest := cutToken(s)
	params, ok := parseParams(rest)
	p.Disposition, p.DispositionParams = strings.ToLower(typ), params
	if typ == "" && len(params) > 0 {
		p.Disposition, ok = "attachment", false // RFC 2183 §2.8: unknown types are treated as attachment
	}
	if !ok {
		return DefectParam
	}
	return 0
}

// parseToken returns the token that a field such as Content-Transfer-Encoding
// holds, in lower case.
func parseToken(s string) string {
	s = skipCFWS(s)
	if len(s) >= 2 && s[0] == '"' {
		s = s[1:]
	}
	tok, _ := cutToken(s)
	return strings.ToLower(tok)
}

// parseLanguages reads a Content-Language (RFC 3282 §2).
func parseLanguages(s string) []string {
	var tags []string
	for s = skipCFWS(s); s != "" && len(tags) < maxParams; s = skipCFWS(s) {
		tag, rest := cutToken(s)
		if tag == "" {
			rest = s[1:]
		} else {
			tags = append(tags, tag)
		}
		s = rest
	}
	return tags
}

// parseParams reads "; name=value" to the end. ok is false if anything was
// skipped or guessed.
func parseParams(s string) (params []Param, ok bool) {
	ok = true
	for {
		s = skipCFWS(s)
		for strings.HasPrefix(s, ";") {
			s = skipCFWS(s[1:])
		}
		if s == "" {
			return params, ok
		}
		if len(params) == maxParams {
			return params, false
		}
		name, rest := cutToken(s)
		rest = skipCFWS(rest)
		if name == "" || !strings.HasPrefix(rest, "=") {
			ok = false
			// Not a parameter: continue at the next word, or if there is none,
			// after the next semicolon.
			if name == "" {
				_, rest, _ = strings.Cut(rest, ";")
			}
			s = rest
			continue
		}
		var value string
		var clean bool
		value, s, clean = cutValue(strings.TrimLeft(rest[1:], " \t"))
		ok = ok && clean
		params = append(params, Param{Name: strings.ToLower(name), Value: value})
	}
}

// cutValue reads the value of a parameter, quoted or not, and returns what
// follows it.
func cutValue(s string) (value, rest string, clean bool) {
	if strings.HasPrefix(s, `"`) {
		for i := 1; i < len(s); i++ {
			switch s[i] {
			case '\\':
				i++
			case '"':
				return unescape(s[1:i]), s[i+1:], true
			}
		}
		s = s[1:] // unterminated: read as if unquoted
	} else if tok, after := cutToken(s); tok != "" {
		if after = skipCFWS(after); after == "" || after[0] == ';' {
			return tok, after, true
		}
		// "charset=utf-8 format=flowed": a semicolon is missing.
		if name, eq := cutToken(after); name != "" && strings.HasPrefix(skipCFWS(eq), "=") && !strings.HasPrefix(s[len(tok):], "=") {
			return tok, after, false
		}
	}
	// Blanks or specials in a value without quotes: read up to the semicolon.
	value, rest, found := strings.Cut(s, ";")
	if found {
		rest = s[len(value):]
	}
	return strings.TrimRight(value, " \t"), rest, false
}

// cutToken cuts a token (RFC 2045 §5.1) off the start of s, after blanks and
// comments. Octets above 127 are taken as part of it.
func cutToken(s string) (token, rest string) {
	s = skipCFWS(s)
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || isTSpecial(c) {
			return s[:i], s[i:]
		}
	}
	return s, ""
}

func isTSpecial(c byte) bool {
	switch c {
	case '(', ')', '<', '>', '@', ',', ';', ':', '\\', '"', '/', '[', ']', '?', '=':
		return true
	}
	return false
}

// skipCFWS skips blanks and comments (RFC 5322 §3.2.2), but no comment without
// an end.
func skipCFWS(s string) string {
	for {
		for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == '\r' || s[0] == '\n') {
			s = s[1:]
		}
		n := commentLen(s)
		if n == 0 {
			return s
		}
		s = s[n:]
	}
}

// commentLen returns the length of the comment at the start of s, or 0.
func commentLen(s string) int {
	if s == "" || s[0] != '(' {
		return 0
	}
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
	return 0
}
