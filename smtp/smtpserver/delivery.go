package smtpserver

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/smtp"
)

// Delivery is a Backend that puts messages into the mailboxes of a store. It
// works for SMTP and LMTP alike, and with MaySend for submission to local
// recipients.
//
// To each message it adds the fields Return-Path and Received. A message is in
// the store, durably, of each recipient, when it is acknowledged. If it could be
// delivered to some recipients only, the client of an SMTP server is told of the
// failure and will send it to all of them again or tell the sender; an LMTP
// client gets a reply for each recipient.
type Delivery struct {
	// Store holds the accounts.
	Store mailbox.Store

	// Resolve tells into which account and mailbox the mail for an address
	// goes. An empty mailbox is the INBOX. For an address that isn't served it
	// returns ErrRelayDenied, for an unknown user ErrNoSuchUser, or any other
	// error as a Session may.
	Resolve func(ctx context.Context, to smtp.Address) (account, mailbox string, err error)

	// MaySend, if set, makes this a submission server (RFC 6409): it is asked
	// whether the authenticated identity may use the address, for the sender
	// in MAIL and for each in the From field of the message. Set RequireAuth of
	// the Server with it.
	MaySend func(ctx context.Context, identity string, from smtp.Address) error

	// CompleteHeader adds the fields Date and Message-ID where a message lacks
	// them (RFC 6409 §8.2, §8.3).
	CompleteHeader bool

	// MaxReceived is how many Received fields a message may have before it is
	// taken to loop (RFC 5321 §6.3); zero means 100.
	MaxReceived int

	// TempDir is where messages above 64 KiB wait for their delivery; by
	// default, the system's folder for temporary files.
	TempDir string

	once  sync.Once
	turns chan struct{} // one in it for each such message that a store is reading
}

// Errors for Delivery's functions to return.
var (
	// ErrNoSuchUser: the domain is one of this server's, but has no such user.
	ErrNoSuchUser = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user here"}

	// ErrRelayDenied: the server takes no mail for the address.
	ErrRelayDenied = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "relaying denied: not a local address"}

	// ErrNotOwner: the client may not send in that name.
	ErrNotOwner = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 7, 1}, Text: "not allowed to send as this address"}
)

// NewSession implements Backend.
func (d *Delivery) NewSession(_ context.Context, c *Conn) (Session, error) {
	return &deliverySession{d: d, c: c}, nil
}

// deliverySession is a Session and an LMTPSession.
type deliverySession struct {
	d     *Delivery
	c     *Conn
	from  smtp.Address
	size  int64
	rcpts []deliveryRcpt
}

type deliveryRcpt struct {
	to            smtp.Address
	account, name string
	box           mailbox.Mailbox
	close         func() error
	same          int // number of an earlier recipient with the same mailbox, or -1
}

// Mail implements Session.
func (s *deliverySession) Mail(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error {
	if s.d.MaySend != nil && !from.IsZero() {
		if err := s.d.MaySend(ctx, s.c.Identity(), from); err != nil {
			return err
		}
	}
	s.from, s.size = from, o.Size
	return nil
}

// Rcpt implements Session. It refuses early what would fail in the end.
func (s *deliverySession) Rcpt(ctx context.Context, to smtp.Address, _ *smtp.RcptOptions) error {
	account, name, err := s.d.Resolve(ctx, to)
	if err != nil {
		return storeError(err)
	}
	if name == "" {
		name = mailbox.Inbox
	}
	r := deliveryRcpt{to: to, account: account, name: name, same: -1}
	for i := range s.rcpts {
		if s.rcpts[i].account == account && s.rcpts[i].name == name && s.rcpts[i].same < 0 {
			r.same = i
			s.rcpts = append(s.rcpts, r)
			return nil
		}
	}
	acct, err := s.d.Store.Account(ctx, account)
	if err != nil {
		return storeError(err)
	}
	if err := s.fits(ctx, acct, name); err != nil {
		acct.Close()
		return err
	}
	r.box, err = acct.Mailbox(ctx, name)
	if err != nil {
		acct.Close()
		return storeError(err)
	}
	if !r.box.Info().Access.Rights.Has(mailbox.RightInsert) {
		acct.Close()
		return storeError(mailbox.ErrPermission)
	}
	r.close = acct.Close
	s.rcpts = append(s.rcpts, r)
	return nil
}

// fits reports whether a message of the announced size has room.
func (s *deliverySession) fits(ctx context.Context, acct mailbox.Account, name string) error {
	if max := acct.Limits().MaxMessageSize; max > 0 && s.size > max {
		return storeError(mailbox.ErrTooLarge)
	}
	q, ok := acct.(mailbox.QuotaKeeper)
	if !ok {
		return nil
	}
	roots, err := q.QuotaRoots(ctx, name)
	if err != nil {
		return storeError(err)
	}
	for _, root := range roots {
		resources, err := q.Quota(ctx, root)
		if err != nil {
			return storeError(err)
		}
		for _, res := range resources {
			if res.Name == mailbox.QuotaStorage && res.Usage+s.size > res.Limit ||
				res.Name == mailbox.QuotaMessage && res.Usage+1 > res.Limit {
				return storeError(mailbox.ErrOverQuota)
			}
		}
	}
	return nil
}

// Data implements Session.
func (s *deliverySession) Data(ctx context.Context, r io.Reader) error {
	errs, err := s.deliver(ctx, r)
	if err != nil {
		return err
	}
	for i, err := range errs {
		if err == nil {
			continue
		}
		if reply := s.c.asReply(err); len(s.rcpts) > 1 {
			return &smtp.Error{Code: reply.Code, Enhanced: reply.Enhanced, Text: "<" + s.rcpts[i].to.String() + ">: " + reply.Text}
		}
		return err
	}
	return nil
}

// DataLMTP implements LMTPSession.
func (s *deliverySession) DataLMTP(ctx context.Context, r io.Reader, status func(int, error)) error {
	errs, err := s.deliver(ctx, r)
	for i := range errs {
		status(i, errs[i])
	}
	return err
}

// deliver reads the message and appends it for each recipient. The error is one
// of the message itself.
func (s *deliverySession) deliver(ctx context.Context, r io.Reader) ([]error, error) {
	sp := newSpool(s.d.TempDir)
	defer sp.close()
	if _, err := io.Copy(sp, r); err != nil {
		return nil, err
	}
	if err := sp.finish(); err != nil {
		return nil, err
	}
	if sp.file != nil {
		end, err := s.d.turn(ctx)
		if err != nil {
			return nil, err
		}
		defer end()
	}
	now := time.Now()
	more, err := s.inspect(ctx, sp, now)
	if err != nil {
		return nil, err
	}
	errs := make([]error, len(s.rcpts))
	defer func() { s.log(ctx, sp.size, errs) }()
	prefix := make([]byte, 0, 512)
	for i := range s.rcpts {
		rcpt := &s.rcpts[i]
		if rcpt.same >= 0 {
			errs[i] = errs[rcpt.same]
			continue
		}
		prefix = append(s.trace(prefix[:0], rcpt, now), more...)
		_, err := rcpt.box.Append(ctx, mailbox.Incoming{
			Body:         &prefixed{prefix, sp.reader()},
			Size:         int64(len(prefix)) + sp.size,
			InternalDate: now,
		})
		if err != nil {
			errs[i] = storeError(fmt.Errorf("delivering to %s: %w", rcpt.account, err))
		}
	}
	return errs, nil
}

// turn waits until a large message may be passed to the store. Stores hold the
// headers and structure of a message in memory while they read it, up to megabytes
// for a malicious message: so that this doesn't grow with the number of clients,
// only a few messages are read at once. No client can delay others, since it has
// already sent its message.
func (d *Delivery) turn(ctx context.Context) (end func(), err error) {
	d.once.Do(func() { d.turns = make(chan struct{}, max(4, 2*runtime.GOMAXPROCS(0))) })
	select {
	case d.turns <- struct{}{}:
		return func() { <-d.turns }, nil
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}

// log tells what became of a message.
func (s *deliverySession) log(ctx context.Context, size int64, errs []error) {
	log := s.c.log
	if !log.Enabled(ctx, slog.LevelInfo) {
		return
	}
	for i := range s.rcpts {
		text := "message delivered"
		attrs := []slog.Attr{
			slog.String("id", s.c.TransactionID()), slog.String("remote", s.c.RemoteIP().String()),
			slog.String("from", s.from.String()), slog.String("to", s.rcpts[i].to.String()),
			slog.String("account", s.rcpts[i].account), slog.Int64("size", size),
		}
		if errs[i] != nil {
			text = "message not delivered"
			attrs = append(attrs, slog.Any("error", errs[i]))
		}
		log.LogAttrs(ctx, slog.LevelInfo, text, attrs...)
	}
}

// trace appends the fields that a delivered message gets (RFC 5321 §4.4).
func (s *deliverySession) trace(dst []byte, rcpt *deliveryRcpt, now time.Time) []byte {
	dst = smtp.AppendReturnPath(dst, s.from)
	rec := smtp.Received{
		Hello: s.c.Hello(), Addr: s.c.RemoteIP(), Name: s.c.RemoteName(),
		By: s.c.Hostname(), With: s.c.Protocol(), ID: s.c.TransactionID(),
		Time: now, TLS: s.c.TLS(),
	}
	if len(s.rcpts) == 1 {
		rec.For = rcpt.to
	}
	return rec.Append(dst)
}

// Reset implements Session.
func (s *deliverySession) Reset(context.Context) {
	for i := range s.rcpts {
		if s.rcpts[i].close != nil {
			s.rcpts[i].close()
		}
	}
	clear(s.rcpts)
	s.rcpts = s.rcpts[:0]
	s.from, s.size = smtp.Address{}, 0
}

// Close implements Session.
func (s *deliverySession) Close() error {
	s.Reset(context.Background())
	return nil
}

// storeError makes the errors of a store replies (RFC 3463 §3). Those that are
// faults of the store stay as they are, to be logged.
func storeError(err error) error {
	var e *smtp.Error
	switch {
	case errors.As(err, &e):
		return err
	case errors.Is(err, mailbox.ErrTooLarge):
		return &smtp.Error{Code: 552, Enhanced: smtp.EnhancedCode{5, 3, 4}, Text: "message too big for the recipient's account"}
	case errors.Is(err, mailbox.ErrOverQuota), errors.Is(err, mailbox.ErrLimit):
		// The owner can make room while the sender tries again.
		return &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "mailbox full"}
	case errors.Is(err, mailbox.ErrNotExist):
		return ErrNoSuchUser
	case errors.Is(err, mailbox.ErrReadOnly), errors.Is(err, mailbox.ErrPermission):
		return &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 2, 1}, Text: "mailbox does not accept messages"}
	}
	return err
}
