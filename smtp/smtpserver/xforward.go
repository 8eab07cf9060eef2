package smtpserver

import (
	"slices"

	"github.com/posthorn-mail/posthorn/smtp"
)

// xforwardNames are the attributes that XFORWARD takes.
var xforwardNames = []string{"NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE"}

// xforward is Postfix's XFORWARD: a trusted relay says where the next message came
// from, for logs.
func xforward() extension {
	return extension{
		keyword: true, ext: smtp.ExtXForward,
		offered: (*Conn).trusted,
		params: func(c *Conn, dst []byte) []byte {
			for _, name := range xforwardNames {
				dst = append(append(dst, ' '), name...)
			}
			return dst
		},
		commands: []command{{verb: "XFORWARD", states: stReady, batch: true, run: with((*smtp.Parser).Attributes, (*Conn).cmdXForward)}},
	}
}

// cmdXForward replaces the attributes that are given and leaves the others. All are
// forgotten with the end of the next transaction (XFORWARD_README, "XFORWARD Server
// operation"): see Conn.reset.
func (c *Conn) cmdXForward(list []smtp.Attribute) {
	forward := slices.Clone(c.proxy().forward) // a Session may have the old one
	for _, a := range list {
		if !slices.Contains(xforwardNames, a.Name) || len(a.Value) > 255 {
			c.wrong(&smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "bad " + a.Name + " attribute"})
			return
		}
		if i := slices.IndexFunc(forward, func(b smtp.Attribute) bool { return b.Name == a.Name }); i >= 0 {
			forward[i] = a
		} else {
			forward = append(forward, a)
		}
	}
	c.proxy().forward = forward
	c.ok(250, smtp.EnhancedCode{2, 0, 0}, "OK")
}
