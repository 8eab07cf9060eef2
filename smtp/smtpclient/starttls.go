package smtpclient

import (
	"context"
	"crypto/tls"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
)

func (c *Client) tlsConfig() *tls.Config {
	cfg := c.opts.TLSConfig
	if cfg == nil {
		cfg = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	if cfg.ServerName == "" {
		cfg = cfg.Clone()
		cfg.ServerName = c.host
	}
	return cfg
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
	if r.Code != 220 {
		return unexpected("STARTTLS", r)
	}
	if err := c.tp.StartTLSClient(ctx, c.tlsConfig()); err != nil {
		return fmt.Errorf("smtpclient: %w", err)
	}
	return c.hello()
}
