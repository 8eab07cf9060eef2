package smtpclient

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// SendURL has the server fetch a message and send it (RFC 4468): url names the
// message, in most cases in an IMAP mailbox, and bears what authorises the
// server to read it (RFC 4467). The server must offer BURL, which many do only
// after AUTH. What the message needs of the server, such as Mail.UTF8, is for
// the caller to say in the Envelope; the rest is as with Send.
func (c *Client) SendURL(ctx context.Context, env *Envelope, url string) (*Result, error) {
	var err error
	if _, err = smtp.AppendBurl(nil, url, true); err != nil {
		err = fmt.Errorf("smtpclient: %w", err)
	} else if !c.Features().Extensions.Has(smtp.ExtBURL) {
		err = &smtp.UnsupportedError{Extension: smtp.ExtBURL}
	}
	if err != nil {
		res := &Result{}
		for _, to := range env.To {
			res.Recipients = append(res.Recipients, Recipient{Address: to, Err: err})
		}
		return res, err
	}
	return c.send(ctx, env, strings.NewReader(""), url)
}

// sendURL is the end of a transaction whose message the server fetches.
func (t *transaction) sendURL() {
	line, _ := smtp.AppendBurl(t.c.tp.AvailableBuffer(), t.url, true) // SendURL has seen that it can be
	_, before := t.c.tp.Octets()
	t.c.tp.Write(line)
	if err := t.flushEnd(before); err != nil {
		t.lost(err)
		return
	}
	t.finish()
}

// redact hides the URL of BURL from a trace: who knows it may be able to read the
// message (RFC 4468 §8).
func redact(dir textproto.Direction, line []byte) []byte {
	if dir == textproto.Send && bytes.HasPrefix(line, []byte("BURL ")) {
		return []byte("BURL ***")
	}
	return line
}
