package smtpserver

import (
	"sync"

	"github.com/posthorn-mail/posthorn/smtp"
)

// transaction is MAIL, RCPT and DATA (RFC 5321 §3.3).
func transaction() extension {
	return extension{commands: []command{
		{verb: "MAIL", states: stReady, batch: true, message: true, run: (*Conn).cmdMail},
		{verb: "RCPT", states: stTx, batch: true, message: true, run: (*Conn).cmdRcpt},
		{verb: "DATA", states: stTx, message: true, run: bare((*Conn).cmdData)},
	}}
}

// A tx is what a Conn holds during a transaction only, so that idle connections
// are small.
type tx struct {
	mail   smtp.MailCommand
	rcpt   smtp.RcptCommand // of the present command
	body   body
	result [1]error // of the message in SMTP
}

var txPool = sync.Pool{New: func() any { return new(tx) }}

func (c *Conn) endTx() {
	if c.tx != nil {
		*c.tx = tx{}
		txPool.Put(c.tx)
		c.tx = nil
	}
}

func (c *Conn) cmdMail(arg string) {
	switch {
	case c.srv.RequireTLS && c.tp.TLS() == nil:
		c.wrong(errNeedTLS)
		return
	case c.srv.RequireAuth && c.identity == "":
		c.wrong(errNeedAuth)
		return
	case c.srv.Limits.Transactions > 0 && c.mails >= c.srv.Limits.Transactions:
		// RFC 9422 §4.1
		c.wrong(&smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 5, 3}, Text: "too many messages in this session"})
		return
	}
	if c.tx == nil {
		c.tx = txPool.Get().(*tx)
	}
	defer func() {
		if c.state == stReady {
			c.endTx()
		}
	}()
	if err := c.parser.Mail(arg, &c.tx.mail); err != nil {
		c.wrong(err)
		return
	}
	o := &c.tx.mail.Options
	if o.Size > c.srv.maxMessage() { // RFC 1870 §6.1
		c.refuse(errTooLarge)
		return
	}
	if !c.srv.holds(o) {
		c.refuse(errHold)
		return
	}
	if err := c.srv.solicited(o.Solicit); err != nil {
		c.refuse(err)
		return
	}
	if o.Auth != nil && c.identity == "" {
		o.Auth = &smtp.Address{} // RFC 4954 §5: from who isn't trusted it means nothing
	}
	if err := c.session.Mail(c.ctx, c.tx.mail.From, o); err != nil {
		c.refuse(err)
		return
	}
	c.tp.LoggedIn()
	c.state = stMail
	c.idle = 0
	c.mails++
	c.recipients = 0
	c.ok(250, smtp.EnhancedCode{2, 1, 0}, "sender OK")
}

func (c *Conn) cmdRcpt(arg string) {
	if err := c.parser.Rcpt(arg, c.tx.mail.Options.UTF8, &c.tx.rcpt); err != nil {
		c.wrong(err)
		return
	}
	if c.recipients >= limit(c.srv.Limits.Recipients, 100) { // RFC 5321 §4.5.3.1.10
		// However many there are, the message can still be sent to those that
		// were taken: it is no reason to end the session.
		c.send(452, smtp.EnhancedCode{4, 5, 3}, "too many recipients")
		return
	}
	domain, ok := c.domainFits(c.tx.rcpt.To)
	if !ok {
		c.send(452, smtp.EnhancedCode{4, 5, 3}, "too many recipient domains in this session")
		return
	}
	if err := c.session.Rcpt(c.ctx, c.tx.rcpt.To, &c.tx.rcpt.Options); err != nil {
		c.refuse(err)
		return
	}
	c.state = stRcpt
	c.recipients++
	if domain != "" {
		if c.domains == nil {
			c.domains = make(map[string]struct{})
		}
		c.domains[domain] = struct{}{}
	}
	c.ok(250, smtp.EnhancedCode{2, 1, 5}, "recipient OK")
}

// domainFits reports whether a recipient may be one as far as its domain goes (RFC
// 9422 §4.3), and returns the domain if it is to be remembered.
func (c *Conn) domainFits(to smtp.Address) (domain string, ok bool) {
	max := c.srv.Limits.RecipientDomains
	if max <= 0 || to.Domain == "" { // the postmaster has none
		return "", true
	}
	domain = to.ASCIIDomain()
	if _, known := c.domains[domain]; known {
		return "", true
	}
	return domain, len(c.domains) < max
}

var (
	errNeedTLS  = &smtp.Error{Code: 530, Enhanced: smtp.EnhancedCode{5, 7, 0}, Text: "must issue a STARTTLS command first"} // RFC 3207 §4
	errNeedAuth = &smtp.Error{Code: 530, Enhanced: smtp.EnhancedCode{5, 7, 0}, Text: "authentication required"}             // RFC 4954 §6
	errHold     = &smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "message can't be held that long"}     // RFC 4865 §4
	errTooLarge = &smtp.Error{Code: 552, Enhanced: smtp.EnhancedCode{5, 3, 4}, Text: "message too big"}                     // RFC 1870 §6.1
)
