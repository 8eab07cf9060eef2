package smtpserver

import (
	"context"
	"errors"
	"io"
	"log/slog"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
)

// errCannotReport refuses NOTIFY=SUCCESS where no report could be sent: a server
// that takes it has to send one (RFC 3461 §5.2.3).
var errCannotReport = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 3, 3}, Text: "cannot send delivery reports to this sender"}

// mayReport returns an error if the sender can't be sent reports.
func (s *deliverySession) mayReport(ctx context.Context) error {
	if s.from.IsZero() || s.d.Report != nil {
		return nil
	}
	_, _, err := s.d.Resolve(ctx, s.from)
	if err = storeError(err); isPermanent(err) {
		return errCannotReport
	}
	return err
}

// report sends the sender the reports that it wants: of success for the recipients
// that have the message, and of failure for those that have a reply in failed. The
// error is that of a report with a failure; one of success can only be logged.
func (s *deliverySession) report(ctx context.Context, m *received, errs []error, failed []*smtp.Error) error {
	var list []dsn.Recipient
	for i := range s.rcpts {
		rcpt, action := &s.rcpts[i], dsn.Delivered
		var reply *smtp.Error
		switch {
		case failed != nil && failed[i] != nil:
			action, reply = dsn.Failed, failed[i]
		case errs[i] != nil, rcpt.before: // the client is told; it has been reported
			continue
		}
		// RFC 3461 §5.2.8: only those whose sender is to hear of them.
		if dsn.Wanted(action, s.from, &rcpt.options) {
			list = append(list, dsn.NewRecipient(rcpt.to, &rcpt.options, action, reply))
		}
	}
	if len(list) == 0 {
		return nil
	}
	err := s.sendReport(ctx, &dsn.Message{
		To: s.from,
		Report: dsn.Report{
			EnvelopeID:   s.options.EnvelopeID,
			ReportingMTA: dsn.MTA{Type: "dns", Name: s.c.Hostname()},
			ReceivedFrom: dsn.MTA{Type: "dns", Name: s.c.Hello()},
			Arrival:      m.time,
			Recipients:   list,
		},
		Original: m.reader(), Return: s.options.Return, UTF8: s.options.UTF8,
		Date: m.time,
	})
	attrs := []slog.Attr{
		slog.String("id", s.c.TransactionID()), slog.String("to", s.from.String()), slog.Int("recipients", len(list)),
	}
	if err != nil {
		s.c.log.LogAttrs(ctx, slog.LevelWarn, "report not sent", append(attrs, slog.Any("error", err))...)
		if failed != nil {
			return err
		}
		return nil
	}
	s.c.log.LogAttrs(ctx, slog.LevelInfo, "report sent", attrs...)
	return nil
}

// sendReport puts a report into the mailbox of the sender, or passes it to
// Delivery.Report.
func (s *deliverySession) sendReport(ctx context.Context, m *dsn.Message) error {
	sp := newSpool(s.d.TempDir)
	defer sp.close()
	if _, err := m.WriteTo(sp); err != nil {
		return err
	}
	if err := sp.finish(); err != nil {
		return err
	}
	account, name, err := s.d.Resolve(ctx, m.To)
	switch {
	case isPermanent(storeError(err)) && s.d.Report != nil:
		return s.d.Report(ctx, m.To, sp.section())
	case err != nil:
		return err
	}
	if name == "" {
		name = mailbox.Inbox
	}
	acct, err := s.d.Store.Account(ctx, account)
	if err != nil {
		return err
	}
	defer acct.Close()
	box, err := acct.Mailbox(ctx, name)
	if err != nil {
		return err
	}
	return sp.appendTo(ctx, box, smtp.AppendReturnPath(nil, smtp.Address{}), m.Date)
}

func isPermanent(err error) bool {
	var e *smtp.Error
	return errors.As(err, &e) && e.Code/100 == 5
}

// section returns the whole message to be read from any place.
func (s *spool) section() *io.SectionReader {
	return io.NewSectionReader(s.readerAt(), s.start, s.size)
}
