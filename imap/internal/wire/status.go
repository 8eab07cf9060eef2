package wire

import (
	"strings"

	"github.com/posthorn-mail/posthorn/imap"
)

// Status appends a whole status response with its CRLF: tagged, or untagged if
// tag is empty. code and args may be empty.
func (e *Encoder) Status(tag string, cond imap.Condition, code imap.Code, args, text string) *Encoder {
	e.Tag(tag).SP().Raw(string(cond)).SP()
	if code != "" {
		e.Code(code, args).SP()
	}
	return e.Text(text).CRLF()
}

// Error appends err as a status response with its CRLF.
func (e *Encoder) Error(tag string, err *imap.Error) *Encoder {
	return e.Status(tag, err.Status, err.Code, err.CodeArgs, err.Text)
}

// Code appends a response code in its brackets. Arguments that would end the
// line are left out.
func (e *Encoder) Code(code imap.Code, args string) *Encoder {
	if !allOf(string(code), classAtom) {
		return e.fail("response code %q", code)
	}
	e.B = append(e.B, '[')
	e.B = append(e.B, code...)
	if args != "" && strings.IndexFunc(args, func(r rune) bool { return r < ' ' || r == 0x7f }) < 0 {
		e.B = append(e.B, ' ')
		e.B = append(e.B, args...)
	}
	e.B = append(e.B, ']')
	return e
}

// AppendUID appends the response code in its brackets (RFC 4315 §3).
func (e *Encoder) AppendUID(c imap.AppendUID) *Encoder {
	return e.Raw("[APPENDUID ").Uint(uint64(c.UIDValidity)).SP().UIDSet(c.UIDs).Raw("]")
}

// CopyUID appends the response code in its brackets (RFC 4315 §3).
func (e *Encoder) CopyUID(c imap.CopyUID) *Encoder {
	return e.Raw("[COPYUID ").Uint(uint64(c.UIDValidity)).SP().UIDSet(c.Source).SP().UIDSet(c.Dest).Raw("]")
}

// Text appends a text for people. It can hold anything: control characters
// become blanks, and what the peer can't take becomes "?". It is never empty.
func (e *Encoder) Text(s string) *Encoder {
	n := len(e.B)
	for _, r := range s {
		switch {
		case r < ' ' || r == 0x7f:
			e.B = append(e.B, ' ')
		case r < 0x80:
			e.B = append(e.B, byte(r))
		case e.UTF8:
			e.B = append(e.B, string(r)...)
		default:
			e.B = append(e.B, '?')
		}
	}
	switch {
	case len(e.B) == n:
		e.B = append(e.B, '-')
	case e.B[n] == '[' && n > 0 && e.B[n-1] == ' ' && (n < 2 || e.B[n-2] != ']'):
		e.B[n] = '(' // would read as a response code
	}
	return e
}
