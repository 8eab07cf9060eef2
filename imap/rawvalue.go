package imap

import (
	"strconv"
	"strings"
)

// NIL returns the value NIL.
func NIL() Value { return Value{} }

// Atom returns an atom. A value that is not one can't be written; see
// [Value.Valid].
func Atom(s string) Value { return Value{Kind: ValueAtom, Text: s} }

// String returns a string. It is written in quotes, or as a literal if it has
// characters that can't be quoted.
func String(s string) Value { return Value{Kind: ValueString, Text: s} }

// MailboxName returns the name of a mailbox, which is written in the encoding that names
// have when it is sent: modified UTF-7, or UTF-8 (RFC 3501 §5.1.3, RFC 6855 §3).
func MailboxName(name string) Value { return Value{Kind: ValueMailbox, Text: name} }

// Number returns a number, which may not be negative.
func Number(n int64) Value { return Atom(strconv.FormatInt(n, 10)) }

// ListOf returns a parenthesized list.
func ListOf(v ...Value) Value { return Value{Kind: ValueList, List: v} }

// Valid reports whether v can be written. An atom may be more than the atom of
// RFC 9051 §9: a flag, a message set, a pattern with "*" and "%", and what has a
// section in brackets, such as BODY[HEADER.FIELDS (To)]<0.5>. Outside of the
// brackets it has no blanks and no parentheses, and it never has quotes, control
// characters, or "{", which begins a literal.
func (v Value) Valid() bool {
	switch v.Kind {
	case ValueNIL:
		return true
	case ValueAtom:
		return validAtom(v.Text)
	case ValueString, ValueMailbox:
		return strings.IndexByte(v.Text, 0) < 0
	case ValueList:
		for _, x := range v.List {
			if !x.Valid() {
				return false
			}
		}
		return true
	}
	return false
}

func validAtom(s string) bool {
	if s == "" || s[0] == '-' && strings.Trim(s, "-0123456789") == "" {
		return false // a negative number
	}
	brackets, parens := 0, 0
	for i := range len(s) {
		switch c := s[i]; {
		case c == '[':
			brackets++
		case c == ']':
			brackets--
		case c == '(' && brackets > 0:
			parens++
		case c == ')' && brackets > 0:
			parens--
		case c == ' ' && brackets > 0, c == '*', c == '%', c == '\\' && i == 0 && len(s) > 1:
		case !IsAtomChar(c):
			return false
		}
		if brackets < 0 || parens < 0 || parens > 0 && brackets == 0 {
			return false
		}
	}
	return brackets == 0 && parens == 0
}

// Raw is a command that this package has no type for.
type Raw struct {
	// Command is the name: one atom, or "UID" and an atom.
	Command string
	Args    []Value
}

// Name returns the command's name in capitals, without "UID".
func (c *Raw) Name() string {
	name := strings.ToUpper(c.Command)
	if rest, ok := strings.CutPrefix(name, "UID "); ok {
		return rest
	}
	return name
}
