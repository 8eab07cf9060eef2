package smtpclient_test

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// A header in UTF-8 goes with SMTPUTF8 or not at all, wherever in it the UTF-8 is
// (RFC 6531 §3.2).
func TestLateUTF8(t *testing.T) {
	long := func(n int) string { return strings.Repeat("X: "+strings.Repeat("x", 60)+"\r\n", n/65) }
	const late = "Subject: M\xc3\xbcll\r\n"
	for _, tc := range []struct {
		name    string
		body    string
		once    bool // can't be sought in
		lacks   smtp.Extension
		utf8    bool // set by the caller
		sent    bool // with SMTPUTF8?
		err     string
		aborted bool // in the middle of the message
	}{
		{name: "20 KiB", body: long(20<<10) + late + "\r\nx\r\n", sent: true},
		{name: "20 KiB, once", body: long(20<<10) + late + "\r\nx\r\n", once: true, sent: true},
		{name: "20 KiB, a long body", body: long(20<<10) + late + "\r\n" + long(100<<10), once: true, sent: true},
		{name: "20 KiB, no SMTPUTF8", body: long(20<<10) + late + "\r\nx\r\n", once: true, lacks: smtp.ExtSMTPUTF8, err: "does not support SMTPUTF8"},
		{name: "400 KiB", body: long(400<<10) + late + "\r\nx\r\n", sent: true},
		{name: "400 KiB, once", body: long(400<<10) + late + "\r\nx\r\n", once: true, err: "MailOptions.UTF8 must be set", aborted: true},
		{name: "400 KiB, once, declared", body: long(400<<10) + late + "\r\nx\r\n", once: true, utf8: true, sent: true},
		{name: "400 KiB, once, no SMTPUTF8", body: long(400<<10) + late + "\r\nx\r\n", once: true, lacks: smtp.ExtSMTPUTF8, err: "does not support SMTPUTF8", aborted: true},
		{name: "400 KiB, once, in the body", body: long(400<<10) + "\r\n" + late, once: true},
		{name: "400 KiB, once, in the body, no 8BITMIME", body: long(400<<10) + "\r\n" + late, once: true, lacks: smtp.Ext8BitMIME, err: "does not support 8BITMIME", aborted: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, chunking := range []bool{false, true} {
				back := &sink{keep: true}
				srv := &smtpserver.Server{Backend: back}
				if tc.lacks != 0 {
					srv.Disable = smtp.ExtensionsOf(tc.lacks)
				}
				c, err := smtpclient.Dial(context.Background(), serve(t, srv, false), &smtpclient.Options{Chunking: chunking})
				require.NoError(t, err)
				defer c.Close()
				env := envelope(t, "bob@example.org")
				env.Mail.UTF8 = tc.utf8
				var body io.Reader = strings.NewReader(tc.body)
				if tc.once {
					body = io.MultiReader(body)
				}
				res, err := c.Send(t.Context(), env, body)
				if tc.err != "" {
					require.ErrorContains(t, err, tc.err)
					require.False(t, smtpclient.Temporary(err))
					require.Equal(t, smtpclient.NotAttempted, res.Recipients[0].Status)
					require.Equal(t, tc.aborted, c.Err() != nil)
					back.mu.Lock()
					require.Zero(t, back.count)
					back.mu.Unlock()
					continue
				}
				require.NoError(t, err)
				require.Equal(t, tc.sent, back.mail.UTF8)
				require.True(t, tc.body == string(back.body))
			}
		})
	}
}
