package smtpserver

import (
	"context"
	"errors"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// send writes a reply.
func (c *Conn) send(code int, enhanced smtp.EnhancedCode, text string) {
	if c.disabled.Has(smtp.ExtEnhancedCodes) {
		enhanced = smtp.EnhancedCode{}
	}
	c.tp.Write(smtp.Reply{Code: code, Enhanced: enhanced, Text: text}.Append(c.tp.AvailableBuffer()))
}

// ok answers a command that was carried out.
func (c *Conn) ok(code int, enhanced smtp.EnhancedCode, text string) {
	c.errors, c.refusals = 0, 0
	c.send(code, enhanced, text)
}

// wrong answers a command that breaks the protocol.
func (c *Conn) wrong(err error) {
	var e *smtp.Error
	if !errors.As(err, &e) {
		c.refuse(err)
		return
	}
	if c.errors++; c.errors >= limit(c.srv.MaxBadCommands, DefaultMaxBadCommands) {
		c.overdone("too many errors")
		return
	}
	c.failed(e)
}

// failed sends the reply to a command that failed, and counts it.
func (c *Conn) failed(e *smtp.Error) {
	if e.Code != 421 && c.tp.Spend(c.ctx, textproto.Failures, 1) != nil {
		c.overdone("too many errors")
		return
	}
	c.send(e.Code, e.Enhanced, e.Text)
}

// refuse answers a command that the Session refused.
func (c *Conn) refuse(err error) {
	e := c.asReply(err)
	if c.refusals++; c.refusals >= limit(c.srv.Limits.Refusals, 100) {
		e = &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: c.srv.host + " too many errors, closing connection"}
	}
	c.failed(e)
	if e.Code == 421 {
		c.goodbye = true
	}
}

// asReply makes an error of a Session a reply.
func (c *Conn) asReply(err error) *smtp.Error {
	var e *smtp.Error
	if errors.As(err, &e) {
		if e.Code >= 400 {
			return e
		}
		return &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: e.Text}
	}
	if context.Cause(c.ctx) != nil {
		return &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 2}, Text: c.srv.host + " closing connection"}
	}
	c.log.Error("smtp: command failed", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
	return &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "local error in processing, try again later"}
}

// errText is what to tell a client of an error of textproto.
func errText(err error) string {
	s := err.Error()
	if _, rest, ok := strings.Cut(s, ": "); ok {
		return rest
	}
	return s
}
