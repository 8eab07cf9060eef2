package smtpserver

import (
	"encoding/base64"
	"errors"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// auth is AUTH (RFC 4954).
func auth() feature {
	return feature{
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
	return sasl.Conn{
		Service: "smtp", Host: c.srv.host, TLS: c.tp.TLS(), RemoteAddr: c.RemoteAddr(),
		ServerCertificate: sasl.CertificateOf(c.srv.TLSConfig),
		NoChannelBinding:  !c.srv.ChannelBinding,
		AllowInsecure:     c.srv.AllowInsecureAuth, Mechanisms: c.srv.Mechanisms,
	}
}

func (c *Conn) cmdAuth(cmd smtp.AuthCommand) {
	if c.identity != "" {
		c.wrong(&smtp.Error{Code: 503, Enhanced: smtp.EnhancedCode{5, 5, 1}, Text: "already authenticated"})
		return
	}
	identity, err := c.authenticate(cmd)
	if err == nil {
		if s, ok := c.session.(AuthSession); ok {
			err = s.Authenticated(c.ctx, identity)
		}
	}
	if c.goodbye {
		return // the connection is lost
	}
	attempt := sasl.Attempt{Conn: c.saslConn(), Mechanism: cmd.Mechanism, Identity: identity, Err: err}
	if err == nil {
		c.attempted(attempt)
		c.identity = identity
		c.ok(235, smtp.EnhancedCode{2, 7, 0}, "authentication succeeded")
		return
	}
	var e *smtp.Error
	if !errors.As(err, &e) {
		e = c.authError(err)
	}
	c.authFailures++
	attempt.Identity, attempt.Failures = "", c.authFailures
	if !errors.Is(err, sasl.ErrCancelled) {
		c.attempted(attempt)
	}
	if c.authFailures >= limit(c.srv.MaxAuthFailures, DefaultMaxAuthFailures) {
		e = &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: c.srv.host + " too many failed logins, closing connection"}
	}
	c.refuse(e)
}

// attempted tells of an attempt to log in.
func (c *Conn) attempted(a sasl.Attempt) {
	if c.srv.OnAuth != nil {
		c.srv.OnAuth(c.ctx, a)
		return
	}
	sasl.SlowDown(c.ctx, a)
}

// authenticate runs the exchange.
func (c *Conn) authenticate(cmd smtp.AuthCommand) (identity string, err error) {
	server, err := sasl.NewServer(cmd.Mechanism, c.srv.Authenticator, c.saslConn())
	if err != nil {
		return "", err
	}
	c.tp.SetSecret(true)
	c.tp.SetMaxLine(maxAuthLine)
	defer func() {
		c.tp.SetSecret(false)
		c.tp.SetMaxLine(limit(c.srv.Limits.CommandLine, 2048))
	}()
	response := cmd.Initial
	for {
		challenge, done, err := server.Next(c.ctx, response)
		switch {
		case err != nil:
			return "", err
		case done && challenge == nil:
			return server.Identity(), nil
		}
		if response, err = c.challenge(challenge); err != nil {
			return "", err
		}
		if done {
			// RFC 4422 §5: data that comes with success, for which SMTP has no
			// place, is a challenge that gets an empty response.
			if len(response) > 0 {
				return "", sasl.ErrMalformed
			}
			return server.Identity(), nil
		}
	}
}

// challenge sends a challenge and reads the response to it.
func (c *Conn) challenge(challenge []byte) ([]byte, error) {
	b := append(c.tp.AvailableBuffer(), "334 "...)
	b = base64.StdEncoding.AppendEncode(b, challenge)
	c.tp.Write(append(b, "\r\n"...))
	if err := c.tp.Flush(); err != nil {
		c.goodbye = true
		return nil, err
	}
	line, err := c.tp.ReadLine()
	switch {
	case errors.Is(err, textproto.ErrLineEndless):
		c.goodbye = true
		return nil, err
	case errors.Is(err, textproto.ErrLineTooLong): // RFC 4954 §4, §6
		return nil, &smtp.Error{Code: 500, Enhanced: smtp.EnhancedCode{5, 5, 6}, Text: "authentication exchange line is too long"}
	case errors.Is(err, textproto.ErrBareLF), errors.Is(err, textproto.ErrBareCR):
		return nil, sasl.ErrMalformed
	case err != nil:
		c.lost(err)
		return nil, err
	case string(line) == "*":
		return nil, sasl.ErrCancelled
	}
	return smtp.DecodeResponse(string(line))
}

// authError is the reply to a failed exchange (RFC 4954 §4, §6).
func (c *Conn) authError(err error) *smtp.Error {
	switch {
	case errors.Is(err, sasl.ErrCancelled):
		return &smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 7, 0}, Text: "authentication cancelled"}
	case errors.Is(err, sasl.ErrUnsupported):
		return &smtp.Error{Code: 504, Enhanced: smtp.EnhancedCode{5, 5, 4}, Text: "unrecognized authentication type"}
	case errors.Is(err, sasl.ErrEncryptionNeeded):
		return &smtp.Error{Code: 538, Enhanced: smtp.EnhancedCode{5, 7, 11}, Text: "encryption required for requested authentication mechanism"}
	case errors.Is(err, sasl.ErrMalformed):
		return &smtp.Error{Code: 501, Enhanced: smtp.EnhancedCode{5, 5, 2}, Text: "malformed authentication exchange"}
	case errors.Is(err, sasl.ErrUnavailable):
		c.log.Error("smtp: authentication unavailable", "conn", c.ID(), "remote", c.RemoteAddr(), "error", err)
		return &smtp.Error{Code: 454, Enhanced: smtp.EnhancedCode{4, 7, 0}, Text: "temporary authentication failure"}
	}
	return &smtp.Error{Code: 535, Enhanced: smtp.EnhancedCode{5, 7, 8}, Text: "authentication credentials invalid"}
}
