package smtpserver

import (
	"context"
	"crypto/rand"
	"fmt"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/smtp"
)

// maxInspect is how much of a message's header is looked at.
const maxInspect = 1 << 20

var (
	errLoop       = &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 4, 6}, Text: "routing loop detected: too many Received fields"}
	errNoFrom     = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 6, 0}, Text: "message without a From field"}
	errLongHeader = &smtp.Error{Code: 552, Enhanced: smtp.EnhancedCode{5, 3, 4}, Text: "message header too big"}
	errBadFrom    = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 6, 0}, Text: "cannot tell the addresses in the From field"}
)

// inspect looks at the message's header: whether it loops or is of a kind that is not
// taken, and in submission whether the client may send it. It removes Return-Path,
// which the message gets anew, and returns the fields to add.
func (s *deliverySession) inspect(ctx context.Context, sp *spool, now time.Time) ([]byte, error) {
	header, err := sp.header()
	if err != nil {
		return nil, err
	}
	if s.d.MaySend != nil && len(header) >= maxInspect {
		return nil, errLongHeader // From can't be checked
	}
	received, date, id, from, returnPath := 0, false, false, 0, false
	for f := range header.All() {
		switch {
		case f.Is("Received"):
			received++
		case f.Is("Return-Path"):
			returnPath = true
		case f.Is("Date"):
			date = true
		case f.Is("Message-ID"):
			id = true
		case f.Is("Solicitation"): // RFC 3865 §2.5
			if err := s.c.srv.solicited(smtp.ParseSolicitation(string(f))); err != nil {
				return nil, err
			}
		case f.Is("From") && s.d.MaySend != nil:
			n, err := s.checkFrom(ctx, f.Value())
			if err != nil {
				return nil, err
			}
			from += n
		}
	}
	max := s.d.MaxReceived
	if max == 0 {
		max = 100
	}
	switch {
	case received >= max:
		return nil, errLoop
	case s.d.MaySend != nil && from == 0:
		return nil, errNoFrom
	}
	if returnPath { // RFC 5321 §4.4: exactly one
		if err := sp.remove(header, "Return-Path"); err != nil {
			return nil, err
		}
	}
	var more []byte
	if s.d.CompleteHeader && !date {
		more = now.AppendFormat(append(more, "Date: "...), "Mon, 2 Jan 2006 15:04:05 -0700\r\n")
	}
	if s.d.CompleteHeader && !id {
		more = fmt.Appendf(more, "Message-ID: <%s@%s>\r\n", rand.Text(), s.c.Hostname())
	}
	return more, nil
}

// checkFrom asks about each address of a From field and returns how many there
// are.
func (s *deliverySession) checkFrom(ctx context.Context, value string) (int, error) {
	list, ok := message.ParseAddressList(value, 100)
	if !ok {
		return 0, errBadFrom
	}
	n := 0
	for _, a := range list {
		if a.Kind != message.Mailbox {
			continue
		}
		addr := smtp.Address{Local: a.Local, Domain: a.Domain}
		if _, err := addr.Append(nil); err != nil {
			return 0, errBadFrom
		}
		if err := s.d.MaySend(ctx, s.c.Identity(), addr); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}
