package dsn

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/smtp"
)

// A Report is the content of a message/delivery-status (RFC 3464 §2) or
// message/global-delivery-status (RFC 6533 §4.1). Fields that are zero are
// absent.
type Report struct {
	// EnvelopeID is the ENVID that the sender gave, decoded (§2.2.1).
	EnvelopeID string

	// ReportingMTA attempted the delivery (§2.2.2); it must be there. Gateway
	// is where the report was translated from another mail system (§2.2.3),
	// ReceivedFrom where the message came from (§2.2.4).
	ReportingMTA, Gateway, ReceivedFrom MTA

	// Arrival is when the message arrived at the ReportingMTA (§2.2.5).
	Arrival time.Time

	// Extra are fields that this package has no name for.
	Extra []Field

	Recipients []Recipient
}

// A Recipient is what became of a message for one recipient (RFC 3464 §2.3).
type Recipient struct {
	// Original is the recipient as the sender named it, known from ORCPT
	// (§2.3.1), Final as it was at the ReportingMTA (§2.3.2).
	Original, Final Address

	Action Action            // §2.3.3
	Status smtp.EnhancedCode // §2.3.4

	// Comment is for people; it stands behind the Status.
	Comment string

	// Remote is the server that was spoken to (§2.3.5).
	Remote MTA

	// Diagnostic is why, as the Remote said it (§2.3.6): mostly of type "smtp"
	// with the reply as text.
	Diagnostic Diagnostic

	// Localized is the same in other languages (RFC 6533 §4.1).
	Localized []Localized

	// LastAttempt is when delivery was tried last (§2.3.7), RetryUntil up to
	// when it will be (§2.3.9, with Delayed), LogID under what the Remote's
	// log knows it (§2.3.8).
	LastAttempt, RetryUntil time.Time
	LogID                   string

	Extra []Field
}

// An Action is what was done for a recipient.
type Action string

// The actions of RFC 3464 §2.3.3.
const (
	Failed    Action = "failed"    // given up
	Delayed   Action = "delayed"   // still being tried
	Delivered Action = "delivered" // to the mailbox
	Relayed   Action = "relayed"   // to a server that doesn't send notifications
	Expanded  Action = "expanded"  // delivered to a list, which delivers to others
)

// An MTA names a server (RFC 3464 §2.1.2): Type is mostly "dns".
type MTA struct{ Type, Name string }

// An Address names a recipient: Type is "rfc822", "utf-8" (RFC 6533) or that of
// another mail system. An smtp.OriginalRecipient can be converted to it.
type Address struct{ Type, Address string }

// A Diagnostic is a system's own word on a failure: Type is mostly "smtp".
type Diagnostic struct{ Type, Text string }

// A Localized is a Diagnostic in a language.
type Localized struct{ Language, Text string }

// A Field is one that this package has no name for.
type Field struct{ Name, Value string }

// AddressOf returns the Address of a mailbox.
func AddressOf(a smtp.Address) Address { return Address(smtp.OriginalOf(a)) }

// Mailbox returns the address as one of SMTP, if it is of such a type.
func (a Address) Mailbox() (smtp.Address, error) {
	if !strings.EqualFold(a.Type, "rfc822") && !strings.EqualFold(a.Type, "utf-8") {
		return smtp.Address{}, errors.New("dsn: address of type " + strconv.Quote(a.Type))
	}
	return smtp.ParseAddress(a.Address)
}

// NewRecipient makes a Recipient for a notification. o may be nil. What a server
// replied becomes Status and Diagnostic; where there was no reply, err should be
// nil or what comes nearest: without it the Status is 2.0.0, 4.0.0 or 5.0.0 by
// the action.
func NewRecipient(to smtp.Address, o *smtp.RcptOptions, action Action, err *smtp.Error) Recipient {
	r := Recipient{Final: AddressOf(to), Action: action}
	if o != nil {
		r.Original = Address(o.Original)
	}
	class := uint16(2)
	switch action {
	case Failed:
		class = 5
	case Delayed:
		class = 4
	}
	r.Status = smtp.EnhancedCode{class, 0, 0}
	if err != nil {
		// What was put off too often has failed with a status of 4 (RFC 3464
		// §2.3.4).
		r.Status = smtp.EnhancedCode{uint16(err.Code / 100), 0, 0}
		if !err.Enhanced.IsZero() {
			r.Status = err.Enhanced
		}
		r.Diagnostic = Diagnostic{"smtp", err.Error()}
	}
	return r
}

// Reply returns the reply in a Diagnostic of type smtp.
func (d Diagnostic) Reply() (smtp.Reply, bool) {
	if !strings.EqualFold(d.Type, "smtp") {
		return smtp.Reply{}, false
	}
	text := strings.TrimLeft(d.Text, " \t")
	if len(text) < 3 || len(text) > 3 && text[3] != ' ' && text[3] != '-' {
		return smtp.Reply{}, false
	}
	code, err := strconv.ParseUint(text[:3], 10, 16)
	if err != nil || code < 200 || code > 599 {
		return smtp.Reply{}, false
	}
	r := smtp.Reply{Code: int(code)}
	if len(text) > 4 {
		r.Enhanced, r.Text = smtp.CutEnhancedCode(text[4:])
	}
	return r, true
}

// Wanted reports whether the sender of a message wants to hear of an action, by
// the NOTIFY that came with the recipient (RFC 3461 §4.1, §5.2): without one, of
// failures and delays. There must be no notification at all where the
// reverse-path is null. o may be nil.
func Wanted(action Action, from smtp.Address, o *smtp.RcptOptions) bool {
	if from.IsZero() {
		return false
	}
	var notify smtp.Notify
	if o != nil {
		notify = o.Notify
	}
	switch action {
	case Failed:
		return notify == 0 || notify&smtp.NotifyFailure != 0
	case Delayed:
		return notify == 0 || notify&smtp.NotifyDelay != 0
	case Delivered, Relayed, Expanded:
		return notify&smtp.NotifySuccess != 0
	}
	return false
}

// failed reports whether the report has a failure: RET counts for no other (RFC
// 3461 §4.3).
func (r *Report) has(a Action) bool {
	for i := range r.Recipients {
		if r.Recipients[i].Action == a {
			return true
		}
	}
	return false
}
