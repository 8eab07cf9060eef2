package smtp

import (
	"errors"
	"strings"
)

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
		return len(value) <= 1000
	},
	append: func(dst []byte, o *MailOptions, _ bool) ([]byte, bool, error) {
		for i, word := range o.Solicit {
			if !validSolicitation(word) {
				return dst, false, errors.New("bad solicitation class keyword")
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
