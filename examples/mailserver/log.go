package main

import (
	"context"
	"io"
	"log/slog"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// logins logs every attempt to log in, and slows down those that fail.
func logins(log *slog.Logger) func(context.Context, sasl.Attempt) {
	return func(ctx context.Context, a sasl.Attempt) {
		log := log.With("conn", a.Conn.ID)
		if a.Err == nil {
			log.Info("login", "user", a.Identity, "mechanism", a.Mechanism, "from", a.Conn.RemoteAddr)
		} else {
			log.Warn("login failed", "mechanism", a.Mechanism, "from", a.Conn.RemoteAddr, "failures", a.Failures, "error", a.Err)
		}
		sasl.SlowDown(ctx, a)
	}
}

// refusals logs what a Backend refuses. Delivery itself logs what is delivered.
func refusals(log *slog.Logger) func(*smtpserver.Conn) smtpserver.Hooks {
	return func(c *smtpserver.Conn) smtpserver.Hooks {
		log := log.With("conn", c.ID())
		sender := ""
		return smtpserver.Hooks{
			Mail: func(ctx context.Context, from smtp.Address, o *smtp.MailOptions, next smtpserver.MailFunc) error {
				sender = from.String()
				err := next(ctx, from, o)
				if err != nil {
					log.Warn("sender refused", "sender", sender, "user", c.Identity(), "from", c.RemoteAddr(), "error", err)
				}
				return err
			},
			Rcpt: func(ctx context.Context, to smtp.Address, o *smtp.RcptOptions, next smtpserver.RcptFunc) error {
				err := next(ctx, to, o)
				if err != nil {
					log.Warn("recipient refused", "recipient", to.String(), "sender", sender, "from", c.RemoteAddr(), "error", err)
				}
				return err
			},
			Data: func(ctx context.Context, r io.Reader, next smtpserver.DataFunc) error {
				err := next(ctx, r)
				if err != nil {
					log.Warn("message refused", "id", c.TransactionID(), "sender", sender, "from", c.RemoteAddr(), "error", err)
				}
				return err
			},
		}
	}
}
