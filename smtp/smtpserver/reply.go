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
	c.reply(smtp.Reply{Code: code, Enhanced: enhanced, Text: text}, false)
}

// reply is send; utf8 says that the client takes UTF-8 in this reply.
func (c *Conn) reply(r smtp.Reply, utf8 bool) {
	if c.disabled.Has(smtp.ExtEnhancedCodes) {
		r.Enhanced = smtp.EnhancedCode{}
	}
	if utf8 {
		c.tp.Write(r.AppendUTF8(c.tp.AvailableBuffer()))
		return
	}
	c.tp.Write(r.Append(c.tp.AvailableBuffer()))
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
	c.failed(smtp.Reply(*e), false)
}

// failed sends the reply to a command that failed, and counts it.
func (c *Conn) failed(r smtp.Reply, utf8 bool) {
	if r.Code != 421 && c.tp.Spend(c.ctx, textproto.FailureRate, 1) != nil {
		c.overdone("too many errors")
		return
	}
	c.reply(r, utf8)
}

// refuse answers a command that the Session refused.
func (c *Conn) refuse(err error) {
	r := smtp.Reply(*c.asReply(err))
	utf8 := false
	if r.Code == 551 { // RFC 6531 §3.7.4.1: the other address may need it
		utf8 = c.tx != nil && c.tx.mail.Options.UTF8
		if !utf8 && !isASCII(r.Text) {
			r.Code = 550
		}
	}
	c.refuseWith(r, utf8)
}

// refuseWith counts a refusal and sends the reply.
func (c *Conn) refuseWith(r smtp.Reply, utf8 bool) {
	if c.refusals++; c.refusals >= limit(c.srv.Limits.Refusals, 100) {
		r = smtp.Reply{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: c.srv.host + " too many errors, closing connection"}
	}
	c.failed(r, utf8)
	if r.Code == 421 {
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
	if errors.Is(err, textproto.ErrTooMuchWork) {
		return errTooMuchWork
	}
	if errors.Is(err, textproto.ErrTooMuchMemory) {
		return errNoMemory
	}
	if context.Cause(c.ctx) != nil {
		return &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 2}, Text: c.srv.host + " closing connection"}
	}
	c.log.Error("smtp: command failed", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
	return &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "local error in processing, try again later"}
}

// errTooMuchWork is the reply to a command that costs too much (RFC 3463 §3.5: mail
// system congestion).
var errTooMuchWork = &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 4, 5}, Text: "command costs too much, try again later"}

// errNoMemory is the reply to a command that there is no memory for (RFC 5321 §4.2.3).
var errNoMemory = &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 3, 1}, Text: "not enough memory, try again later"}

// tooMuch makes the error of textproto.Conn.Work a reply, unless it is that of the
// connection.
func (c *Conn) tooMuch(err error) error {
	if errors.Is(err, textproto.ErrTooMuchWork) {
		return errTooMuchWork
	}
	return err
}

// errText is what to tell a client of an error of textproto.
func errText(err error) string {
	s := err.Error()
	if _, rest, ok := strings.Cut(s, ": "); ok {
		return rest
	}
	return s
}
