package smtpserver

import (
	"strconv"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
)

// keyword is an extension that is nothing but an EHLO keyword: what it promises is
// done elsewhere.
func keyword(e smtp.Extension) extension { return extension{keyword: true, ext: e} }

// pipelining is RFC 2920: see Conn.next and Conn.dispatch.
func pipelining() extension { return keyword(smtp.ExtPipelining) }

// eightBitMIME is RFC 6152. 8-bit data is taken without it too: real clients
// send it undeclared.
func eightBitMIME() extension { return keyword(smtp.Ext8BitMIME) }

// smtputf8 is RFC 6531.
func smtputf8() extension { return keyword(smtp.ExtSMTPUTF8) }

// enhancedCodes is RFC 2034: see Conn.send.
func enhancedCodes() extension { return keyword(smtp.ExtEnhancedCodes) }

// size is RFC 1870: see cmdMail and body.
func size() extension {
	f := keyword(smtp.ExtSize)
	f.params = func(c *Conn, dst []byte) []byte {
		if c.srv.Limits.Message < 0 {
			return dst
		}
		return strconv.AppendInt(append(dst, ' '), c.srv.maxMessage(), 10)
	}
	return f
}

// limits is RFC 9422.
func limits() extension {
	f := keyword(smtp.ExtLimits)
	f.offered = func(c *Conn) bool { return len(c.srv.limitItems(nil)) > 0 }
	f.params = func(c *Conn, dst []byte) []byte { return c.srv.limitItems(dst) }
	return f
}

// limitItems appends the limits that can be announced: a value has six digits at
// most (RFC 9422 §3).
func (s *Server) limitItems(dst []byte) []byte {
	l := &s.Limits
	for _, item := range [...]struct {
		name string
		n    int
	}{{" MAILMAX=", l.Transactions}, {" RCPTMAX=", limit(l.Recipients, 100)}, {" RCPTDOMAINMAX=", l.RecipientDomains}} {
		if item.n > 0 && item.n <= 999999 {
			dst = strconv.AppendInt(append(dst, item.name...), int64(item.n), 10)
		}
	}
	return dst
}

// futureRelease is RFC 4865. It is not offered without its parameters (§3).
func futureRelease() extension {
	f := declared(smtp.ExtFutureRelease)
	f.offered = func(c *Conn) bool {
		_, ok := c.srv.futureRelease()
		return ok && c.srv.extender.Has(smtp.ExtFutureRelease)
	}
	f.params = func(c *Conn, dst []byte) []byte {
		r, _ := c.srv.futureRelease()
		return r.Append(append(dst, ' '))
	}
	return f
}

// futureRelease returns how long messages may be held now, from the Backend or from
// the Limits.
func (s *Server) futureRelease() (smtp.FutureRelease, bool) {
	if p, ok := s.Backend.(ExtensionParams); ok {
		if r, ok := smtp.ParseFutureRelease(p.ExtensionParams(smtp.ExtFutureRelease)); ok {
			return r, true
		}
	}
	d := s.Limits.Hold.Truncate(time.Second)
	return smtp.FutureRelease{Interval: d, Until: time.Now().Add(d)}, d > 0
}

// holds reports whether a message may be held as the client wants (RFC 4865 §4).
func (s *Server) holds(o *smtp.MailOptions) bool {
	if o.HoldFor == 0 && o.HoldUntil.IsZero() {
		return true
	}
	r, ok := s.futureRelease()
	return ok && r.Allows(o)
}

// solicited returns why a message is refused whose keywords, from its SOLICIT parameter
// or its Solicitation field, name one that the Backend announces (RFC 3865 §2.4).
func (s *Server) solicited(keywords []string) error {
	p, ok := s.Backend.(ExtensionParams)
	if len(keywords) == 0 || !ok || !s.extender.Has(smtp.ExtNoSoliciting) {
		return nil
	}
	return smtp.Soliciting(smtp.ParseSolicitation(p.ExtensionParams(smtp.ExtNoSoliciting)), keywords)
}

// binaryMIME is RFC 3030 §3, which rests on CHUNKING.
func binaryMIME() extension {
	f := declared(smtp.ExtBinaryMIME)
	f.offered = func(c *Conn) bool {
		return c.srv.extender.Has(smtp.ExtBinaryMIME) && !c.disabled.Has(smtp.ExtChunking)
	}
	return f
}
