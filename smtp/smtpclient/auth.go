package smtpclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
)

// Login logs in with the strongest mechanism that the server offers and the
// credentials can serve. It is called by the Dial functions where the Options
// have Credentials. See [sasl.Credentials.Authenticate] for when another is
// tried. A refusal is a *smtp.Error and one of package sasl's, such as
// sasl.ErrAuthFailed; where a password would cross the connection without TLS,
// the error is sasl.ErrEncryptionNeeded, and ErrNoAuth where the server knows no
// AUTH.
func (c *Client) Login(ctx context.Context, cr sasl.Credentials) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.login(ctx, cr)
}

// Auth logs in with one SASL mechanism (RFC 4954), whether it is offered or not.
func (c *Client) Auth(ctx context.Context, mech sasl.Client) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	return c.authenticated(sasl.Authenticate(mech, c.saslConn(), c.carrier()))
}

func (c *Client) login(ctx context.Context, cr sasl.Credentials) error {
	offered := c.features.Mechanisms()
	if c.opts.Disable.Has(smtp.ExtAuth) || len(offered) == 0 {
		return ErrNoAuth
	}
	return c.authenticated(cr.Authenticate(ctx, offered, c.saslConn(), c.carrier()))
}

func (c *Client) saslConn() sasl.Conn {
	return sasl.Conn{
		Service: "smtp", Host: c.host, TLS: c.tp.TLS(), RemoteAddr: c.tp.RemoteAddr(),
		AllowInsecure: c.opts.AllowInsecureAuth, Mechanisms: c.opts.Mechanisms,
	}
}

// authenticated ends an exchange that came to err.
func (c *Client) authenticated(err error) error {
	c.tp.SetSecret(false)
	if err == nil {
		return nil
	}
	if errors.Is(err, sasl.ErrServerUnproven) {
		c.fail(err)
	}
	return fmt.Errorf("smtpclient: AUTH: %w", err)
}

// maxCommand is the longest command line that every server takes (RFC 5321
// §4.5.3.1.4).
const maxCommand = 512

// carrier carries exchanges (RFC 4954 §4).
func (c *Client) carrier() sasl.Carrier {
	return sasl.Carrier{
		MaxInitial: (maxCommand - len("AUTH SCRAM-SHA-512-PLUS \r\n")) / 4 * 3,
		Begin: func(mechanism string, initial []byte) (string, bool, error) {
			line, err := smtp.AppendAuth(nil, mechanism, initial)
			if err != nil {
				return "", false, err
			}
			c.tp.SetSecret(true)
			return c.authReply(line)
		},
		Respond: func(line string) (string, bool, error) { return c.authReply([]byte(line + "\r\n")) },
	}
}

// authReply sends a line of an exchange and reads the reply.
func (c *Client) authReply(line []byte) (challenge string, done bool, err error) {
	r, err := c.command(line)
	if err != nil {
		return "", false, err
	}
	switch r.Code / 100 {
	case 2: // 235
		return "", true, nil
	case 3: // 334
		return r.Text, false, nil
	}
	return "", false, sasl.Refusal(r.Err(), refusalMeans(r.Code))
}

// refusalMeans returns what a reply to AUTH means (RFC 4954 §4, §6).
func refusalMeans(code int) error {
	switch {
	case code == 504 || code == 534: // unknown, or too weak
		return sasl.ErrUnsupported
	case code == 538:
		return sasl.ErrEncryptionNeeded
	case code == 501:
		return sasl.ErrMalformed
	case code/100 == 4:
		return sasl.ErrUnavailable
	}
	return sasl.ErrAuthFailed
}
