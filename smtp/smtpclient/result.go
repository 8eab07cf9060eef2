package smtpclient

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
)

// An Envelope says from whom and to whom a message goes, and how.
type Envelope struct {
	// From is the reverse-path; the zero Address for notifications.
	From smtp.Address

	// To are the recipients.
	To []smtp.Address

	// Mail holds parameters for MAIL. Size, Body and UTF8 are set by Send from
	// what the message needs, unless they are set here.
	Mail smtp.MailOptions

	// Rcpt holds parameters for RCPT, by the position of the recipient. It may
	// be shorter than To.
	Rcpt []smtp.RcptOptions

	// AllOrNothing sends nothing if any recipient is refused. (The server may
	// nevertheless fail to deliver to one later; in LMTP, the end of the data
	// has a reply for each.)
	AllOrNothing bool
}

// ParseEnvelope makes an envelope of plain addresses, without names. from may be
// empty.
func ParseEnvelope(from string, to ...string) (*Envelope, error) {
	env := &Envelope{To: make([]smtp.Address, len(to))}
	var err error
	if from != "" {
		if env.From, err = smtp.ParseAddress(from); err != nil {
			return nil, fmt.Errorf("smtpclient: sender %q: %w", from, err)
		}
	}
	for i, s := range to {
		if env.To[i], err = smtp.ParseAddress(s); err != nil {
			return nil, fmt.Errorf("smtpclient: recipient %q: %w", s, err)
		}
	}
	return env, nil
}

// Status is what became of a message as to a recipient.
type Status uint8

const (
	// NotAttempted: nothing came of it; the message was not sent.
	NotAttempted Status = iota

	// Accepted: the server has taken responsibility for the message.
	Accepted

	// Rejected: the server has refused the recipient or the message.
	Rejected

	// Unknown: the end of the message went out, or may have, but the connection
	// was lost before the server's answer came. Sending it again may duplicate it.
	Unknown
)

// String returns the name of the status.
func (s Status) String() string {
	switch s {
	case Accepted:
		return "accepted"
	case Rejected:
		return "rejected"
	case Unknown:
		return "unknown"
	}
	return "not attempted"
}

// A Recipient is the result for one recipient.
type Recipient struct {
	Address smtp.Address
	Status  Status

	// Err says why, if the status is not Accepted: a *smtp.Error if it is
	// Rejected.
	Err error
}

// A Result is what became of a message.
type Result struct {
	// Recipients are those of the Envelope, in their order.
	Recipients []Recipient

	// Reply is the server's answer to the message itself, zero if it came to
	// none. In LMTP it is that for the last recipient; where the message was
	// sent several times, the last one.
	Reply smtp.Reply
}

// ErrPartial is wrapped by Send's error when the message went to some recipients
// only.
var ErrPartial = errors.New("smtpclient: not sent to all recipients")

// set gives all recipients of a status another.
func (r *Result) set(from, to Status, err error) {
	for i := range r.Recipients {
		if p := &r.Recipients[i]; p.Status == from && p.Err == nil {
			p.Status, p.Err = to, err
		}
	}
}

// Err sums the result up: nil if all recipients were accepted. It wraps ErrPartial
// if some were, and the error of one that was not.
func (r *Result) Err() error {
	accepted := 0
	var first *Recipient
	for i := range r.Recipients {
		p := &r.Recipients[i]
		switch {
		case p.Status == Accepted:
			accepted++
		case first == nil || first.Err == nil || first.Status == NotAttempted && p.Status != NotAttempted:
			first = p
		}
	}
	switch {
	case first == nil:
		return nil
	case accepted > 0:
		return fmt.Errorf("%w: %s: %w", ErrPartial, first.Address, first.Err)
	}
	return first.Err
}
