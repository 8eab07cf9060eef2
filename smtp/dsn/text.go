package dsn

import "strings"

// subject returns the default Subject.
func (r *Report) subject() string {
	switch {
	case r.has(Failed):
		return "Undelivered mail"
	case r.has(Delayed):
		return "Delayed mail (still being tried)"
	}
	return "Delivered mail"
}

var sentences = []struct {
	action Action
	text   string
}{
	{Failed, "Your message could not be delivered to:\n"},
	{Delayed, "Your message could not be delivered yet to those below. It will be tried\nagain; you need not send it again.\n"},
	{Delivered, "Your message was delivered to:\n"},
	{Relayed, "Your message was passed on to a mail system that doesn't send notifications\nof success, for:\n"},
	{Expanded, "Your message was delivered to a list, which sends it on:\n"},
}

// text returns the default Text.
func (r *Report) text() string {
	var b strings.Builder
	b.WriteString("This is the mail system at " + clean(r.ReportingMTA.Name, true) + ".\n")
	for _, s := range sentences {
		if !r.has(s.action) {
			continue
		}
		b.WriteString("\n" + s.text)
		for i := range r.Recipients {
			p := &r.Recipients[i]
			if p.Action != s.action {
				continue
			}
			b.WriteString("\n  <" + clean(p.Final.Address, true) + ">")
			if p.Original.Address != "" && p.Original.Address != p.Final.Address {
				b.WriteString(" (sent to <" + clean(p.Original.Address, true) + ">)")
			}
			b.WriteByte('\n')
			switch {
			case p.Remote.Name != "" && p.Diagnostic.Text != "":
				b.WriteString("    host " + clean(p.Remote.Name, true) + " said: " + clean(p.Diagnostic.Text, true) + "\n")
			case p.Diagnostic.Text != "":
				b.WriteString("    " + clean(p.Diagnostic.Text, true) + "\n")
			case p.Comment != "":
				b.WriteString("    " + clean(p.Comment, true) + "\n")
			}
			if !p.RetryUntil.IsZero() {
				b.WriteString("    It will be tried until " + p.RetryUntil.Format("Mon, 2 Jan 2006 15:04:05 -0700") + ".\n")
			}
		}
	}
	return b.String()
}
