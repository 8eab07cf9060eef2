package smtpserver

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"runtime"
	"strings"
	"sync"
	"time"

	"github.com/posthorn-mail/posthorn/internal/fair"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/textproto"
)

// Delivery is a Backend that puts messages into the mailboxes of a store. It
// works for SMTP and LMTP alike, and with MaySend for submission to local
// recipients.
//
// To each message it adds the fields Return-Path, in place of any that the message
// has, and Received. A message is in the store, durably, of each recipient, when it
// is acknowledged.
//
// A message may reach some of its recipients only. An LMTP client is told for each
// recipient (RFC 2033 §4.2). SMTP has one answer for all (RFC 5321 §4.2.5), and a
// client that is refused sends the message to all again, or tells the sender that
// nobody has it. So a message that has reached anybody is
//
//   - accepted, where the others failed for good (5xx), and the sender gets a report
//     of the failure (RFC 5321 §6.1), unless it wants none or is the null
//     reverse-path. If the report can't be sent, the message is refused with the
//     failure;
//   - refused for now, where a failure may pass (4xx), since a report of failure
//     would be wrong. The Delivery remembers for a day who has the message, and
//     does not give it to them again when the same sender sends the same octets.
//     It remembers in memory, some thousands of results: after a restart, and for
//     clients that change a message between attempts, recipients get it twice,
//     rather than not at all.
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

	// Report sends a report (RFC 3464) to the sender of a message whom Resolve
	// does not know (5xx); one whom Resolve knows gets it into its mailbox. It must be
	// sent with the null reverse-path and without RET (RFC 3461 §6.1). report is
	// valid during the call; it is an outbound.Body. The client waits for its
	// answer meanwhile, so a report should be queued. If Report fails, a message
	// that the report says has failed is refused.
	//
	// With Report, or with MaySend, whose senders Resolve should know, the server
	// offers DSN (RFC 3461): "delivered" reports for those who ask for them.
	// Without either it must not, since it could not keep the promise (§5.2.3).
	Report func(ctx context.Context, to smtp.Address, report *io.SectionReader) error

	// NoSoliciting holds solicitation class keywords, such as "net.example:ADV", of
	// which no messages are taken (RFC 3865). The server announces them, and
	// messages that name one in MAIL or in their Solicitation field are refused;
	// case does not matter. With one that is not valid, or with more than 1000
	// octets of them, no client is served. It must not change while the server
	// runs.
	NoSoliciting []string

	// RefusePartial refuses a message that has reached some of its recipients
	// only, even if the others failed for good, so that the client reports it and
	// this server never does. The client may report the failure for all
	// recipients.
	RefusePartial bool

	// MaxReceived is how many Received fields a message may have before it is
	// taken to loop (RFC 5321 §6.3); zero means 100.
	MaxReceived int

	// TempDir is where messages above 64 KiB wait for their delivery; by
	// default, the system's folder for temporary files.
	TempDir string

	once  sync.Once
	turns fair.Gate[string] // of the large messages that stores are reading

	partial partialDeliveries
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

// Extensions implements Extender.
func (d *Delivery) Extensions() smtp.ExtensionSet {
	var set smtp.ExtensionSet
	if d.Report != nil || d.MaySend != nil {
		set = set.With(smtp.ExtDSN)
	}
	if len(d.NoSoliciting) > 0 {
		set = set.With(smtp.ExtNoSoliciting)
	}
	return set
}

// ExtensionParams implements ExtensionParams.
func (d *Delivery) ExtensionParams(e smtp.Extension) string {
	if e == smtp.ExtNoSoliciting {
		return strings.Join(d.NoSoliciting, ",")
	}
	return ""
}

// NewSession implements Backend.
func (d *Delivery) NewSession(_ context.Context, c *Conn) (Session, error) {
	if len(d.NoSoliciting) > 0 {
		if _, err := smtp.AppendSolicitation(nil, d.NoSoliciting); err != nil {
			return nil, fmt.Errorf("smtpserver: Delivery.NoSoliciting: %w", err)
		}
	}
	return &deliverySession{d: d, c: c}, nil
}

// deliverySession is the Session of a Delivery.
type deliverySession struct {
	d       *Delivery
	c       *Conn
	from    smtp.Address
	options smtp.MailOptions
	rcpts   []deliveryRcpt
	memory  int // octets that have been counted for the transaction
}

// keep counts n octets that the transaction holds. It lasts for several commands.
func (s *deliverySession) keep(ctx context.Context, n int) error {
	err := s.c.tp.Keep(ctx, n)
	if err == nil {
		s.memory += n
	}
	return err
}

// rcptMemory is what a recipient takes beside its addresses, about: a deliveryRcpt and
// the open mailbox.
const rcptMemory = 512

type deliveryRcpt struct {
	to            smtp.Address
	options       smtp.RcptOptions // Notify and Original
	account, name string
	box           mailbox.Mailbox
	close         func() error
	same          int  // number of an earlier recipient with the same mailbox, or -1
	before        bool // has got the message in an earlier attempt
}

// Mail implements Session.
func (s *deliverySession) Mail(ctx context.Context, from smtp.Address, o *smtp.MailOptions) error {
	if s.d.MaySend != nil && !from.IsZero() {
		if err := s.d.MaySend(ctx, s.c.Identity(), from); err != nil {
			return err
		}
	}
	s.from, s.options = from, *o
	return nil
}

// Rcpt implements Session. It refuses early what would fail in the end.
func (s *deliverySession) Rcpt(ctx context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	account, name, err := s.d.Resolve(ctx, to)
	if err != nil {
		return storeError(err)
	}
	if name == "" {
		name = mailbox.Inbox
	}
	if o.Notify&smtp.NotifySuccess != 0 {
		if err := s.mayReport(ctx); err != nil {
			return err
		}
	}
	r := deliveryRcpt{to: to, account: account, name: name, same: -1}
	r.options.Notify, r.options.Original = o.Notify, o.Original
	if err := s.keep(ctx, rcptMemory+len(to.Local)+len(to.Domain)+len(o.Original.Address)); err != nil {
		return err
	}
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
	if max := acct.Limits().MaxMessageSize; max > 0 && s.options.Size > max {
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
			if res.Name == mailbox.QuotaStorage && res.Usage+s.options.Size > res.Limit ||
				res.Name == mailbox.QuotaMessage && res.Usage+1 > res.Limit {
				return storeError(mailbox.ErrOverQuota)
			}
		}
	}
	return nil
}

// Data implements Session.
func (s *deliverySession) Data(ctx context.Context, r io.Reader) error {
	m, err := s.receive(ctx, r)
	if err != nil {
		return err
	}
	defer m.close()
	errs := s.deliver(ctx, m)
	if s.c.LMTP() {
		s.report(ctx, m, errs, nil)
		return errs.orNil()
	}
	return s.answer(ctx, m, errs)
}

// received is a message that waits for its delivery.
type received struct {
	*spool
	more []byte // fields to add
	time time.Time
	end  func() // of its turn, or nil

	digest [sha256.Size]byte // valid if summed
	summed bool
}

func (m *received) close() {
	if m.end != nil {
		m.end()
	}
	m.spool.close()
}

// receive reads a message. The error is one of the message itself.
func (s *deliverySession) receive(ctx context.Context, r io.Reader) (*received, error) {
	if err := s.keep(ctx, spoolMemory); err != nil {
		return nil, err
	}
	m := &received{spool: newSpool(s.d.TempDir), time: time.Now()}
	err := s.fill(ctx, m, r)
	if err != nil {
		m.close()
		return nil, err
	}
	return m, nil
}

func (s *deliverySession) fill(ctx context.Context, m *received, r io.Reader) (err error) {
	if _, err := io.Copy(m.spool, r); err != nil {
		return err
	}
	if err := m.finish(); err != nil {
		return err
	}
	if m.file != nil {
		if m.end, err = s.d.turn(ctx, s.client()); err != nil {
			return err
		}
	}
	m.more, err = s.inspect(ctx, m.spool, m.time)
	return err
}

// deliver appends the message for each recipient and returns their results.
func (s *deliverySession) deliver(ctx context.Context, m *received) RecipientErrors {
	errs := make(RecipientErrors, len(s.rcpts))
	prefix := make([]byte, 0, 512)
	for i := range s.rcpts {
		rcpt := &s.rcpts[i]
		if rcpt.same >= 0 {
			errs[i], rcpt.before = errs[rcpt.same], s.rcpts[rcpt.same].before
			continue
		}
		if rcpt.before = s.hasGot(rcpt, m); rcpt.before {
			continue
		}
		// Parsing the message and writing it cost more than receiving it.
		if errs[i] = s.c.tooMuch(s.c.tp.Work(ctx, 100+int(m.size>>9))); errs[i] != nil {
			continue
		}
		prefix = append(s.trace(prefix[:0], rcpt, m.time), m.more...)
		if err := m.appendTo(ctx, rcpt.box, prefix, m.time); err != nil {
			errs[i] = storeError(fmt.Errorf("delivering to %s: %w", rcpt.account, err))
		}
	}
	s.log(ctx, m.size, errs)
	return errs
}

// appendTo appends the message, after a prefix, to a mailbox.
func (s *spool) appendTo(ctx context.Context, box mailbox.Mailbox, prefix []byte, now time.Time) error {
	_, err := box.Append(ctx, mailbox.Incoming{
		Body:         &prefixed{prefix, s.reader()},
		Size:         int64(len(prefix)) + s.size,
		InternalDate: now,
	})
	return err
}

// turn waits until a large message may be passed to the store. Stores hold the
// headers and structure of a message in memory while they read it, up to megabytes
// for a malicious message: so that this doesn't grow with the number of clients,
// only a few messages are read at once, one of each client in a round. No client can
// delay others by being slow, since it has already sent its message.
func (d *Delivery) turn(ctx context.Context, client string) (end func(), err error) {
	d.once.Do(func() { d.turns.Size = max(4, 2*runtime.GOMAXPROCS(0)) })
	if err := d.turns.Enter(ctx, client); err != nil {
		return nil, err
	}
	return func() { d.turns.Leave(client) }, nil
}

// client names who sends, for turns: a user or a network.
func (s *deliverySession) client() string {
	if id := s.c.Identity(); id != "" {
		return id
	}
	ip := s.c.RemoteIP()
	if ip.Is6() {
		if p, err := ip.Prefix(textproto.DefaultIPv6Prefix); err == nil {
			return p.String()
		}
	}
	return ip.String()
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
		switch {
		case s.rcpts[i].before:
			text = "message delivered before"
		case errs[i] != nil:
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
	s.c.tp.Keep(context.Background(), -s.memory)
	s.memory = 0
	s.from, s.options = smtp.Address{}, smtp.MailOptions{}
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
