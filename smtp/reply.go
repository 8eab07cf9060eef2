package smtp

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// An EnhancedCode is an enhanced status code (RFC 3463): class, subject,
// detail. The zero value means that there is none.
type EnhancedCode [3]uint16

// IsZero reports whether there is no code.
func (c EnhancedCode) IsZero() bool { return c == EnhancedCode{} }

// String returns the code as "5.1.1", empty for the zero value.
func (c EnhancedCode) String() string {
	if c.IsZero() {
		return ""
	}
	return string(c.append(nil))
}

func (c EnhancedCode) append(dst []byte) []byte {
	for i, n := range c {
		if i > 0 {
			dst = append(dst, '.')
		}
		dst = strconv.AppendUint(dst, uint64(n), 10)
	}
	return dst
}

// CutEnhancedCode splits the enhanced status code off the start of a reply's
// text. If there is none, it returns the zero code and the whole text.
func CutEnhancedCode(text string) (EnhancedCode, string) {
	var c EnhancedCode
	rest := text
	for i := range c {
		n := 0
		for n < len(rest) && '0' <= rest[n] && rest[n] <= '9' {
			c[i] = c[i]*10 + uint16(rest[n]-'0')
			n++
		}
		// class is one digit, the others up to three (RFC 3463 §2)
		if n == 0 || n > 3 || i == 0 && (n > 1 || c[0] != 2 && c[0] != 4 && c[0] != 5) {
			return EnhancedCode{}, text
		}
		rest = rest[n:]
		if i < 2 {
			if rest == "" || rest[0] != '.' {
				return EnhancedCode{}, text
			}
			rest = rest[1:]
		}
	}
	if rest == "" || rest[0] == '\n' {
		return c, rest
	}
	if rest[0] != ' ' {
		return EnhancedCode{}, text
	}
	return c, rest[1:]
}

// A Reply is a server's answer to a command (RFC 5321 §4.2).
type Reply struct {
	// Code has three digits, 200 to 559.
	Code int

	// Enhanced is the enhanced status code, if there is one.
	Enhanced EnhancedCode

	// Text is for people; its lines are separated by LF. It does not contain
	// the enhanced code.
	Text string
}

// maxReplyLine is the maximum length of a reply line, with CRLF (RFC 5321
// §4.5.3.1.5).
const maxReplyLine = 512

// Append appends the reply in wire format. The text cannot add another reply:
// characters that are not printable ASCII are replaced by question marks, and
// long lines are split.
func (r Reply) Append(dst []byte) []byte { return r.append(dst, false) }

// AppendUTF8 is Append for a client that takes UTF-8 in this reply (RFC 6531 §3.7.4).
// What is no UTF-8, or a control character, becomes a question mark.
func (r Reply) AppendUTF8(dst []byte) []byte { return r.append(dst, true) }

func (r Reply) append(dst []byte, utf bool) []byte {
	text := r.Text
	for more := true; more; {
		var line string
		line, text, more = strings.Cut(text, "\n")
		prefix := 6
		if !r.Enhanced.IsZero() {
			prefix += 10
		}
		for len(line) > maxReplyLine-prefix {
			n := strings.LastIndexByte(line[:maxReplyLine-prefix], ' ')
			if n <= 0 {
				n = maxReplyLine - prefix
				for m := n; utf && m > n-utf8.UTFMax; m-- {
					if utf8.RuneStart(line[m]) {
						n = m
						break
					}
				}
			}
			dst = r.appendLine(dst, line[:n], utf, true)
			line = strings.TrimPrefix(line[n:], " ")
		}
		dst = r.appendLine(dst, line, utf, more)
	}
	return dst
}

func (r Reply) appendLine(dst []byte, line string, utf, more bool) []byte {
	code := r.Code
	if code < 200 || code > 599 {
		code = 451 // the code is missing
	}
	dst = append(dst, byte('0'+code/100), byte('0'+code/10%10), byte('0'+code%10))
	if more {
		dst = append(dst, '-')
	} else {
		dst = append(dst, ' ')
	}
	// RFC 2034 §4: on each line, and only in 2xx, 4xx and 5xx replies.
	if !r.Enhanced.IsZero() && code/100 != 3 {
		dst = r.Enhanced.append(dst)
		dst = append(dst, ' ')
	}
	if utf && !isASCII(line) {
		for _, c := range line {
			if c < ' ' && c != '\t' || c >= 0x7f && c < 0xa0 || c == utf8.RuneError {
				c = '?'
			}
			dst = utf8.AppendRune(dst, c)
		}
		return append(dst, "\r\n"...)
	}
	n := len(dst)
	dst = append(dst, line...)
	for i, c := range dst[n:] {
		if c < ' ' && c != '\t' || c >= 0x7f {
			dst[n+i] = '?'
		}
	}
	return append(dst, "\r\n"...)
}

// ErrBadReply is the error for a line that is not an SMTP reply.
var ErrBadReply = errors.New("smtp: malformed reply")

// CutReplyLine splits a line of a reply, without CRLF, into the code, whether
// it is the last line of the reply, and the text. A line with the code only is
// accepted, as RFC 5321 §4.2 recommends.
func CutReplyLine(line []byte) (code int, last bool, text []byte, err error) {
	if len(line) < 3 {
		return 0, false, nil, ErrBadReply
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, nil, ErrBadReply
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, nil, ErrBadReply
	}
	switch {
	case len(line) == 3:
		return code, true, nil, nil
	case line[3] == ' ' || line[3] == '\t':
		return code, true, line[4:], nil
	case line[3] == '-':
		return code, false, line[4:], nil
	}
	return 0, false, nil, ErrBadReply
}

// Positive reports whether the reply means success (2yz).
func (r Reply) Positive() bool { return r.Code/100 == 2 }

// Err returns the reply as a *Error, or nil if it is neither 4yz nor 5yz.
func (r Reply) Err() error {
	if r.Code < 400 {
		return nil
	}
	e := Error(r)
	return &e
}

// String returns the reply on one line.
func (r Reply) String() string {
	b := strconv.AppendInt(nil, int64(r.Code), 10)
	if !r.Enhanced.IsZero() {
		b = r.Enhanced.append(append(b, ' '))
	}
	if r.Text != "" {
		b = append(b, ' ')
		for i := range len(r.Text) {
			c := r.Text[i]
			switch {
			case c == '\n':
				c = ' '
			case c < ' ' || c == 0x7f:
				c = '?'
			}
			b = append(b, c)
		}
	}
	return string(b)
}

// An Error is a negative reply, with code 4yz or 5yz. Clients return it, and a
// server sends exactly the one that its backend returns.
type Error Reply

// Error returns the reply on one line.
func (e *Error) Error() string { return Reply(*e).String() }

// Temporary reports whether the same may succeed later (4yz).
func (e *Error) Temporary() bool { return e.Code/100 == 4 }

// Is makes errors.Is match errors with the same code; if Enhanced or Text of
// the target is set, these must be equal too.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.Code == e.Code && (t.Enhanced.IsZero() || t.Enhanced == e.Enhanced) && (t.Text == "" || t.Text == e.Text)
}
