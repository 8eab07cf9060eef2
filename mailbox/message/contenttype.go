package message

import "strings"

// maxParams bounds the parameters of one field.
const maxParams = 200

// parseContentType reads a Content-Type (RFC 2045 §5.1) into the part. A value
// that can't be parsed leaves the part with the default type (RFC 2045 §5.2).
func parseContentType(p *Part, s string) DefectKind {
	var t tokens
	typ, rest := t.cut(s)
	rest = t.skip(rest)
	kind := DefectKind(0)
	switch {
	case typ == "":
		kind = DefectContentType
	case strings.HasPrefix(rest, "/"):
		sub, r := t.cut(rest[1:])
		rest = r
		if sub == "" {
			kind = DefectContentType
			break
		}
		p.Type, p.Subtype = strings.ToLower(typ), strings.ToLower(sub)
	default:
		kind = DefectContentType
	}
	params, ok := t.params(rest)
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
	var t tokens
	typ, rest := t.cut(s)
	params, ok := t.params(rest)
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
	var t tokens
	s = t.skip(s)
	if len(s) >= 2 && s[0] == '"' {
		s = s[1:]
	}
	tok, _ := t.cut(s)
	return strings.ToLower(tok)
}

// parseLanguages reads a Content-Language (RFC 3282 §2).
func parseLanguages(s string) []string {
	var t tokens
	var tags []string
	for s = t.skip(s); s != "" && len(tags) < maxParams; s = t.skip(s) {
		tag, rest := t.cut(s)
		if tag == "" {
			rest = s[1:]
		} else {
			tags = append(tags, tag)
		}
		s = rest
	}
	return tags
}

// tokens reads the value of a MIME field from left to right, and looks at each
// octet a bounded number of times: nothing goes back into a comment, and few that
// have no end are looked through.
type tokens struct {
	open int // comments without an end that were met
}

// maxOpen is how many comments without an end are looked for. Each may cost a look
// at all that follows; after so many, parentheses have no meaning.
const maxOpen = 4

// params reads "; name=value" to the end. ok is false if anything was skipped or
// guessed.
func (t *tokens) params(s string) (params []Param, ok bool) {
	ok = true
	for {
		s = t.skip(s)
		for strings.HasPrefix(s, ";") {
			s = t.skip(s[1:])
		}
		if s == "" {
			return params, ok
		}
		if len(params) == maxParams {
			return params, false
		}
		name, rest := t.cut(s)
		rest = t.skip(rest)
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
		value, s, clean = t.value(strings.TrimLeft(rest[1:], " \t"))
		ok = ok && clean
		params = append(params, Param{Name: strings.ToLower(name), Value: value})
	}
}

// value reads the value of a parameter, quoted or not, and returns what follows it.
func (t *tokens) value(s string) (value, rest string, clean bool) {
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
	} else if tok, after := t.cut(s); tok != "" {
		if after = t.skip(after); after == "" || after[0] == ';' {
			return tok, after, true
		}
		// "charset=utf-8 format=flowed": a semicolon is missing.
		if name, eq := t.cut(after); name != "" && strings.HasPrefix(t.skip(eq), "=") && !strings.HasPrefix(s[len(tok):], "=") {
			return tok, after, false
		}
	}
	// Blanks or specials in a value without quotes: read up to the semicolon. One
	// in a comment does not count.
	i := 0
	for i < len(s) && s[i] != ';' {
		i += max(1, t.comment(s[i:]))
	}
	return strings.TrimRight(s[:i], " \t"), s[i:], false
}

// cut cuts a token (RFC 2045 §5.1) off the start of s, after blanks and comments.
// Octets above 127 are taken as part of it.
func (t *tokens) cut(s string) (token, rest string) {
	s = t.skip(s)
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

// skip skips blanks and comments (RFC 5322 §3.2.2), but no comment without an end.
func (t *tokens) skip(s string) string {
	for {
		for s != "" && (s[0] == ' ' || s[0] == '\t' || s[0] == '\r' || s[0] == '\n') {
			s = s[1:]
		}
		n := t.comment(s)
		if n == 0 {
			return s
		}
		s = s[n:]
	}
}

// comment returns the length of the comment at the start of s, or 0.
func (t *tokens) comment(s string) int {
	if s == "" || s[0] != '(' || t.open == maxOpen {
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
	t.open++
	return 0
}
