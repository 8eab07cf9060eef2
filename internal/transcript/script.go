package transcript

import (
	"encoding/base64"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"strings"
)

// A Script is a parsed file.
type Script struct {
	Path    string
	options map[string]string
	steps   []step
}

// Option returns the value of the line "@name value", or "".
func (s *Script) Option(name string) string { return s.options[name] }

// HasOption reports whether there is a line "@name", with or without a value.
func (s *Script) HasOption(name string) bool { _, ok := s.options[name]; return ok }

type kind uint8

const (
	send         kind = iota // C:
	sendRaw                  // C-
	expect                   // S:
	expectMany               // S*
	expectAny                // S&
	expectRaw                // S-
	startTLS                 // STARTTLS
	expectClosed             // CLOSE
	halfClose                // HALFCLOSE
	drop                     // DROP
)

var words = map[string]kind{
	"STARTTLS": startTLS, "CLOSE": expectClosed, "HALFCLOSE": halfClose, "DROP": drop,
}

var marks = map[string]kind{
	"C:": send, "C-": sendRaw, "S:": expect, "S*": expectMany, "S&": expectAny, "S-": expectRaw,
}

type step struct {
	line int    // in the file, from 1
	conn string // "" or a number
	kind kind
	text string
}

// Load reads a script from a file.
func Load(path string) (*Script, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	return Parse(path, string(b))
}

// Parse reads a script from text; path is for messages.
func Parse(path, text string) (*Script, error) {
	s := &Script{Path: path, options: map[string]string{}}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		if line[0] == '@' {
			name, value, _ := strings.Cut(line[1:], " ")
			s.options[name] = strings.TrimSpace(value)
			continue
		}
		st := step{line: i + 1}
		if num, rest, ok := strings.Cut(line, " "); ok && strings.Trim(num, "0123456789") == "" {
			st.conn, line = num, rest
		}
		if k, ok := words[line]; ok {
			st.kind = k
		} else if k, ok := marks[line[:min(2, len(line))]]; ok {
			st.kind, st.text = k, strings.TrimPrefix(line[2:], " ")
		} else {
			return nil, fmt.Errorf("%s:%d: %q is not a line of a transcript", path, i+1, line)
		}
		if st.kind == sendRaw || st.kind == expectRaw {
			if _, err := strconv.Unquote(variable.ReplaceAllString(st.text, "")); err != nil {
				return nil, fmt.Errorf("%s:%d: %s is not a Go string", path, i+1, st.text)
			}
		}
		s.steps = append(s.steps, st)
	}
	return s, nil
}

var variable = regexp.MustCompile(`\$\{(?:([A-Za-z]\w*)|b64 ("(?:[^"\\]|\\.)*")|rep (\d+) ("(?:[^"\\]|\\.)*"))\}`)

// expand replaces ${…}.
func expand(text string, vars map[string]string) (string, error) {
	var err error
	out := variable.ReplaceAllStringFunc(text, func(m string) string {
		g := variable.FindStringSubmatch(m)
		var v string
		switch {
		case g[1] != "":
			s, ok := vars[g[1]]
			if !ok {
				err = fmt.Errorf("%s is not set", m)
			}
			return s
		case g[2] != "":
			v, err = strconv.Unquote(g[2])
			return base64.StdEncoding.EncodeToString([]byte(v))
		default:
			v, err = strconv.Unquote(g[4])
			n, _ := strconv.Atoi(g[3])
			return strings.Repeat(v, n)
		}
	})
	return out, err
}

var capture = regexp.MustCompile(`^[A-Za-z]\w*:`)

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

// compile makes a regular expression from a pattern whose variables are
// expanded.
func compile(pattern string) (*regexp.Regexp, error) {
	var b strings.Builder
	b.WriteString(`\A(?s:`)
	for {
		lit, rest, ok := strings.Cut(pattern, "{{")
		b.WriteString(regexp.QuoteMeta(lit))
		if !ok {
			break
		}
		// An expression may itself end in a brace: {{\d{3}}}.
		end := strings.Index(rest, "}}")
		if end < 0 {
			return nil, fmt.Errorf("{{ without }} in %q", pattern)
		}
		for strings.HasPrefix(rest[end+2:], "}") {
			end++
		}
		expr := rest[:end]
		if name := capture.FindString(expr); name != "" {
			fmt.Fprintf(&b, "(?P<%s>%s)", name[:len(name)-1], expr[len(name):])
		} else {
			fmt.Fprintf(&b, "(?:%s)", expr)
		}
		pattern = rest[end+2:]
	}
	b.WriteString(`)\z`)
	return regexp.Compile(b.String())
}
