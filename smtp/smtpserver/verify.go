package smtpserver

import (
	"errors"
	"strings"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/smtp"
)

// vrfy is VRFY (RFC 5321 §3.5). There is always an answer, so it needs no
// keyword.
func vrfy() extension {
	return extension{commands: []command{{verb: "VRFY", states: stAny, run: named(func(c *Conn, name string, utf8 bool) {
		v, ok := optional[Verifier](c.session)
		if !ok || c.state == stChunk { // the Session is in Data
			c.verified("", utf8, errCannotVerify)
			return
		}
		text, err := v.Verify(c.ctx, name, utf8)
		c.verified(text, utf8, err)
	})}}}
}

var errCannotVerify = &smtp.Error{Code: 252, Enhanced: smtp.EnhancedCode{2, 5, 0}, Text: "cannot VRFY user, but will accept message and attempt delivery"}

// expn is EXPN (RFC 5321 §3.5.1).
func expn() extension {
	return extension{
		keyword: true, ext: smtp.ExtEXPN,
		offered: func(c *Conn) bool { _, ok := optional[Expander](c.session); return ok },
		commands: []command{{verb: "EXPN", states: stAny, run: named(func(c *Conn, list string, utf8 bool) {
			if c.state == stChunk { // the Session is in Data
				c.ok(252, smtp.EnhancedCode{2, 5, 0}, "cannot EXPN list now, but will accept message and attempt delivery")
				return
			}
			members, err := c.session.(Expander).Expand(c.ctx, list, utf8)
			c.verified(strings.Join(members, "\n"), utf8, err)
		})}},
	}
}

// named makes the run function of VRFY or EXPN.
func named(do func(c *Conn, name string, utf8 bool)) func(*Conn, string) {
	return func(c *Conn, arg string) {
		name, utf8, err := c.parser.String(arg)
		switch {
		case err != nil:
			c.wrong(err)
		case name == "":
			c.wrong(&smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "argument missing"})
		default:
			do(c, name, utf8)
		}
	}
}

// verified answers VRFY or EXPN. A Session may return 252 as an error, which is
// none.
func (c *Conn) verified(text string, utf8 bool, err error) {
	r := smtp.Reply{Code: 250, Enhanced: smtp.EnhancedCode{2, 1, 5}, Text: text}
	var e *smtp.Error
	switch {
	case err == nil:
	case errors.As(err, &e) && (e.Code/100 == 2 || e.Code/100 == 5):
		r = smtp.Reply(*e)
	default:
		c.refuse(err)
		return
	}
	if !utf8 && !isASCII(r.Text) { // RFC 6531 §3.7.4.2
		r.Code, r.Enhanced = 252, smtp.EnhancedCode{2, 6, 8}
		if err != nil && e.Code/100 == 5 {
			r.Code, r.Enhanced = 550, smtp.EnhancedCode{5, 6, 8}
		}
		r.Text = "the reply needs UTF-8, which the client did not allow"
	}
	if r.Code >= 400 {
		c.refuseWith(r, utf8)
		return
	}
	c.errors, c.refusals = 0, 0
	c.reply(r, utf8)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
