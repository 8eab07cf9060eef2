package smtpclient

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
)

// Login logs in with the strongest mechanism that the server offers and the
// credentials can serve. It is called by the Dial functions where the Options
// have Credentials. A mechanism that the server turns down as such, or whose
// channel binding fails, is followed by the next. A refusal is a *smtp.Error;
// where a password would cross the connection without TLS, the error is
// sasl.ErrEncryptionNeeded, and ErrNoAuth where the server knows no AUTH.
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
	if err := c.exchange(mech); err != nil {
		return fmt.Errorf("smtpclient: AUTH %s: %w", mech.Name(), err)
	}
	return nil
}

func (c *Client) login(ctx context.Context, cr sasl.Credentials) error {
	offered := c.features.Mechanisms()
	if !c.features.Has(smtp.ExtAuth) || len(offered) == 0 {
		return ErrNoAuth
	}
	conn := sasl.Conn{
		Service: "smtp", Host: c.host, TLS: c.tp.TLS(), RemoteAddr: c.tp.RemoteAddr(),
		AllowInsecure: c.opts.AllowInsecureAuth, Mechanisms: c.opts.Mechanisms,
	}
	var last error
	skipPlus := false
	for client, err := range sasl.Candidates(ctx, offered, cr, conn) {
		if err != nil {
			return fmt.Errorf("smtpclient: AUTH: %w", err)
		}
		plus := strings.HasSuffix(client.Name(), "-PLUS")
		if plus && skipPlus {
			continue
		}
		err := c.exchange(client)
		if err == nil {
			return nil
		}
		last = fmt.Errorf("smtpclient: AUTH %s: %w", client.Name(), err)
		var e *smtp.Error
		switch {
		case c.err != nil || !errors.As(err, &e):
			return last
		case e.Code == 504 || e.Code == 534 || e.Code == 538:
			// The mechanism is unknown, too weak, or needs encryption.
		case plus && e.Code/100 == 5:
			// Either the password or the binding is wrong. Unless the server
			// said that it is the binding, one attempt without must do: servers
			// count failures.
			reason := sasl.Reason(client)
			skipPlus = reason == nil || !strings.Contains(reason.Error(), "channel-binding")
		default:
			return last
		}
	}
	if last != nil {
		return last
	}
	_, err := sasl.Select(ctx, offered, cr, conn)
	return fmt.Errorf("smtpclient: AUTH: %w", err)
}

// maxCommand is the longest command line that every server takes (RFC 5321
// §4.5.3.1.4).
const maxCommand = 512

// exchange runs a mechanism (RFC 4954 §4).
func (c *Client) exchange(client sasl.Client) error {
	if sasl.RevealsSecret(client.Name()) && c.tp.TLS() == nil && !c.opts.AllowInsecureAuth {
		return sasl.ErrEncryptionNeeded
	}
	initial, err := client.Start()
	if err != nil {
		return err
	}
	c.tp.SetSecret(true)
	defer c.tp.SetSecret(false)
	line, err := smtp.AppendAuth(nil, client.Name(), initial)
	if err != nil {
		return err
	}
	var held []byte // the initial response, where it has to wait
	if len(line) > maxCommand {
		held = initial
		if line, err = smtp.AppendAuth(nil, client.Name(), nil); err != nil {
			return err
		}
	}
	for {
		r, err := c.command(line)
		if err != nil {
			return err
		}
		switch {
		case r.Code == 235:
			if err := client.Finish(); err != nil {
				return c.fail(err) // an impostor
			}
			return nil
		case r.Code != 334:
			err := r.Err()
			if err == nil {
				err = fmt.Errorf("unexpected reply %s", r)
			}
			if reason := sasl.Reason(client); reason != nil {
				return fmt.Errorf("%w (%w)", err, reason)
			}
			return err
		}
		var response []byte
		if held != nil {
			response, held = held, nil
		} else {
			var challenge []byte
			challenge, err = smtp.DecodeResponse(strings.TrimSpace(r.Text))
			if err == nil {
				response, err = client.Next(challenge)
			}
		}
		if err != nil {
			if _, cerr := c.command([]byte("*\r\n")); cerr != nil {
				return cerr
			}
			return err
		}
		line = base64.StdEncoding.AppendEncode(line[:0], response)
		line = append(line, "\r\n"...)
	}
}
