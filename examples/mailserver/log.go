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
		if a.Err == nil {
			log.Info("login", "user", a.Identity, "mechanism", a.Mechanism, "from", a.Conn.RemoteAddr)
		} else {
			log.Warn("login failed", "mechanism", a.Mechanism, "from", a.Conn.RemoteAddr, "failures", a.Failures, "error", a.Err)
		}
		sasl.SlowDown(ctx, a)
	}
}

// loggedBackend is a Backend that logs what it refuses. Delivery itself logs
// what is delivered.
type loggedBackend struct {
	smtpserver.Backend
	log *slog.Logger
}

func (b loggedBackend) NewSession(ctx context.Context, c *smtpserver.Conn) (smtpserver.Session, error) {
	s, err := b.Backend.NewSession(ctx, c)
	if err != nil {
		return nil, err
	}
	return &loggedSession{Session: s, conn: c, log: b.log}, nil
}

type loggedSession struct {
	smtpserver.Session
	conn *smtpserver.Conn
	log  *slog.Logger
	from string // the reverse-path
}

func (s *loggedSession) Mail(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error {
	err := s.Session.Mail(ctx, from, o)
	if err != nil {
		s.log.Warn("sender refused", "sender", from.String(), "user", s.conn.Identity(), "from", s.conn.RemoteAddr(), "error", err)
	}
	s.from = from.String()
	return err
}

func (s *loggedSession) Rcpt(ctx context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	err := s.Session.Rcpt(ctx, to, o)
	if err != nil {
		s.log.Warn("recipient refused", "recipient", to.String(), "sender", s.from, "from", s.conn.RemoteAddr(), "error", err)
	}
	return err
}

func (s *loggedSession) Data(ctx context.Context, r io.Reader) error {
	err := s.Session.Data(ctx, r)
	if err != nil {
		s.log.Warn("message refused", "id", s.conn.TransactionID(), "sender", s.from, "from", s.conn.RemoteAddr(), "error", err)
	}
	return err
}
