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

	// ReportingMTA attempted the delivery (§2.2.2); it is required. Gateway is
	// the system that translated the report from another mail system (§2.2.3),
	// ReceivedFrom the one that the message came from (§2.2.4).
	ReportingMTA, Gateway, ReceivedFrom MTA

	// Arrival is when the message arrived at the ReportingMTA (§2.2.5).
	Arrival time.Time

	// Extra are fields that this package does not know.
	Extra []Field

	Recipients []Recipient
}

// A Recipient holds the fields for one recipient (RFC 3464 §2.3).
type Recipient struct {
	// Original is the recipient as the sender named it, known from ORCPT
	// (§2.3.1), Final as it was at the ReportingMTA (§2.3.2).
	Original, Final Address

	Action Action            // §2.3.3
	Status smtp.EnhancedCode // §2.3.4

	// Comment is for people; it follows the Status.
	Comment string

	// Remote is the server that delivery was attempted to (§2.3.5).
	Remote MTA

	// Diagnostic is the reason as given by the Remote (§2.3.6): usually of type
	// "smtp" with the reply as text.
	Diagnostic Diagnostic

	// Localized is the same in other languages (RFC 6533 §4.1).
	Localized []Localized

	// LastAttempt is the time of the last delivery attempt (§2.3.7), RetryUntil
	// the time until which attempts go on (§2.3.9, with Delayed), LogID the
	// identifier in the log of the Remote (§2.3.8).
	LastAttempt, RetryUntil time.Time
	LogID                   string

	Extra []Field
}

// An Action is what was done for a recipient.
type Action string

// The actions of RFC 3464 §2.3.3.
const (
	Failed    Action = "failed"    // delivery was given up
	Delayed   Action = "delayed"   // still being tried
	Delivered Action = "delivered" // to the mailbox
	Relayed   Action = "relayed"   // to a server that doesn't send notifications
	Expanded  Action = "expanded"  // delivered to a list, which delivers to others
)

// An MTA names a server (RFC 3464 §2.1.2): Type is usually "dns".
type MTA struct{ Type, Name string }

// An Address names a recipient: Type is "rfc822", "utf-8" (RFC 6533) or that of
// another mail system. An smtp.OriginalRecipient can be converted to it.
type Address struct{ Type, Address string }

// A Diagnostic is the text with which a system explained a failure: Type is
// usually "smtp".
type Diagnostic struct{ Type, Text string }

// A Localized is the text of a Diagnostic in another language.
type Localized struct{ Language, Text string }

// A Field is a field that this package does not know.
type Field struct{ Name, Value string }

// AddressOf returns the Address of a mailbox.
func AddressOf(a smtp.Address) Address { return Address(smtp.OriginalOf(a)) }

// Mailbox returns the address as an smtp.Address, if its type allows that.
func (a Address) Mailbox() (smtp.Address, error) {
	if !strings.EqualFold(a.Type, "rfc822") && !strings.EqualFold(a.Type, "utf-8") {
		return smtp.Address{}, errors.New("dsn: address of type " + strconv.Quote(a.Type))
	}
	return smtp.ParseAddress(a.Address)
}

// NewRecipient makes a Recipient for a notification. o may be nil. The reply of
// a server becomes Status and Diagnostic. If there was none, err should be nil
// or the closest equivalent; if it is nil, the Status is 2.0.0, 4.0.0 or 5.0.0,
// depending on the action.
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
		// A delivery that was delayed for too long fails with a status of class
		// 4 (RFC 3464 §2.3.4).
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

// Wanted reports whether the sender of a message wants to be notified of an
// action, according to the NOTIFY parameter of the recipient (RFC 3461 §4.1,
// §5.2). Without one, the sender is notified of failures and delays. If the
// reverse-path is null, there must be no notification. o may be nil.
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

// has reports whether the report contains an action. RET applies to failures
// only (RFC 3461 §4.3).
func (r *Report) has(a Action) bool {
	for i := range r.Recipients {
		if r.Recipients[i].Action == a {
			return true
		}
	}
	return false
}
