package dsn_test

import (
	"bytes"
	"fmt"
	"log"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/dsn"
)

// A notification is written, and read again.
func Example() {
	bob := smtp.Address{Local: "bob", Domain: "example.net"}
	refusal := &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 1}, Text: "no such user"}
	m := &dsn.Message{
		To: smtp.Address{Local: "alice", Domain: "example.org"},
		Report: dsn.Report{
			ReportingMTA: dsn.MTA{Type: "dns", Name: "mx.example.org"},
			Recipients:   []dsn.Recipient{dsn.NewRecipient(bob, nil, dsn.Failed, refusal)},
		},
		Original: strings.NewReader("Subject: Hello\r\n\r\nHi Bob\r\n"),
	}
	var text bytes.Buffer
	if _, err := m.WriteTo(&text); err != nil {
		log.Fatal(err)
	}

	report, err := dsn.Parse(bytes.NewReader(text.Bytes()), nil)
	if err != nil {
		log.Fatal(err)
	}
	for _, r := range report.Recipients {
		fmt.Println(r.Final.Address, r.Action, r.Status)
		fmt.Println(r.Diagnostic.Text)
	}
	// Output:
	// bob@example.net failed 5.1.1
	// 550 5.1.1 no such user
}
