package smtpserver_test

import (
	"context"
	"fmt"
	"io"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// The function gets each message with the envelope of its own transaction, and its
// result is the answer.
func TestBackendFunc(t *testing.T) {
	full := &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "full"}
	got := make(chan string, 1)
	result := make(chan error, 1)
	f := smtpserver.BackendFunc(func(_ context.Context, c *smtpserver.Conn, from smtp.Address, to []smtp.Address, r io.Reader) error {
		b, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		got <- fmt.Sprintf("%s <%s> %v %q", c.Hello(), from, to, b)
		return <-result
	})
	for _, lmtp := range []bool{false, true} {
		k := talk(t, start(t, &smtpserver.Server{Backend: f, LMTP: lmtp}))
		k.do(map[bool]string{false: "EHLO c", true: "LHLO c"}[lmtp], "250")
		send := func(err error, want string) {
			t.Helper()
			result <- err
			k.send("s@example.net", []string{"a@example.org", "b@example.org"}, "x\r\n", want)
			require.Equal(t, `c <s@example.net> [a@example.org b@example.org] "x\r\n"`, <-got)
		}
		answers := func(second string) {
			if lmtp {
				k.expect(second)
			}
		}
		send(nil, "250")
		answers("250")
		send(full, "452 4.2.2 full")
		answers("452")
		send(io.ErrClosedPipe, "451")
		answers("451")
		if lmtp {
			send(fmt.Errorf("delivering: %w", smtpserver.RecipientErrors{nil, full}), "250")
			k.expect("452 4.2.2 full")
		} else {
			send(smtpserver.RecipientErrors{nil, full}, "452 4.2.2 full")
		}
		send(smtpserver.RecipientErrors{nil, nil}, "250") // no error for anybody
		answers("250")
		send(smtpserver.RecipientErrors{nil, full, nil}, map[bool]string{false: "452 4.2.2 full", true: "250"}[lmtp])
		answers("452 4.2.2 full")
		send(smtpserver.RecipientErrors{nil, io.ErrClosedPipe}, map[bool]string{false: "451 4.3.0", true: "250"}[lmtp])
		answers("451 4.3.0")
		// A recipient without a result does not have the message.
		send(smtpserver.RecipientErrors{nil}, map[bool]string{false: "451 4.3.0", true: "250"}[lmtp])
		answers("451 4.3.0")
		send(smtpserver.RecipientErrors(nil), "451 4.3.0")
		answers("451 4.3.0")
		k.do("MAIL FROM:<>", "250")
		k.do("RCPT TO:<c@example.org>", "250")
		k.do("RSET", "250")
		result <- nil
		k.send("", []string{"d@example.org"}, "y\r\n", "250")
		require.Equal(t, `c <> [d@example.org] "y\r\n"`, <-got)
	}
}
