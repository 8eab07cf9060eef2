package smtp

import (
	"errors"
	"strings"
)

// maxSolicitation is how long a list of keywords may be (RFC 3865 §2.2).
const maxSolicitation = 1000

// ParseSolicitation reads a Solicitation field, with its name or only its value: the
// solicitation class keywords of a message (RFC 3865 §2.5). What is none is left out,
// and what is behind the 1000 octets that a list may have (§2.2).
func ParseSolicitation(field string) (keywords []string) {
	return solicitationKeywords(fieldValue(field, "Solicitation"))
}

// AppendSolicitation appends the field with its CRLF, folded. It fails if one of the
// keywords can't stand there or the list is too long.
func AppendSolicitation(dst []byte, keywords []string) ([]byte, error) {
	n, size := len(dst), -1
	dst = append(dst, "Solicitation: "...)
	for i, word := range keywords {
		if size += 1 + len(word); !validSolicitation(word) || size > maxSolicitation {
			return dst[:n], errSolicitation
		}
		if i > 0 {
			dst = append(dst, ",\r\n\t"...)
		}
		dst = append(dst, word...)
	}
	if len(keywords) == 0 {
		return dst[:n], errSolicitation
	}
	return append(dst, "\r\n"...), nil
}

var errSolicitation = errors.New("bad solicitation class keyword, or too many of them")

// NoSoliciting returns the solicitation class keywords of which the server takes no
// messages; the list is empty if it has not said which (RFC 3865 §2.1).
func (f *Features) NoSoliciting() []string {
	params, _ := f.Param("NO-SOLICITING")
	return solicitationKeywords(params)
}

func solicitationKeywords(s string) (keywords []string) {
	size := -1
	for word := range strings.FieldsFuncSeq(s, func(c rune) bool { return strings.ContainsRune(", \t\r\n", c) }) {
		if size += 1 + len(word); size > maxSolicitation {
			break
		}
		if validSolicitation(word) {
			keywords = append(keywords, word)
		}
	}
	return keywords
}

// Soliciting returns the refusal of a message whose keywords, those of its SOLICIT
// parameter or of its Solicitation field, name one of which the server has said that it
// takes none, and nil of any other (RFC 3865 §2.4).
func Soliciting(refused, keywords []string) error {
	for _, word := range keywords {
		for _, no := range refused {
			if strings.EqualFold(word, no) {
				return &Error{550, EnhancedCode{5, 7, 1}, "SOLICIT=" + word}
			}
		}
	}
	return nil
}

// solicitParam is SOLICIT of RFC 3865 §2.4: solicitation keywords, which are
// domain names with an optional ":" part, separated by commas.
var solicitParam = mailParam{
	keyword: "SOLICIT", ext: ExtNoSoliciting,
	parse: func(_ *Parser, o *MailOptions, value string) bool {
		o.Solicit = strings.Split(value, ",")
		for _, word := range o.Solicit {
			if !validSolicitation(word) {
				return false
			}
		}
		return len(value) <= maxSolicitation
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		for i, word := range o.Solicit {
			if !validSolicitation(word) {
				return dst, false, errSolicitation
			}
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = append(dst, word...)
		}
		return dst, len(o.Solicit) > 0, nil
	},
}

func validSolicitation(s string) bool {
	for i := range len(s) {
		if c := s[i]; !isAlnum(c) && c != '-' && c != '.' && c != ':' && c != '_' && c != '/' {
			return false
		}
	}
	return s != "" && isAlnum(s[0])
}
