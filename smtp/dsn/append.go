package dsn

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/posthorn-mail/posthorn/smtp"
)

// Errors of writing a report.
var (
	ErrIncomplete = errors.New("dsn: report without reporting MTA or without recipients") // RFC 3464 §2.1
	ErrRecipient  = errors.New("dsn: recipient without address, known action or status")  // RFC 3464 §2.3
)

// Append appends the report with CRLF at line ends. With global, it is a
// message/global-delivery-status, in UTF-8 where needed; without, it is in
// ASCII (RFC 6533 §4.1): addresses in UTF-8 are encoded, and in other text such
// characters are replaced by question marks.
func (r *Report) Append(dst []byte, global bool) ([]byte, error) {
	if r.ReportingMTA.Name == "" || len(r.Recipients) == 0 {
		return dst, ErrIncomplete
	}
	n := len(dst)
	e := encoder{dst, global}
	e.field("Original-Envelope-Id", r.EnvelopeID)
	e.typed("Reporting-MTA", r.ReportingMTA.Type, "dns", r.ReportingMTA.Name)
	e.typed("DSN-Gateway", r.Gateway.Type, "dns", r.Gateway.Name)
	e.typed("Received-From-MTA", r.ReceivedFrom.Type, "dns", r.ReceivedFrom.Name)
	e.date("Arrival-Date", r.Arrival)
	e.extra(r.Extra)
	for i := range r.Recipients {
		p := &r.Recipients[i]
		switch p.Action {
		case Failed, Delayed, Delivered, Relayed, Expanded:
		default:
			return dst[:n], ErrRecipient
		}
		if p.Final.Address == "" || !validStatus(p.Status) {
			return dst[:n], ErrRecipient
		}
		e.dst = append(e.dst, "\r\n"...)
		e.address("Original-Recipient", p.Original)
		e.address("Final-Recipient", p.Final)
		e.field("Action", string(p.Action))
		status := p.Status.String()
		if p.Comment != "" {
			status += " (" + strings.NewReplacer("(", "[", ")", "]", `\`, "/").Replace(p.Comment) + ")"
		}
		e.field("Status", status)
		e.typed("Remote-MTA", p.Remote.Type, "dns", p.Remote.Name)
		e.typed("Diagnostic-Code", p.Diagnostic.Type, "smtp", p.Diagnostic.Text)
		if global {
			for _, l := range p.Localized {
				e.typed("Localized-Diagnostic", l.Language, "i-default", l.Text)
			}
		}
		e.date("Last-Attempt-Date", p.LastAttempt)
		e.field("Final-Log-ID", p.LogID)
		e.date("Will-Retry-Until", p.RetryUntil)
		e.extra(p.Extra)
	}
	return e.dst, nil
}

func validStatus(c smtp.EnhancedCode) bool {
	return (c[0] == 2 || c[0] == 4 || c[0] == 5) && c[1] < 1000 && c[2] < 1000
}

// needsGlobal reports whether the report cannot be represented in ASCII.
func (r *Report) needsGlobal() bool {
	for i := range r.Recipients {
		p := &r.Recipients[i]
		if !isASCII(p.Final.Address) || !isASCII(p.Original.Address) || len(p.Localized) > 0 {
			return true
		}
	}
	return false
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// An encoder appends fields.
type encoder struct {
	dst    []byte
	global bool
}

func (e *encoder) date(name string, t time.Time) {
	if !t.IsZero() {
		e.field(name, t.Format("Mon, 2 Jan 2006 15:04:05 -0700"))
	}
}

func (e *encoder) typed(name, typ, def, value string) {
	if value == "" {
		return
	}
	if !validAtom(typ) {
		typ = def
	}
	e.field(name, typ+"; "+value)
}

func (e *encoder) address(name string, a Address) {
	if a.Address == "" {
		return
	}
	typ, value := a.Type, a.Address
	if !validAtom(typ) {
		typ = "rfc822"
	}
	if !isASCII(value) && strings.EqualFold(typ, "rfc822") {
		typ = "utf-8"
	}
	if strings.EqualFold(typ, "utf-8") {
		value = encodeUTF8(value, e.global)
	}
	e.field(name, typ+"; "+value)
}

func (e *encoder) extra(fields []Field) {
	for _, f := range fields {
		if validName(f.Name) {
			e.field(f.Name, f.Value)
		}
	}
}

// field appends a field, folded if it is long.
func (e *encoder) field(name, value string) {
	value = clean(value, e.global)
	if value == "" {
		return
	}
	e.dst = append(append(e.dst, name...), ':')
	e.dst = fold(e.dst, value, len(name)+1)
}

// fold appends words, and begins a new line before one that would exceed 78
// octets. column is the length of the current line.
func fold(dst []byte, value string, column int) []byte {
	for word := range strings.FieldsSeq(value) {
		for {
			if column > 1 && column+1+len(word) > 78 {
				dst = append(dst, "\r\n"...)
				column = 0
			}
			// A word that is too long for any line (RFC 5322 §2.1.1) is split.
			n := min(len(word), 900)
			dst = append(append(dst, ' '), word[:n]...)
			column += 1 + n
			if word = word[n:]; word == "" {
				break
			}
		}
	}
	return append(dst, "\r\n"...)
}

// clean makes text suitable for a field: one line, without control characters,
// with runs of spaces reduced to one.
func clean(s string, global bool) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0:
			return ' '
		case r >= utf8.RuneSelf && !global || r == utf8.RuneError:
			return '?'
		}
		return r
	}, s)
	return strings.Join(strings.Fields(s), " ")
}

func validAtom(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || strings.IndexByte(`()<>@,;:\".[]`, s[i]) >= 0 {
			return false
		}
	}
	return s != ""
}

func validName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return s != ""
}

// encodeUTF8 encodes an address of type utf-8 (RFC 6533 §3): as
// utf-8-addr-unitext where UTF-8 is allowed, otherwise as utf-8-addr-xtext.
func encodeUTF8(s string, unitext bool) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for _, r := range s {
		switch {
		case r > ' ' && r < 0x7f && r != '+' && r != '=' && r != '\\', r >= 0xa0 && unitext && r != utf8.RuneError:
			b.WriteRune(r)
		default:
			b.WriteString(`\x{`)
			shift := 4
			for r>>shift > 15 {
				shift += 4
			}
			for ; shift >= 0; shift -= 4 {
				b.WriteByte(hex[r>>shift&15])
			}
			b.WriteByte('}')
		}
	}
	return b.String()
}

// decodeUTF8 reverses encodeUTF8. Other text is not changed.
func decodeUTF8(s string) string {
	if !strings.Contains(s, `\x{`) {
		return s
	}
	var b strings.Builder
	for {
		before, rest, found := strings.Cut(s, `\x{`)
		b.WriteString(before)
		if !found {
			return b.String()
		}
		digits, _, closed := strings.Cut(rest[:min(len(rest), 7)], "}")
		r := rune(0)
		ok := closed && len(digits) >= 2
		for i := 0; ok && i < len(digits); i++ {
			d := strings.IndexByte("0123456789ABCDEF", digits[i]&^0x20)
			if digits[i] <= '9' {
				d = strings.IndexByte("0123456789", digits[i])
			}
			ok = d >= 0
			r = r<<4 | rune(d)
		}
		if ok && utf8.ValidRune(r) {
			b.WriteRune(r)
			s = rest[len(digits)+1:]
		} else {
			b.WriteString(`\x{`)
			s = rest
		}
	}
}
