package message

import "strings"

// Param returns the parameter of that name of the Content-Type, with the
// continuations and charsets of RFC 2231 joined and decoded to UTF-8, or "".
// name is in lower case.
func (p *Part) Param(name string) string {
	v, _ := decodeParam(p.Params, name)
	return v
}

// DispositionParam returns the parameter of that name of the
// Content-Disposition as Param does.
func (p *Part) DispositionParam(name string) string {
	v, _ := decodeParam(p.DispositionParams, name)
	return v
}

// Charset returns the charset parameter in lower case, or "".
func (p *Part) Charset() string { return strings.ToLower(p.Param("charset")) }

// Filename returns the name that the sender gave the part: the parameter
// filename of the Content-Disposition, else name of the Content-Type, decoded
// to UTF-8. RFC 2047 words are decoded too: RFC 2231 forbids them, but many
// senders use them. The sender chooses the name freely and may include path
// separators: never use it to open a file.
func (p *Part) Filename() string {
	v, ext := decodeParam(p.DispositionParams, "filename")
	if v == "" {
		v, ext = decodeParam(p.Params, "name")
	}
	if ext {
		return v
	}
	return DecodeText(v)
}

// decodeParam finds a parameter in any of the forms of RFC 2231: name*=
// (§4), name*0= or name*0*= and so on (§3), and plain, in this order. extended
// is true for the first two.
func decodeParam(params []Param, name string) (value string, extended bool) {
	plain, continued := -1, false
	for i := range params {
		rest, found := strings.CutPrefix(params[i].Name, name)
		switch {
		case !found:
		case rest == "*":
			charset, text := cutCharset(params[i].Value)
			return cleanText(decodeCharset(charset, percentDecode(nil, text))), true
		case rest == "" && plain < 0:
			plain = i
		case strings.HasPrefix(rest, "*0"):
			continued = true
		}
	}
	if continued {
		if v, ok := joinParam(params, name); ok {
			return v, true
		}
	}
	if plain < 0 {
		return "", false
	}
	return params[plain].Value, false
}

// joinParam joins name*0, name*1, … up to the first that is missing. They may
// occur in any order. A character may be split between segments, so octets are
// joined before they are decoded.
func joinParam(params []Param, name string) (string, bool) {
	var charset string
	var raw []byte
	n := 0
	for ; n < maxParams; n++ {
		seg, extended, ok := segment(params, name, n)
		if !ok {
			break
		}
		if n == 0 && extended {
			charset, seg = cutCharset(seg)
		}
		if extended {
			raw = percentDecode(raw, seg)
		} else {
			raw = append(raw, seg...)
		}
	}
	return cleanText(decodeCharset(charset, raw)), n > 0
}

func segment(params []Param, name string, n int) (value string, extended, ok bool) {
	for i := range params {
		rest, found := strings.CutPrefix(params[i].Name, name)
		if !found || len(rest) < 2 || rest[0] != '*' {
			continue
		}
		rest, extended = strings.CutSuffix(rest[1:], "*")
		if len(rest) == 0 || len(rest) > 3 || strings.Trim(rest, "0123456789") != "" || atoi(rest) != n {
			continue
		}
		return params[i].Value, extended, true
	}
	return "", false, false
}

// cutCharset splits charset'language'text. Without the quotes, all of it is
// text.
func cutCharset(s string) (charset, text string) {
	charset, rest, ok := strings.Cut(s, "'")
	if !ok {
		return "", s
	}
	_, text, ok = strings.Cut(rest, "'")
	if !ok {
		return "", s
	}
	return charset, text
}

// percentDecode appends s with %XX decoded. A percent sign without two hex
// digits stands for itself.
func percentDecode(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			h, l := unhex(s[i+1]), unhex(s[i+2])
			if h < 16 && l < 16 {
				dst = append(dst, h<<4|l)
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}

// unhex returns the value of a hex digit, or 255.
func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}
