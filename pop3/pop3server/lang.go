package pop3server

import (
	"strings"

	"github.com/posthorn-mail/posthorn/pop3"
)

// A Language is a language of replies (RFC 6856 §3).
type Language struct {
	Tag  string // RFC 5646: "de", "pt-BR"
	Name string // in the language itself

	// Texts maps the result of Texts() to translations. Missing ones are sent
	// in English.
	Texts map[string]string
}

var english = Language{Tag: "en", Name: "English"}

// text returns the translation of a text.
func (s *session) text(text string) string {
	if s.lang != nil {
		if t := s.lang.Texts[text]; t != "" {
			return t
		}
	}
	return text
}

// language answers LANG.
func (s *session) language(c pop3.Command) {
	if c.Arg == "" {
		s.say(textLanguages)
		for _, l := range append([]Language{english}, s.srv.Languages...) {
			s.c.WriteLine(strings.TrimRight(l.Tag+" "+l.Name, " "))
		}
		s.end()
		return
	}
	l := s.findLanguage(c.Arg)
	if l == nil {
		s.err("", textNoLanguage)
		return
	}
	s.lang = l
	s.ok(l.Tag + " " + s.text(textLanguage))
}

// findLanguage looks for a language that a basic language range matches
// (RFC 4647 §3.3.1): the tag itself, or a beginning of it up to a hyphen.
func (s *session) findLanguage(want string) *Language {
	if want == "*" && len(s.srv.Languages) > 0 {
		return &s.srv.Languages[0]
	}
	if want == "*" || matches(want, english.Tag) {
		return &english
	}
	for i := range s.srv.Languages {
		if l := &s.srv.Languages[i]; matches(want, l.Tag) {
			return l
		}
	}
	return nil
}

func matches(want, tag string) bool {
	n := len(want)
	return len(tag) >= n && strings.EqualFold(tag[:n], want) && (len(tag) == n || tag[n] == '-')
}
