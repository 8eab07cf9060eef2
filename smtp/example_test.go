package smtp_test

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/smtp"
)

func ExampleParseAddress() {
	a, err := smtp.ParseAddress(`"john doe"@müller.example`)
	fmt.Println(a.Local, a.Domain, err)
	fmt.Println(a, a.ASCIIDomain())
	_, err = smtp.ParseAddress("no domain")
	fmt.Println(err)
	// Output:
	// john doe müller.example <nil>
	// "john doe"@müller.example xn--mller-kva.example
	// smtp: bad domain in address
}

func ExampleError() {
	var err error = &smtp.Error{Code: 451, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "try later"}
	var refused *smtp.Error
	if errors.As(fmt.Errorf("sending: %w", err), &refused) {
		fmt.Println(refused, refused.Temporary())
	}
	// Output: 451 4.3.0 try later true
}
