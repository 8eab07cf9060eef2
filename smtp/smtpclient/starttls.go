package smtpclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// StartTLS upgrades a connection that has no TLS yet (RFC 3207), for callers that
// can do without: the others use DialStartTLS. Where the server does not offer it
// the error is ErrNoStartTLS, where it refuses a *smtp.Error, and the connection
// goes on in the clear. After any other error it is closed.
func (c *Client) StartTLS(ctx context.Context) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if c.tp.TLS() != nil {
		return errors.New("smtpclient: the connection has TLS already")
	}
	err = c.startTLS(ctx)
	var refused *smtp.Error
	switch {
	case err == nil, errors.Is(err, ErrNoStartTLS):
	case c.tp.TLS() == nil && errors.As(err, &refused):
	default:
		c.fail(err)
	}
	return err
}

// startTLS upgrades the connection. Everything the server said before is
// forgotten (RFC 3207 §4.2).
func (c *Client) startTLS(ctx context.Context) error {
	if !c.features.Has(smtp.ExtStartTLS) {
		return ErrNoStartTLS
	}
	r, err := c.command([]byte("STARTTLS\r\n"))
	if err != nil {
		return err
	}
	if err := c.want(2, "STARTTLS", r); err != nil {
		return err
	}
	if err := c.tp.StartTLSClient(ctx, textproto.ClientTLS(c.opts.TLSConfig, c.host)); err != nil {
		return fmt.Errorf("smtpclient: %w", err)
	}
	return c.hello()
}
