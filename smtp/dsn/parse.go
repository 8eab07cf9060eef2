package dsn

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"time"

	"github.com/posthorn-mail/posthorn/mailbox/message"
	"github.com/posthorn-mail/posthorn/smtp"
)

var (
	// ErrNoReport says that a message is not a delivery status notification.
	ErrNoReport = errors.New("dsn: no delivery status in the message")

	// ErrTooLarge says that a report is longer than 4 MiB.
	ErrTooLarge = errors.New("dsn: delivery status too large")
)

const maxReport = 4 << 20

// Parse finds the report in a message and reads it. sum is the result of
// message.Parse; if it is nil, Parse calls that.
func Parse(r io.ReaderAt, sum *message.Summary) (*Report, error) {
	if sum == nil {
		var err error
		if sum, _, err = message.Parse(io.NewSectionReader(r, 0, math.MaxInt64), nil); err != nil {
			return nil, fmt.Errorf("dsn: %w", err)
		}
	}
	part := find(sum.Root, func(p *message.Part) bool {
		return p.Type == "message" && (p.Subtype == "delivery-status" || p.Subtype == "global-delivery-status")
	})
	if part == nil {
		return nil, ErrNoReport
	}
	return ParseReport(message.TransferDecoded(r, part))
}

// Original returns the part of a notification that holds the returned message
// (message/rfc822, message/global) or its header (text/rfc822-headers,
// message/global-headers); nil if there is none.
func Original(root *message.Part) *message.Part {
	return find(root, func(p *message.Part) bool {
		switch p.Type + "/" + p.Subtype {
		case "message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers", "message/rfc822-headers":
			return true
		}
		return false
	})
}

// find searches the parts, but not those of nested messages.
func find(root *message.Part, is func(*message.Part) bool) *message.Part {
	var found *message.Part
	root.Walk(func(_ []int, p *message.Part) bool {
		if found == nil && is(p) {
			found = p
		}
		return found == nil && p.Type == "multipart"
	})
	return found
}

// ParseReport reads the content of a message/delivery-status or
// message/global-delivery-status. It is tolerant: missing or malformed fields
// are left zero. It fails if there is no recipient or if reading r fails.
func ParseReport(r io.Reader) (*Report, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxReport+1))
	switch {
	case err != nil:
		return nil, fmt.Errorf("dsn: %w", err)
	case len(text) > maxReport:
		return nil, ErrTooLarge
	}
	var report Report
	first := true
	for len(text) > 0 {
		var group []byte
		group, text = cutGroup(text)
		if len(group) == 0 {
			continue
		}
		// Some servers omit the per-message fields.
		if isRecipient(group) {
			report.Recipients = append(report.Recipients, parseRecipient(group))
		} else if first {
			report.parseMessage(group)
		}
		first = false
	}
	if len(report.Recipients) == 0 {
		return nil, ErrNoReport
	}
	return &report, nil
}

// cutGroup splits off the lines up to an empty one.
func cutGroup(text []byte) (group, rest []byte) {
	for i := 0; i < len(text); {
		end := len(text)
		if j := bytes.IndexByte(text[i:], '\n'); j >= 0 {
			end = i + j + 1
		}
		if len(bytes.TrimSpace(text[i:end])) == 0 {
			return text[:i], text[end:]
		}
		i = end
	}
	return text, nil
}

func isRecipient(group []byte) bool {
	for f := range message.Header(group).All() {
		if f.Is("Final-Recipient") || f.Is("Original-Recipient") || f.Is("Action") {
			return true
		}
	}
	return false
}

func (r *Report) parseMessage(group []byte) {
	for f := range message.Header(group).All() {
		name, value := f.Name(), tidy(f.Value())
		switch strings.ToLower(name) {
		case "original-envelope-id":
			r.EnvelopeID = value
		case "reporting-mta":
			r.ReportingMTA.Type, r.ReportingMTA.Name = typed(value, "dns")
		case "dsn-gateway":
			r.Gateway.Type, r.Gateway.Name = typed(value, "dns")
		case "received-from-mta":
			r.ReceivedFrom.Type, r.ReceivedFrom.Name = typed(value, "dns")
		case "arrival-date":
			r.Arrival = date(value)
		default:
			r.Extra = appendExtra(r.Extra, name, value)
		}
	}
}

func parseRecipient(group []byte) Recipient {
	var r Recipient
	for f := range message.Header(group).All() {
		name, value := f.Name(), tidy(f.Value())
		switch strings.ToLower(name) {
		case "original-recipient":
			r.Original = address(value)
		case "final-recipient":
			r.Final = address(value)
		case "action":
			word, _, _ := strings.Cut(value, "(")
			r.Action = Action(strings.ToLower(strings.TrimSpace(word)))
		case "status":
			code, comment, _ := strings.Cut(value, "(")
			r.Status, _ = smtp.CutEnhancedCode(strings.TrimSpace(code))
			r.Comment = strings.TrimSpace(strings.TrimSuffix(comment, ")"))
		case "remote-mta":
			r.Remote.Type, r.Remote.Name = typed(value, "dns")
		case "diagnostic-code":
			r.Diagnostic.Type, r.Diagnostic.Text = typed(value, "smtp")
		case "localized-diagnostic":
			if language, text := typed(value, ""); language != "" && len(r.Localized) < 100 {
				r.Localized = append(r.Localized, Localized{language, text})
			}
		case "last-attempt-date":
			r.LastAttempt = date(value)
		case "will-retry-until":
			r.RetryUntil = date(value)
		case "final-log-id":
			r.LogID = value
		default:
			r.Extra = appendExtra(r.Extra, name, value)
		}
	}
	return r
}

func appendExtra(list []Field, name, value string) []Field {
	if !validName(name) || value == "" || len(list) >= 100 {
		return list
	}
	return append(list, Field{name, value})
}

// tidy makes one line of a value, as clean does, so that what was read can be
// written. Invalid UTF-8 is replaced by question marks.
func tidy(s string) string { return clean(s, true) }

// typed splits a value at the semicolon after its type (RFC 3464 §2.1.2). Types
// are returned in lower case; def is used if there is none.
func typed(value, def string) (typ, text string) {
	typ, text, found := strings.Cut(value, ";")
	typ = strings.TrimSpace(typ)
	if !found || !validAtom(typ) {
		return def, value
	}
	return strings.ToLower(typ), strings.TrimSpace(text)
}

func address(value string) Address {
	var a Address
	a.Type, a.Address = typed(value, "rfc822")
	if s, ok := strings.CutPrefix(a.Address, "<"); ok {
		if s, ok := strings.CutSuffix(s, ">"); ok {
			a.Address = s
		}
	}
	if a.Type == "utf-8" {
		a.Address = decodeUTF8(a.Address)
	}
	return a
}

func date(s string) time.Time {
	t, _ := message.ParseDate(s)
	return t
}
