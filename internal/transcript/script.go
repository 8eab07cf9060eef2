package transcript

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// A Script is a parsed file.
type Script struct {
	Path    string
	options map[string]string
	steps   []step
	timeout time.Duration // of each step
}

// Name returns the name of the file without its extension.
func (s *Script) Name() string {
	return strings.TrimSuffix(filepath.Base(s.Path), filepath.Ext(s.Path))
}

// Option returns the value of the line "@name value", or "".
func (s *Script) Option(name string) string { return s.options[name] }

// HasOption reports whether there is a line "@name", with or without a value.
func (s *Script) HasOption(name string) bool { _, ok := s.options[name]; return ok }

type kind uint8

const (
	lines        kind = iota // C: S:
	octets                   // C- S-
	many                     // C* S*
	anyOrder                 // C& S&
	startTLS                 // STARTTLS
	deflate                  // DEFLATE
	pause                    // WAIT
	silent                   // SILENT
	serverCloses             // CLOSE
	serverResets             // RESET
	serverEnds               // EOF
	clientCloses             // DROP
	clientEnds               // HALFCLOSE
)

var words = map[string]kind{
	"STARTTLS": startTLS, "DEFLATE": deflate, "WAIT": pause, "SILENT": silent,
	"CLOSE": serverCloses, "RESET": serverResets, "EOF": serverEnds, "DROP": clientCloses, "HALFCLOSE": clientEnds,
}

var marks = map[byte]kind{':': lines, '-': octets, '*': many, '&': anyOrder}

type step struct {
	line int    // in the file, from 1
	conn string // "" or a number
	kind kind
	side byte // 'C' or 'S': who sends the line or the octets
	text string
	time time.Duration // of WAIT and SILENT
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
	s := &Script{Path: path, options: map[string]string{}, timeout: stepTimeout}
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSuffix(line, "\r")
		if line == "" || line[0] == '#' {
			continue
		}
		fail := func(format string, args ...any) (*Script, error) {
			return nil, fmt.Errorf("%s:%d: %s", path, i+1, fmt.Sprintf(format, args...))
		}
		if line[0] == '@' {
			name, value, _ := strings.Cut(line[1:], " ")
			value = strings.TrimSpace(value)
			s.options[name] = value
			if name == "timeout" {
				var err error
				if s.timeout, err = time.ParseDuration(value); err != nil {
					return fail("%v", err)
				}
			}
			continue
		}
		st := step{line: i + 1}
		if num, rest, ok := strings.Cut(line, " "); ok && strings.Trim(num, "0123456789") == "" {
			st.conn, line = num, rest
		}
		word, arg, _ := strings.Cut(line, " ")
		if k, ok := words[word]; ok {
			st.kind = k
			switch timed := k == pause || k == silent; {
			case timed:
				var err error
				if st.time, err = time.ParseDuration(arg); err != nil {
					return fail("%v", err)
				}
			case arg != "":
				return fail("%q follows %s", arg, word)
			}
			s.steps = append(s.steps, st)
			continue
		}
		known := false
		if len(line) >= 2 && (line[0] == 'C' || line[0] == 'S') {
			st.side = line[0]
			st.kind, known = marks[line[1]]
		}
		if !known {
			return fail("%q is not a line of a transcript", line)
		}
		st.text = strings.TrimPrefix(line[2:], " ")
		if st.kind == octets {
			if _, err := strconv.Unquote(variable.ReplaceAllString(st.text, "")); err != nil || st.text[0] != '"' {
				return fail("%s is not a Go string", st.text)
			}
		}
		s.steps = append(s.steps, st)
	}
	return s, nil
}

// check returns an error if a side cannot play the script.
func (s *Script) check(side byte) error {
	for _, st := range s.steps {
		if st.side == side && (st.kind == many || st.kind == anyOrder) {
			return fmt.Errorf("%s:%d: lines to be sent are given by %c: or %c-", s.Path, st.line, side, side)
		}
	}
	return nil
}
