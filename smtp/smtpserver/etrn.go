package smtpserver

import (
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
)

// etrn is ETRN (RFC 1985).
func etrn() extension {
	return extension{
		keyword: true, ext: smtp.ExtETRN,
		offered:  func(c *Conn) bool { _, ok := optional[QueueStarter](c.session); return ok },
		commands: []command{{verb: "ETRN", states: stReady, run: (*Conn).cmdEtrn}},
	}
}

func (c *Conn) cmdEtrn(arg string) {
	// The option character "@" asks for subdomains too, "#" names a queue that
	// need not be a host (RFC 1985 §5.3).
	if !smtp.ValidDomain(strings.TrimPrefix(arg, "@")) && !(len(arg) > 1 && arg[0] == '#' && isPrintable(arg)) {
		c.wrong(&smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "syntax error in parameter"})
		return
	}
	if err := c.session.(QueueStarter).StartQueue(c.ctx, arg); err != nil {
		var e *smtp.Error
		if errors.As(err, &e) && e.Code/100 == 2 { // RFC 1985 §5.3: 251 to 253
			c.ok(e.Code, e.Enhanced, e.Text)
			return
		}
		c.refuse(err)
		return
	}
	c.ok(250, smtp.EnhancedCode{2, 0, 0}, "queuing started")
}

func isPrintable(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}
