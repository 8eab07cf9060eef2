package smtpserver

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// auth is AUTH (RFC 4954).
func auth() extension {
	return extension{
		keyword: true, ext: smtp.ExtAuth,
		offered: func(c *Conn) bool {
			return c.srv.Authenticator != nil && (!c.srv.RequireTLS || c.tp.TLS() != nil) && len(c.mechanisms()) > 0
		},
		params: func(c *Conn, dst []byte) []byte {
			for _, m := range c.mechanisms() {
				dst = append(append(dst, ' '), m...)
			}
			return dst
		},
		// RFC 4954 §4: not during a transaction.
		commands: []command{{verb: "AUTH", states: stReady, run: with((*smtp.Parser).Auth, (*Conn).cmdAuth)}},
	}
}

func (c *Conn) mechanisms() []string {
	return sasl.Mechanisms(c.srv.Authenticator, c.saslConn())
}

func (c *Conn) saslConn() sasl.Conn {
	sc := sasl.Conn{
		Service: "smtp", ID: c.ID(), Host: c.srv.host, TLS: c.tp.TLS(), RemoteAddr: c.RemoteAddr(), Ended: c.tp.Ended,
		ServerCertificate: sasl.CertificateOf(c.srv.TLSConfig),
		NoChannelBinding:  !c.srv.ChannelBinding,
		AllowInsecure:     c.srv.AllowInsecureAuth, Mechanisms: c.srv.Mechanisms,
	}
	if c.proxied == nil || c.proxied.remote == nil { // otherwise they are the proxy's
		sc.Network, sc.NetworkFailures = c.tp.Network(), c.tp.NetworkSpent(textproto.LoginRate)
	}
	return sc
}

func (c *Conn) cmdAuth(cmd smtp.AuthCommand) {
	if c.identity != "" {
		c.wrong(&smtp.Error{Code: 503, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "already authenticated"})
		return
	}
	sc := c.saslConn()
	mech, err := sasl.NewServer(cmd.Mechanism, c.srv.Authenticator, sc)
	if err != nil {
		c.refuse(c.authError(err))
		return
	}
	c.tp.Yield() // to a check of the password, and to delays
	err = c.attempts.Try(c.ctx, sc, mech.Name(), func() (string, error) {
		c.tp.SetSecret(true)
		defer c.tp.SetSecret(false)
		return sasl.Serve(c.ctx, mech, cmd.Initial, c.ask)
	}, c.authenticated)
	if sasl.IsFailure(err) && !c.goodbye && c.tp.Spend(c.ctx, textproto.LoginRate, 1) != nil {
		c.overdone("too many failed logins")
	}
	switch {
	case c.goodbye: // the connection is lost
	case err == nil:
		c.tp.LoggedIn()
		c.ok(235, smtp.EnhancedCode{2, 7, 0}, "authentication succeeded")
	case c.attempts.TooMany():
		c.refuse(&smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: c.srv.host + " too many failed logins, closing connection"})
	default:
		c.refuse(c.authError(err))
	}
}

// authenticated tells the session who the client is. A permanent refusal means
// that this user may not log in.
func (c *Conn) authenticated(identity string) error {
	if s, ok := optional[AuthSession](c.session); ok {
		if err := s.Authenticated(c.ctx, identity); err != nil {
			var e *smtp.Error
			if errors.As(err, &e) && e.Code/100 == 5 {
				err = fmt.Errorf("%w: %w", sasl.ErrAuthzDenied, err)
			}
			return err
		}
	}
	if err := c.tp.SetAccount(c.ctx, identity); err != nil {
		if errors.Is(err, textproto.ErrTooManyConns) {
			return &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: c.srv.host + " too many connections of this user, closing connection"}
		}
		return err
	}
	c.identity = identity
	return nil
}

// ask sends a challenge and reads the line that answers it.
func (c *Conn) ask(challenge string) ([]byte, error) {
	c.tp.WriteString("334 " + challenge + "\r\n")
	if err := c.tp.Flush(); err != nil {
		c.goodbye = true
		return nil, err
	}
	line, err := c.tp.ReadLine()
	switch {
	case err == nil:
		return line, nil
	case errors.Is(err, textproto.ErrLineEndless):
		c.goodbye = true
		return nil, err
	case errors.Is(err, textproto.ErrLineTooLong):
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, errAuthTooLong)
	case errors.Is(err, textproto.ErrBareLF), errors.Is(err, textproto.ErrBareCR):
		return nil, fmt.Errorf("%w: %w", sasl.ErrMalformed, err)
	}
	c.lost(err)
	return nil, err
}

// maxAuthLine is how long an AUTH command and a response to a challenge may be,
// CRLF included. Other commands have a limit of their own (RFC 4954 §4).
const maxAuthLine = 12288 + 2

// errAuthTooLong is the reply to a response that is longer (RFC 4954 §4, §6).
var errAuthTooLong = &smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 6}, Text: "authentication exchange line is too long"}

// authError is the reply to a failed exchange (RFC 4954 §4, §6).
func (c *Conn) authError(err error) *smtp.Error {
	var e *smtp.Error
	switch {
	case errors.As(err, &e):
		return e
	case errors.Is(err, sasl.ErrCancelled):
		return &smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 7, 0}, Text: "authentication cancelled"}
	case errors.Is(err, sasl.ErrUnsupported):
		return &smtp.Error{Code: 504, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "unrecognized authentication type"}
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		return &smtp.Error{Code: 538, Enhanced: smtp.EnhancedCode{5, 7, 11}, Text: "encryption required for requested authentication mechanism"}
	case errors.Is(err, sasl.ErrMalformed):
		return &smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 2}, Text: "malformed authentication exchange"}
	case errors.Is(err, sasl.ErrAuthFailed), errors.Is(err, sasl.ErrAuthzDenied), errors.Is(err, sasl.ErrExpired):
		return &smtp.Error{Code: 535, Enhanced: smtp.EnhancedCode{5, 7, 8}, Text: "authentication credentials invalid"}
	case errors.Is(err, sasl.ErrBusy): // RFC 4954 §6
		return &smtp.Error{Code: 454, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "too many are logging in, try again later"}
	}
	c.log.Error("smtp: authentication unavailable", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
	return &smtp.Error{Code: 454, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "temporary authentication failure"}
}
