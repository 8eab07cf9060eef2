package dsn_test

import (
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil/growth"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
)

// TestGrowth holds the reading of reports to work and memory in proportion to their
// length.
func TestGrowth(t *testing.T) {
	parse := func(s string) {
		r, err := dsn.ParseReport(strings.NewReader(s))
		if err != nil {
			return
		}
		for _, to := range r.Recipients {
			to.Diagnostic.Reply()
		}
	}
	growth.Test(t, []growth.Parser{
		{Name: "report", Octets: 250, Alphabet: "\r\n: a(;", Parse: parse, Patterns: []string{"Action: a\n", "Action: a\n\n", "Action:\n\n", "X: y\n", "X№: y\n", "\n\n", "a:\n\n"}},
		{Name: "recipient", Prefix: "Final-Recipient: utf-8;", Octets: 250, Alphabet: "\\x{}4;<>@(\r", Parse: parse, Patterns: []string{"\\x{41}", "\\x{", "<", ";"}},
		{Name: "status", Prefix: "Action: a\nStatus: ", Alphabet: "()4. ;", Parse: parse},
		{Name: "diagnostic", Prefix: "Action: a\nDiagnostic-Code: smtp;", Alphabet: "()4.- ;\n", Parse: parse, Patterns: []string{"450-4.1.1 a\n ", "450 "}},
		{Name: "localized", Prefix: "Action: a\n", Octets: 250, Alphabet: "a", Parse: parse, Patterns: []string{"Localized-Diagnostic: a;b\n", "Last-Attempt-Date: (\n"}},
	})
}
