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

// langExt is LANG (RFC 6856 §3).
func langExt() extension {
	x := announce("LANG")
	x.commands = []command{{"LANG", anyState, (*conn).language}}
	return x
}

var english = Language{Tag: "en", Name: "English"}

// text returns the translation of a text.
func (c *conn) text(text string) string {
	if c.lang != nil {
		if t := c.lang.Texts[text]; t != "" {
			return t
		}
	}
	return text
}

// language answers LANG.
func (c *conn) language(cmd pop3.Command) {
	if cmd.Arg == "" {
		c.say(textLanguages)
		for _, l := range append([]Language{english}, c.srv.Languages...) {
			c.tp.WriteLine(strings.TrimRight(l.Tag+" "+l.Name, " "))
		}
		c.end()
		return
	}
	l := c.findLanguage(cmd.Arg)
	if l == nil {
		c.err("", textNoLanguage)
		return
	}
	c.lang = l
	c.ok(l.Tag + " " + c.text(textLanguage))
}

// findLanguage looks for a language that a basic language range matches
// (RFC 4647 §3.3.1): the tag itself, or a beginning of it up to a hyphen.
func (c *conn) findLanguage(want string) *Language {
	if want == "*" && len(c.srv.Languages) > 0 {
		return &c.srv.Languages[0]
	}
	if want == "*" || matches(want, english.Tag) {
		return &english
	}
	for i := range c.srv.Languages {
		if l := &c.srv.Languages[i]; matches(want, l.Tag) {
			return l
		}
	}
	return nil
}

func matches(want, tag string) bool {
	n := len(want)
	return len(tag) >= n && strings.EqualFold(tag[:n], want) && (len(tag) == n || tag[n] == '-')
}
