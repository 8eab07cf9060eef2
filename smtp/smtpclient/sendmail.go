package smtpclient

import (
	"context"
	"io"
	"net"

	"github.com/posthorn-mail/posthorn/sasl"
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
	env, err := ParseEnvelope(from, to...)
	if err != nil {
		return err
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
	if _, err = c.Send(ctx, env, body); err != nil {
		return err
	}
	c.Quit(ctx) // its outcome says nothing about the message
	return nil
}
