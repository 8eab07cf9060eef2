package smtpserver

import (
	"context"
	"io"

	"github.com/posthorn-mail/posthorn/smtp"
)

// A BackendFunc is a Backend that is a function: it is called with each message and
// its envelope, as an http.HandlerFunc is with a request.
//
// from is the zero Address for the null reverse-path; to has at least one recipient
// and is valid during the call. r and the result are those of Session.Data: nil
// accepts the message, a *smtp.Error is the reply, any other error is logged and
// answered 451, and a RecipientErrors has a result for each of to.
//
// Each sender and recipient is taken before the message comes. To refuse them
// earlier, put hooks around it, with Wrap.
type BackendFunc func(ctx context.Context, c *Conn, from smtp.Address, to []smtp.Address, r io.Reader) error

// NewSession implements Backend.
func (f BackendFunc) NewSession(_ context.Context, c *Conn) (Session, error) {
	return &funcSession{f: f, c: c}, nil
}

// funcSession collects an envelope.
type funcSession struct {
	f    BackendFunc
	c    *Conn
	from smtp.Address
	to   []smtp.Address
}

// Mail implements Session.
func (s *funcSession) Mail(_ context.Context, from smtp.Address, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt implements Session.
func (s *funcSession) Rcpt(_ context.Context, to smtp.Address, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data implements Session.
func (s *funcSession) Data(ctx context.Context, r io.Reader) error {
	return s.f(ctx, s.c, s.from, s.to, r)
}

// Reset implements Session.
func (s *funcSession) Reset(context.Context) { s.from, s.to = smtp.Address{}, s.to[:0] }

// Close implements Session.
func (s *funcSession) Close() error { return nil }
