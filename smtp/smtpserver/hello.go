package smtpserver

import (
	"github.com/posthorn-mail/posthorn/smtp"
)

// greet opens the session and greets the client. It reports whether to go on.
func (c *Conn) greet() bool {
	session, err := c.srv.Backend.NewSession(c.ctx, c)
	if err != nil {
		e := c.asReply(err)
		c.send(e.Code, e.Enhanced, c.srv.host+" "+e.Text)
		// RFC 5321 §3.1, RFC 7504 §3: the client may only QUIT now.
		c.state = stRefused
		return e.Code/100 == 5
	}
	c.session = session
	protocol := " ESMTP"
	if c.srv.LMTP {
		protocol = " LMTP"
	}
	c.send(220, smtp.EnhancedCode{}, c.srv.host+protocol+" service ready")
	return true
}

// hello is HELO and EHLO (RFC 5321 §4.1.1.1), or LHLO (RFC 2033 §4.1).
func hello() extension {
	parse := (*smtp.Parser).Hello
	return extension{commands: []command{
		{verb: "EHLO", states: stAny, breaks: true, run: with(parse, func(c *Conn, name string) { c.greeted(name, true, false) })},
		{verb: "HELO", states: stAny, breaks: true, run: with(parse, func(c *Conn, name string) { c.greeted(name, false, false) })},
		{verb: "LHLO", states: stAny, breaks: true, run: with(parse, func(c *Conn, name string) { c.greeted(name, true, true) })},
	}}
}

func (c *Conn) greeted(name string, extended, lmtp bool) {
	if lmtp != c.srv.LMTP {
		// RFC 2033 §4.1: an LMTP server must not take HELO or EHLO.
		c.wrong(&smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "command unrecognized"})
		return
	}
	if s, ok := optional[HelloSession](c.session); ok {
		if err := s.Hello(c.ctx, name); err != nil {
			c.refuse(err)
			return
		}
	}
	c.reset() // RFC 5321 §4.1.4
	c.hello, c.extended, c.state = name, extended, stReady
	c.disabled = c.srv.Disable
	if c.srv.DisableFor != nil {
		c.disabled |= c.srv.DisableFor(c)
	}
	c.errors, c.refusals = 0, 0
	if !extended {
		c.parser.Extensions = 0
		c.send(250, smtp.EnhancedCode{}, c.greeting())
		return
	}
	c.parser.Extensions = c.offer()
	text := append(make([]byte, 0, 512), c.greeting()...)
	for i := range c.srv.extensions {
		f := &c.srv.extensions[i]
		if !f.keyword || !c.parser.Extensions.Has(f.ext) {
			continue
		}
		text = append(append(text, '\n'), f.ext.String()...)
		if f.params != nil {
			text = f.params(c, text)
		}
	}
	c.send(250, smtp.EnhancedCode{}, string(text))
}

// greeting is the first line of the reply to HELO and EHLO. It repeats the client's
// name only where it is one: the line must not be divided, since clients read the
// others as keywords.
func (c *Conn) greeting() string {
	if !smtp.ValidDomain(c.hello) || len(c.srv.host)+len(c.hello) > 400 {
		return c.srv.host + " greets you"
	}
	return c.srv.host + " greets " + c.hello
}

// base is what is there in every state (RFC 5321 §4.1.1.5, .9, .10).
func base() extension {
	return extension{commands: []command{
		{verb: "NOOP", states: stAny, run: func(c *Conn, arg string) { c.ok(250, smtp.EnhancedCode{2, 0, 0}, "OK") }},
		{verb: "RSET", states: stAny, batch: true, breaks: true, run: bare(func(c *Conn) {
			c.reset()
			c.ok(250, smtp.EnhancedCode{2, 0, 0}, "OK")
		})},
		{verb: "QUIT", states: stAny | stRefused, breaks: true, run: bare(func(c *Conn) {
			c.send(221, smtp.EnhancedCode{2, 0, 0}, c.srv.host+" closing connection")
			c.goodbye = true
		})},
	}}
}

// help is HELP (RFC 5321 §4.1.1.8).
func help() extension {
	return extension{
		keyword: true, ext: smtp.ExtHelp,
		commands: []command{{verb: "HELP", states: stAny, run: func(c *Conn, arg string) {
			text := []byte("commands:")
			for i := range c.srv.extensions {
				f := &c.srv.extensions[i]
				for j := range f.commands {
					if c.has(f) && (f.commands[j].verb != "LHLO") != (c.srv.LMTP && isHello(f.commands[j].verb)) {
						text = append(append(text, ' '), f.commands[j].verb...)
					}
				}
			}
			c.ok(214, smtp.EnhancedCode{2, 0, 0}, string(text)+"\nsee RFC 5321")
		}}},
	}
}

func isHello(verb string) bool { return verb == "EHLO" || verb == "HELO" || verb == "LHLO" }
