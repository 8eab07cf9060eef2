package smtpclient

import (
	"fmt"
	"net"
	"os"

	"github.com/posthorn-mail/posthorn/smtp"
)

// hello says EHLO, HELO where the server doesn't know it, or LHLO.
func (c *Client) hello() error {
	c.features, c.limits = smtp.Features{}, smtp.Limits{}
	name := c.localName()
	if !smtp.ValidDomain(name) {
		return fmt.Errorf("smtpclient: %q can't be the name in EHLO", name)
	}
	verb := "EHLO "
	if c.opts.LMTP {
		verb = "LHLO "
	}
	r, err := c.command([]byte(verb + name + "\r\n"))
	if err != nil {
		return err
	}
	if r.Positive() {
		c.features = smtp.ParseFeatures(r.Text)
		c.features.Extensions &^= c.opts.Disable
		c.limits = c.features.Limits()
		return nil
	}
	// RFC 5321 §3.2: fall back if the server doesn't know EHLO.
	if c.opts.LMTP || r.Code != 500 && r.Code != 501 && r.Code != 502 && r.Code != 504 {
		return c.want(2, verb[:4], r)
	}
	r, err = c.command([]byte("HELO " + name + "\r\n"))
	if err != nil {
		return err
	}
	return c.want(2, "HELO", r)
}

func (c *Client) localName() string {
	if c.opts.LocalName != "" {
		return c.opts.LocalName
	}
	if name, err := os.Hostname(); err == nil && smtp.ValidDomain(name) {
		for _, ch := range name {
			if ch == '.' {
				return name
			}
		}
	}
	if a, ok := c.tp.LocalAddr().(*net.TCPAddr); ok {
		return string(smtp.AppendAddrLiteral(nil, a.AddrPort().Addr()))
	}
	return "localhost"
}
