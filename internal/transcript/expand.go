package transcript

import (
	"encoding/base64"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

var variable = regexp.MustCompile(`\$\{(?:([A-Za-z]\w*)|(b64|lit|rep)(?: (\d+))? ("(?:[^"\\]|\\.)*"))\}`)

// expand replaces ${…}.
func expand(text string, vars map[string]string) (string, error) {
	var err error
	out := variable.ReplaceAllStringFunc(text, func(m string) string {
		g := variable.FindStringSubmatch(m)
		if g[1] != "" {
			s, ok := vars[g[1]]
			if !ok {
				err = fmt.Errorf("%s is not set", m)
			}
			return s
		}
		v, bad := strconv.Unquote(g[4])
		if bad != nil {
			err = fmt.Errorf("%s: %w", m, bad)
		}
		if g[3] != "" {
			n, bad := strconv.Atoi(g[3])
			if bad != nil {
				err = fmt.Errorf("%s: %w", m, bad)
			}
			v = strings.Repeat(v, n)
		}
		switch g[2] {
		case "b64":
			return base64.StdEncoding.EncodeToString([]byte(v))
		case "lit":
			return fmt.Sprintf("{%d}\r\n%s", len(v), v)
		default: // rep
			return v
		}
	})
	return out, err
}

// expandRaw replaces ${…} in a Go string and unquotes it.
func expandRaw(text string, vars map[string]string) (string, error) {
	var b strings.Builder
	for text = text[1 : len(text)-1]; ; {
		loc := variable.FindStringIndex(text)
		if loc == nil {
			loc = []int{len(text), len(text)}
		}
		lit, err := strconv.Unquote(`"` + text[:loc[0]] + `"`)
		if err != nil {
			return "", err
		}
		val, err := expand(text[loc[0]:loc[1]], vars)
		if err != nil {
			return "", err
		}
		b.WriteString(lit)
		b.WriteString(val)
		if text = text[loc[1]:]; text == "" {
			return b.String(), nil
		}
	}
}

var capture = regexp.MustCompile(`^[A-Za-z]\w*:`)

// compile makes a regular expression from a pattern whose variables are
// expanded.
func compile(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A(?s:`)
	for {
		lit, rest, ok := strings.Cut(pattern, "{{")
		// No expression begins with a brace: {{{n:\d+}}} is one in braces.
		for ok && strings.HasPrefix(rest, "{") {
			lit, rest = lit+"{", rest[1:]
		}
		b.WriteString(regexp.QuoteMeta(lit))
		if !ok {
			break
		}
		end := strings.Index(rest, "}}")
		if end < 0 {
			return nil, fmt.Errorf("{{ without }} in %q", pattern)
		}
		// It may end with one: {{\d{3}}}.
		for strings.HasPrefix(rest[end+2:], "}") && strings.Count(rest[:end], "{") > strings.Count(rest[:end], "}") {
			end++
		}
		expr := rest[:end]
		if name := capture.FindString(expr); name != "" {
			if expr = expr[len(name):]; expr == "" {
				expr = `\S+`
			}
			fmt.Fprintf(&b, "(?P<%s>%s)", name[:len(name)-1], expr)
		} else {
			fmt.Fprintf(&b, "(?:%s)", expr)
		}
		pattern = rest[end+2:]
	}
	b.WriteString(`)\z`)
	return regexp.Compile(b.String())
}
