package smtpclient

import (
	"context"
	"fmt"
	"io"
	"net"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
)

// SendMail sends one message over TLS: it dials, logs in, sends and quits. addr
// is host:port, 587 where no port is given; with port 465 the connection begins
// with TLS, with any other it is upgraded by STARTTLS. credentials may be nil.
// The addresses are plain ones, without names; from may be empty.
//
// The error is that of [Client.Send], or of what came before it.
func SendMail(ctx context.Context, addr string, credentials *sasl.Credentials, from string, to []string, body io.Reader) error {
	return SendMailWith(ctx, addr, &Options{Credentials: credentials}, from, to, body)
}

// SendMailWith is SendMail with options.
func SendMailWith(ctx context.Context, addr string, o *Options, from string, to []string, body io.Reader) error {
	var env Envelope
	var err error
	if from != "" {
		if env.From, err = smtp.ParseAddress(from); err != nil {
			return fmt.Errorf("smtpclient: sender %q: %w", from, err)
		}
	}
	for _, s := range to {
		a, err := smtp.ParseAddress(s)
		if err != nil {
			return fmt.Errorf("smtpclient: recipient %q: %w", s, err)
		}
		env.To = append(env.To, a)
	}
	dial := DialStartTLS
	if _, port, err := net.SplitHostPort(addr); err == nil && port == "465" {
		dial = DialTLS
	}
	c, err := dial(ctx, addr, o)
	if err != nil {
		return err
	}
	defer c.Close()
	if _, err = c.Send(ctx, &env, body); err != nil {
		return err
	}
	c.Quit(ctx) // its outcome says nothing about the message
	return nil
}
