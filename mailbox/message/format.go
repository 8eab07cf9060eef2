package message

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// ErrAddress is wrapped by errors about values that can't be written as an
// address.
var ErrAddress = errors.New("message: address can't be written")

// AddrSpec returns local@domain as defined in RFC 5322 §3.4.1, with the local
// part quoted where necessary. The error, which wraps ErrAddress, means that
// the local part or the domain is empty or contains what can't be written:
// control characters anywhere, and in a domain anything that could end it.
//
// The result is always parsed into the same Local and Domain; no character in
// them can add another address or a parameter to the text.
func (a Address) AddrSpec() (string, error) {
	b, err := a.appendAddrSpec(nil)
	return string(b), err
}

func (a Address) appendAddrSpec(b []byte) ([]byte, error) {
	if a.Local == "" || a.Domain == "" {
		return b, fmt.Errorf("%w: %q@%q is incomplete", ErrAddress, a.Local, a.Domain)
	}
	if err := checkText("local part", a.Local); err != nil {
		return b, err
	}
	if !isDomain(a.Domain) {
		return b, fmt.Errorf("%w: domain %q", ErrAddress, a.Domain)
	}
	if isDotAtom(a.Local) {
		b = append(b, a.Local...)
	} else {
		b = appendQuoted(b, a.Local)
	}
	b = append(b, '@')
	return append(b, a.Domain...), nil
}

// AppendAddresses appends the list as the value of a field such as To (RFC 5322
// §3.4), without folding it. Names are quoted where necessary. Encoded words in
// them are kept, and characters beyond ASCII are written as UTF-8 (RFC 6532):
// encode them first where that isn't wanted. Routes are omitted, as RFC 5322
// §4.4 requires. Errors wrap ErrAddress.
func AppendAddresses(b []byte, list []Address) ([]byte, error) {
	inGroup, first := false, true
	var err error
	for _, a := range list {
		if a.Kind == GroupEnd {
			if !inGroup {
				return b, fmt.Errorf("%w: end of a group that has not started", ErrAddress)
			}
			b = append(b, ';')
			inGroup, first = false, false
			continue
		}
		if !first {
			b = append(b, ", "...)
		}
		first = false
		if a.Kind == GroupStart {
			if inGroup || a.Name == "" {
				return b, fmt.Errorf("%w: group within a group, or without a name", ErrAddress)
			}
			if b, err = appendPhrase(b, a.Name); err != nil {
				return b, err
			}
			b = append(b, ": "...)
			inGroup, first = true, true
			continue
		}
		if b, err = a.appendMailbox(b); err != nil {
			return b, err
		}
	}
	if inGroup {
		return b, fmt.Errorf("%w: group without an end", ErrAddress)
	}
	return b, nil
}

func (a Address) appendMailbox(b []byte) ([]byte, error) {
	if a.Name == "" {
		return a.appendAddrSpec(b)
	}
	b, err := appendPhrase(b, a.Name)
	if err != nil {
		return b, err
	}
	if b, err = a.appendAddrSpec(append(b, " <"...)); err != nil {
		return b, err
	}
	return append(b, '>'), nil
}

// String returns the address as AppendAddresses writes it, and for an address
// that can't be written, its parts quoted as in Go. For the marks of a group
// it returns "name:" and ";".
func (a Address) String() string {
	switch a.Kind {
	case GroupStart:
		return a.Name + ":"
	case GroupEnd:
		return ";"
	}
	b, err := a.appendMailbox(nil)
	if err != nil {
		return fmt.Sprintf("%q <%q@%q>", a.Name, a.Local, a.Domain)
	}
	return string(b)
}

// appendPhrase appends a display name: unchanged if it consists of atoms
// (encoded words are atoms), otherwise as a quoted string.
func appendPhrase(b []byte, s string) ([]byte, error) {
	if err := checkText("name", s); err != nil {
		return b, err
	}
	for w := range strings.SplitSeq(s, " ") {
		if !isAtom(w) {
			return appendQuoted(b, s), nil
		}
	}
	return append(b, s...), nil
}

func appendQuoted(b []byte, s string) []byte {
	b = append(b, '"')
	for i := range len(s) {
		if s[i] == '"' || s[i] == '\\' {
			b = append(b, '\\')
		}
		b = append(b, s[i])
	}
	return append(b, '"')
}

// checkText refuses characters that can't be quoted.
func checkText(what, s string) error {
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return fmt.Errorf("%w: control character in the %s %q", ErrAddress, what, s)
		}
	}
	if !utf8.ValidString(s) {
		return fmt.Errorf("%w: %s %q is not UTF-8", ErrAddress, what, s)
	}
	return nil
}

// isDomain reports whether s is a dot-atom or a domain literal.
func isDomain(s string) bool {
	if s[0] == '[' && s[len(s)-1] == ']' && len(s) > 2 {
		for _, c := range []byte(s[1 : len(s)-1]) {
			if c <= ' ' || c >= 0x7f || c == '[' || c == ']' || c == '\\' {
				return false
			}
		}
		return true
	}
	return utf8.ValidString(s) && isDotAtom(s)
}

func isDotAtom(s string) bool {
	for w := range strings.SplitSeq(s, ".") {
		if !isAtom(w) {
			return false
		}
	}
	return true
}

// isAtom reports whether s is an atom (RFC 5322 §3.2.3, with RFC 6532 §3.2).
func isAtom(s string) bool {
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c == 0x7f || c == '.' || isSpecial(c) {
			return false
		}
	}
	return s != ""
}
