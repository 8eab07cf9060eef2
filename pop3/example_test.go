package pop3_test

import (
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/pop3"
)

// A refusal of a server, as package pop3client returns it.
func ExampleError() {
	var err error = &pop3.Error{Command: "PASS", Code: pop3.CodeInUse, Text: "another session is open"}
	err = fmt.Errorf("logging in: %w", err)
	var refused *pop3.Error
	switch {
	case errors.Is(err, &pop3.Error{Code: pop3.CodeAuth}):
		fmt.Println("the password is wrong")
	case errors.As(err, &refused) && refused.Temporary():
		fmt.Println("later:", refused)
	}
	// Output: later: pop3: PASS refused [IN-USE]: another session is open
}

// Servers and tools parse command lines; a log has no passwords.
func ExampleParseCommand() {
	for _, line := range []string{"top 1 10", "pass open sesame", "RETR one"} {
		cmd, err := pop3.ParseCommand([]byte(line))
		fmt.Println(cmd.Verb, cmd.Msg, cmd.Lines, err)
		fmt.Printf("  %s\n", pop3.Redact([]byte(line)))
	}
	// Output:
	// TOP 1 10 <nil>
	//   top 1 10
	// PASS 0 0 <nil>
	//   pass <redacted>
	// RETR 0 0 pop3: syntax error in the arguments
	//   RETR one
}

// What a server announces.
func ExampleCapabilities() {
	var list pop3.Capabilities
	for _, line := range []string{"UIDL", "SASL SCRAM-SHA-256 PLAIN", "EXPIRE 60", "LOGIN-DELAY 900"} {
		if c, ok := pop3.ParseCapability([]byte(line)); ok {
			list = append(list, c)
		}
	}
	days, limited := list.Expire()
	fmt.Println(list.Has("SASL", "PLAIN"), list.Has("STLS"))
	fmt.Println(days, limited, list.LoginDelay())
	// Output:
	// true false
	// 60 true 15m0s
}
