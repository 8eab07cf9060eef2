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

// Each recipient has its own reply, however many are refused: the message is one
// command.
func TestLMTPRefusals(t *testing.T) {
	const n = 150
	full := &smtp.Error{Code: 452, Enhanced: smtp.EnhancedCode{4, 2, 2}, Text: "full"}
	r := &recorder{data: func(_ context.Context, r io.Reader) error {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return err
		}
		return full
	}}
	k := talk(t, start(t, &smtpserver.Server{Backend: r, LMTP: true, Limits: smtpserver.Limits{Recipients: n, Message: 1000}}))
	k.do("LHLO x", "250")
	rcpts := func() {
		k.do("MAIL FROM:<>", "250")
		for i := range n {
			k.do(fmt.Sprintf("RCPT TO:<r%d@example.org>", i), "250")
		}
	}
	replies := func(want string) {
		for range n {
			k.expect(want)
		}
		k.do("NOOP", "250")
	}
	rcpts()
	k.do("DATA", "354")
	k.c.WriteString("x\r\n.\r\n")
	replies("452 4.2.2 full")
	rcpts()
	k.c.WriteString("BDAT 3 LAST\r\nx\r\n")
	replies("452 4.2.2 full")
	rcpts()
	k.c.WriteString("BDAT 3 LAST\r\nx\ny")
	replies("554 5.6.0")
	rcpts()
	k.c.Write(append(smtp.AppendBdat(nil, 1001, true), make([]byte, 1001)...))
	replies("552 5.3.4")

	// 421 for a recipient closes the connection after the replies for all.
	full = &smtp.Error{Code: 421, Enhanced: smtp.EnhancedCode{4, 3, 0}, Text: "closing"}
	rcpts()
	k.c.WriteString("BDAT 3 LAST\r\nx\r\n")
	for range n {
		k.expect("421 4.3.0")
	}
	_, err := k.c.ReadLine()
	require.ErrorIs(t, err, io.EOF)
}
