package smtp

import (
	"errors"
	"strings"
)

// An Attribute is a name and value of the XCLIENT and XFORWARD commands of
// Postfix. Absent says that there is no value ([UNAVAILABLE]) and TempUnavail
// that it is not known at present ([TEMPUNAVAIL]).
type Attribute struct {
	Name        string // in capitals
	Value       string // decoded
	Absent      bool
	TempUnavail bool
}

// Attributes parses the argument of XCLIENT or XFORWARD: name=value pairs, the
// values in xtext.
func (p *Parser) Attributes(arg string) ([]Attribute, error) {
	var list []Attribute
	for word := range strings.FieldsSeq(arg) {
		name, value, found := strings.Cut(word, "=")
		if !found || !isKeyword(name) {
			return nil, errSyntax
		}
		a := Attribute{Name: strings.ToUpper(name)}
		switch strings.ToUpper(value) {
		case "[UNAVAILABLE]":
			a.Absent = true
		case "[TEMPUNAVAIL]":
			a.TempUnavail = true
		default:
			s, ok := ParseXtext(value)
			if !ok || s == "" || !isPrintable(s) {
				return nil, errSyntax
			}
			a.Value = s
		}
		list = append(list, a)
	}
	if len(list) == 0 {
		return nil, errSyntax
	}
	return list, nil
}

// AppendAttributes appends a command such as XCLIENT with its attributes and
// CRLF.
func AppendAttributes(dst []byte, command string, list []Attribute) ([]byte, error) {
	n := len(dst)
	if !isKeyword(command) {
		return dst, errors.New("smtp: bad command name")
	}
	dst = append(dst, command...)
	for _, a := range list {
		if !isKeyword(a.Name) {
			return dst[:n], errors.New("smtp: bad attribute name")
		}
		dst = append(append(append(dst, ' '), a.Name...), '=')
		switch {
		case a.Absent:
			dst = append(dst, "[UNAVAILABLE]"...)
		case a.TempUnavail:
			dst = append(dst, "[TEMPUNAVAIL]"...)
		case a.Value == "":
			return dst[:n], errors.New("smtp: empty attribute value")
		default:
			dst = AppendXtext(dst, a.Value)
		}
	}
	return append(dst, "\r\n"...), nil
}
