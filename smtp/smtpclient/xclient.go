package smtpclient

import (
	"context"

	"github.com/posthorn-mail/posthorn/smtp"
)

// XClient tells a server that trusts this client which client it speaks for
// (Postfix's XCLIENT). The server begins the session anew, without a login.
func (c *Client) XClient(ctx context.Context, attributes ...smtp.Attribute) error {
	end, err := c.begin(ctx)
	if err != nil {
		return err
	}
	defer end()
	if !c.features.Has(smtp.ExtXClient) {
		return &smtp.UnsupportedError{Extension: smtp.ExtXClient}
	}
	line, err := smtp.AppendAttributes(nil, "XCLIENT", attributes)
	if err != nil {
		return err
	}
	r, err := c.command(line)
	if err != nil {
		return err
	}
	if err := c.want(2, "XCLIENT", r); err != nil {
		return err
	}
	return c.hello()
}

// XForward tells a server that trusts this client where the next message came
// from, for its logs (Postfix's XFORWARD).
func (c *Client) XForward(ctx context.Context, attributes ...smtp.Attribute) error {
	line, err := smtp.AppendAttributes(nil, "XFORWARD", attributes)
	if err != nil {
		return err
	}
	_, err = c.simple(ctx, "XFORWARD", line)
	return err
}
