package smtpclient

import (
	"context"
	"fmt"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/smtp"
)

// Verify asks the server about a user or mailbox (VRFY). The reply's code tells
// what is known: 250, 251 and 252 are no errors (RFC 5321 §3.5.3). Where the server
// offers SMTPUTF8 its reply may contain UTF-8 (RFC 6531 §3.7.4.2); where it doesn't,
// a name that is not ASCII is a *smtp.UnsupportedError.
func (c *Client) Verify(ctx context.Context, name string) (smtp.Reply, error) {
	return c.ask(ctx, "VRFY", name)
}

// Expand asks for the members of a mailing list (EXPN), one a line of the reply. Of
// names that are not ASCII holds what is said of Verify.
func (c *Client) Expand(ctx context.Context, list string) (smtp.Reply, error) {
	return c.ask(ctx, "EXPN", list)
}

// ask sends VRFY or EXPN, with SMTPUTF8 wherever it is offered: a server must not
// name a mailbox that needs UTF-8 to a client that does not send it.
func (c *Client) ask(ctx context.Context, verb, name string) (smtp.Reply, error) {
	if name == "" {
		return smtp.Reply{}, fmt.Errorf("smtpclient: %s: name is missing", verb)
	}
	utf8Reply := c.Features().Extensions.Has(smtp.ExtSMTPUTF8)
	line, ascii := append([]byte(verb), ' '), true
	for _, r := range name {
		if r < ' ' || 0x7f <= r && r < 0xa0 || r == utf8.RuneError {
			return smtp.Reply{}, fmt.Errorf("smtpclient: %s: name must be UTF-8 without control characters", verb)
		}
		ascii = ascii && r < utf8.RuneSelf
	}
	if !ascii && !utf8Reply {
		return smtp.Reply{}, &smtp.UnsupportedError{Extension: smtp.ExtSMTPUTF8}
	}
	line = append(line, name...)
	if utf8Reply {
		line = append(line, " SMTPUTF8"...)
	}
	return c.simple(ctx, verb, append(line, "\r\n"...))
}
