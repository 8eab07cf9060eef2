package pop3

import (
	"bytes"
	"strings"
)

// Code is an extended response code (RFC 2449 §8), without brackets. Codes are
// not case-sensitive; levels are separated by "/".
type Code string

// The codes of RFC 2449 §8.1, RFC 3206 §4 and RFC 6856 §5.
const (
	CodeInUse      Code = "IN-USE"      // the maildrop is locked by another session
	CodeLoginDelay Code = "LOGIN-DELAY" // logged in too soon after the last time
	CodeSysTemp    Code = "SYS/TEMP"    // the server has a temporary problem
	CodeSysPerm    Code = "SYS/PERM"    // the server has a problem that requires intervention
	CodeAuth       Code = "AUTH"        // the credentials are wrong
	CodeUTF8       Code = "UTF8"        // the message needs UTF-8 mode
)

// Is reports whether c is code or a more specific one: "SYS/TEMP" is "SYS".
func (c Code) Is(code Code) bool {
	n := len(code)
	return len(c) >= n && strings.EqualFold(string(c[:n]), string(code)) && (len(c) == n || c[n] == '/')
}

// An Error is a negative reply: what a server sends with -ERR.
type Error struct {
	Command string // the command that was refused, without arguments; may be empty
	Code    Code   // empty if there is none
	Text    string // as the server sent it, at most MaxResponse octets
}

// Error returns the reply in one line.
func (e *Error) Error() string {
	s := "pop3: "
	if e.Command != "" {
		s += e.Command + " "
	}
	s += "refused"
	if e.Code != "" {
		s += " [" + string(e.Code) + "]"
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return s
}

// Is makes errors.Is compare the fields of target that are not empty, as in
// errors.Is(err, &pop3.Error{Code: pop3.CodeInUse}). A code also matches more
// specific ones.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && *t != (Error{}) &&
		(t.Command == "" || t.Command == e.Command) &&
		(t.Code == "" || e.Code.Is(t.Code)) &&
		(t.Text == "" || t.Text == e.Text)
}

// Temporary reports whether trying again later makes sense.
func (e *Error) Temporary() bool {
	return e.Code.Is(CodeInUse) || e.Code.Is(CodeLoginDelay) || e.Code.Is(CodeSysTemp)
}

// A Status is the first line of a reply.
type Status struct {
	OK   bool
	Code Code   // from the brackets at the beginning of the text
	Text string // what follows
}

// ParseStatus reads the first line of a reply, without CRLF. It accepts "+OK"
// and "-ERR" in any case, followed by a blank, a TAB or the end of the line. ok
// is false for anything else.
func ParseStatus(line []byte) (s Status, ok bool) {
	word, text := line, []byte(nil)
	if i := bytes.IndexAny(line, " \t"); i >= 0 {
		word, text = line[:i], line[i+1:]
	}
	switch {
	case bytes.EqualFold(word, []byte("+OK")):
		s.OK = true
	case !bytes.EqualFold(word, []byte("-ERR")):
		return s, false
	}
	if len(text) > MaxResponse {
		text = text[:MaxResponse]
	}
	s.Code, text = cutCode(text)
	s.Text = string(text)
	return s, true
}

// cutCode removes "[code]" from the beginning of a text.
func cutCode(text []byte) (Code, []byte) {
	if len(text) == 0 || text[0] != '[' {
		return "", text
	}
	end := bytes.IndexByte(text, ']')
	if end < 2 {
		return "", text
	}
	for _, b := range text[1:end] {
		if b <= ' ' || b > '~' {
			return "", text
		}
	}
	return Code(text[1:end]), bytes.TrimLeft(text[end+1:], " ")
}

// AppendStatus appends the first line of a reply, without CRLF. Octets that a
// line must not contain become question marks, and the line is truncated to
// MaxResponse octets.
func AppendStatus(b []byte, s Status) []byte {
	start := len(b)
	if s.OK {
		b = append(b, "+OK"...)
	} else {
		b = append(b, "-ERR"...)
	}
	if s.Code != "" {
		b = append(append(append(b, " ["...), s.Code...), ']')
	}
	if s.Text != "" {
		text := len(b) + 1
		b = append(append(b, ' '), s.Text...)
		if b[text] == '[' {
			b[text] = '(' // a bracket begins a code (RFC 2449 §8)
		}
	}
	line := b[start:]
	for i, c := range line {
		if c < ' ' || c == 0x7F {
			line[i] = '?'
		}
	}
	return b[:start+min(len(line), MaxResponse-2)]
}
