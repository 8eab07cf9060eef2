package smtpclient_test

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

const hello = `
	S: 220 mx.example ready
	C* EHLO
`

const pipelining = hello + `
	S: 250-mx.example
	S: 250 PIPELINING
`

const plain = hello + `
	S: 250 mx.example
`

const message = "Subject: test\n\nhello\n.dot\n"

// TestSend plays servers of all kinds.
func TestSend(t *testing.T) {
	cases := []struct {
		name   string
		script string
		env    smtpclient.Envelope
		opts   smtpclient.Options
		body   string
		once   bool   // the body can't be read twice
		want   string // status of each recipient, first letters: a r n u
		err    string // substring of the error
		dead   bool   // the connection is closed afterwards
	}{
		{
			name:   "lockstep",
			script: plain + "C: MAIL FROM:<a@b.example>\nS: 250 ok\nC: RCPT TO:<c@d.example>\nS: 250 ok\nC: DATA\nS: 354 go\nC: Subject: test\nC:\nC: hello\nC: ..dot\nC: .\nS: 250 ok\nC: NOOP\nS: 250 ok",
			want:   "a",
		},
		{
			name:   "pipelined",
			script: pipelining + "C: MAIL FROM:<a@b.example>\nC: RCPT TO:<c@d.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 2.0.0 ok\nC: NOOP\nS: 250 ok",
			want:   "a",
		},
		{
			name:   "one recipient refused",
			script: pipelining + "C* MAIL\nC* RCPT\nC* RCPT\nC: DATA\nS: 250 ok\nS: 550 5.1.1 no\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "x@d.example", "c@d.example")},
			want:   "ra", err: "not sent to all recipients: x@d.example: smtpclient: RCPT: 550 5.1.1 no",
		},
		{
			name:   "all recipients refused, DATA accepted",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 550 no\nS: 354 go\nC: .\nS: 554 no recipients\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok",
			want:   "r", err: "550 no",
		},
		{
			name:   "all recipients refused, and DATA",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 550 no\nS: 503 no\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok",
			want:   "r", err: "550 no",
		},
		{
			name:   "MAIL refused amid a pipeline",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 451 4.7.1 later\nS: 503 no\nS: 503 no\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok",
			want:   "n", err: "MAIL: 451 4.7.1 later",
		},
		{
			name:   "MAIL refused",
			script: plain + "C* MAIL\nS: 550 no\nC: NOOP\nS: 250 ok",
			want:   "n", err: "MAIL: 550 no",
		},
		{
			name:   "all or nothing",
			script: pipelining + "C* MAIL\nC* RCPT\nC* RCPT\nS: 250 ok\nS: 250 ok\nS: 550 no\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example"), AllOrNothing: true},
			want:   "nr", err: "550 no",
		},
		{
			name:   "all or nothing, all",
			script: pipelining + "C* MAIL\nC* RCPT\nC* RCPT\nS: 250 ok\nS: 250 ok\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example"), AllOrNothing: true},
			want:   "aa",
		},
		{
			name:   "DATA refused",
			script: plain + "C* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 451 no\nC: RSET\nS: 250 ok\nC: NOOP\nS: 250 ok",
			want:   "r", err: "DATA: 451 no",
		},
		{
			name:   "message refused, several lines",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 550-5.7.1 spam\nS: 550 5.7.1 go away\nC: NOOP\nS: 250 ok",
			want:   "r", err: "message: 550 5.7.1 spam go away",
		},
		{
			name:   "421 amid the replies",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 421 4.3.2 bye\nCLOSE",
			want:   "r", err: "421 4.3.2 bye", dead: true,
		},
		{
			name:   "closed before the answer",
			script: pipelining + "C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nCLOSE",
			want:   "u", err: "EOF", dead: true,
		},
		{
			name:   "closed before DATA",
			script: plain + "C* MAIL\nS: 250 ok\nC* RCPT\nCLOSE",
			want:   "n", err: "EOF", dead: true,
		},
		{
			name:   "garbage in place of a reply",
			script: plain + "C* MAIL\nS: hello there\nCLOSE",
			want:   "n", err: "malformed reply", dead: true,
		},
		{
			name:   "8-bit to a server without 8BITMIME",
			script: pipelining + "C: NOOP\nS: 250 ok",
			body:   "Subject: x\r\n\r\nM\xc3\xbcll\r\n",
			want:   "n", err: "does not support 8BITMIME",
		},
		{
			name:   "UTF-8 header without SMTPUTF8",
			script: pipelining + "C: NOOP\nS: 250 ok",
			body:   "Subject: M\xc3\xbcll\r\n\r\nx\r\n",
			want:   "n", err: "does not support SMTPUTF8",
		},
		{
			name:   "8BITMIME, SMTPUTF8 and SIZE as needed",
			script: hello + "S: 250-mx\nS: 250-SIZE 1000\nS: 250-8BITMIME\nS: 250 SMTPUTF8\nC: MAIL FROM:<a@b.example> SIZE=21 BODY=8BITMIME SMTPUTF8\nS: 250 ok\nC: RCPT TO:<c@d.example>\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			body:   "Subject: M\xc3\xbcll\r\n\r\nx\r\n",
			want:   "a",
		},
		{
			name:   "too large",
			script: hello + "S: 250-mx\nS: 250 SIZE 10\nC: NOOP\nS: 250 ok",
			want:   "n", err: "larger than the server takes",
		},
		{
			name:   "RCPTMAX",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=1 MAILMAX=5\nC* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example")},
			want:   "aa",
		},
		{
			name:   "RCPTMAX, the message refused",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=1 MAILMAX=5\nC* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 554 spam\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example")},
			want:   "rn", err: "554 spam",
		},
		{
			name:   "RCPTMAX and MAILMAX",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=1 MAILMAX=1\nC* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example")},
			want:   "an", err: "takes no more on this connection",
		},
		{
			name:   "RCPTMAX, a body to be read once",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 LIMITS RCPTMAX=1 MAILMAX=5\nC* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "c@d.example", "x@d.example")},
			once:   true,
			want:   "an", err: "not sent to all recipients: x@d.example: 452 4.5.3",
		},
		{
			name:   "DSN not offered",
			script: pipelining + "C: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{Mail: smtp.MailOptions{Return: smtp.ReturnFull}},
			want:   "n", err: "does not support DSN",
		},
		{
			name:   "DSN",
			script: hello + "S: 250-mx\nS: 250 DSN\nC: MAIL FROM:<a@b.example> RET=HDRS ENVID=QQ+20314\nS: 250 ok\nC: RCPT TO:<c@d.example> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;c+2Bx@d.example\nS: 250 ok\nC: DATA\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env: smtpclient.Envelope{
				Mail: smtp.MailOptions{Return: smtp.ReturnHeaders, EnvelopeID: "QQ 314"},
				Rcpt: []smtp.RcptOptions{{Notify: smtp.NotifySuccess | smtp.NotifyFailure, Original: smtp.OriginalRecipient{Type: "rfc822", Address: "c+x@d.example"}}},
			},
			want: "a",
		},
		{
			name:   "an address that would break out",
			script: pipelining + "C: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: []smtp.Address{{Local: "a>\r\nDATA\r\n", Domain: "b.example"}}},
			want:   "n", err: "bad local part",
		},
		{
			name:   "a domain in Unicode",
			script: pipelining + "C* MAIL\nC: RCPT TO:<a@xn--mller-kva.example>\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go\nBODY\nS: 250 ok\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: []smtp.Address{{Local: "a", Domain: "müller.example"}}},
			want:   "a",
		},
		{
			name:   "LMTP",
			script: "S: 220 x LMTP\nC* LHLO\nS: 250-x\nS: 250 PIPELINING\nC* MAIL\nC* RCPT\nC* RCPT\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 550 no\nS: 250 ok\nS: 354 go\nBODY\nS: 250-ok\nS: 250 ok\nS: 452 4.2.2 full\nC: NOOP\nS: 250 ok",
			env:    smtpclient.Envelope{To: addrs(t, "a@d.example", "b@d.example", "c@d.example")},
			opts:   smtpclient.Options{LMTP: true},
			want:   "arr", err: "not sent to all",
		},
		{
			name:   "HELO",
			script: "S: 220-hello\nS: 220 x\nC* EHLO\nS: 502 what?\nC* HELO\nS: 250 x\nC* MAIL\nS: 250 ok\nC* RCPT\nS: 250 ok\nC: DATA\nS: 354\nBODY\nS: 250\nC: NOOP\nS: 250 ok",
			want:   "a",
		},
		{
			name:   "CHUNKING",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\nC* MAIL\nC* RCPT\nS: 250 ok\nS: 250 ok\nC: BDAT 30 LAST\nC: Subject: test\nC:\nC: hello\nC: .dot\nS: 250 ok\nC: NOOP\nS: 250 ok",
			opts:   smtpclient.Options{Chunking: true},
			want:   "a",
		},
		{
			name:   "CHUNKING refused",
			script: hello + "S: 250-mx\nS: 250-PIPELINING\nS: 250 CHUNKING\nC* MAIL\nC* RCPT\nS: 250 ok\nS: 250 ok\nC: BDAT 30 LAST\nC: Subject: test\nC:\nC: hello\nC: .dot\nS: 554 no\nC: NOOP\nS: 250 ok",
			opts:   smtpclient.Options{Chunking: true},
			want:   "r", err: "message: 554 no",
		},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			ctx := context.Background()
			c, err := smtpclient.NewClient(ctx, testutil.Script(t, tc.script), &tc.opts)
			require.NoError(t, err)
			defer c.Close()
			env := tc.env
			env.From = addr(t, "a@b.example")
			if env.To == nil {
				env.To = addrs(t, "c@d.example")
			}
			body := tc.body
			if body == "" {
				body = message
			}
			var r io.Reader = strings.NewReader(body)
			if tc.once {
				r = io.MultiReader(r)
			}
			res, err := c.Send(ctx, &env, r)
			if tc.err == "" {
				require.NoError(t, err)
			} else {
				require.ErrorContains(t, err, tc.err)
			}
			got := ""
			for _, r := range res.Recipients {
				got += r.Status.String()[:1]
				if r.Status == smtpclient.Accepted {
					require.NoError(t, r.Err)
				} else {
					require.Error(t, r.Err)
				}
				if r.Status == smtpclient.Rejected {
					var e *smtp.Error
					require.ErrorAs(t, r.Err, &e)
				}
			}
			require.Equal(t, tc.want, got)
			if tc.dead {
				require.Error(t, c.Err())
				require.ErrorIs(t, c.Noop(ctx), smtpclient.ErrClosed)
			} else {
				require.NoError(t, c.Err())
				require.NoError(t, c.Noop(ctx))
			}
		})
	}
}

// A message whose source fails must not arrive as a shorter one.
func TestSendBrokenSource(t *testing.T) {
	c, err := smtpclient.NewClient(context.Background(), testutil.Script(t, pipelining+"C* MAIL\nC* RCPT\nC: DATA\nS: 250 ok\nS: 250 ok\nS: 354 go"), nil)
	require.NoError(t, err)
	defer c.Close()
	boom := errors.New("boom")
	body := io.MultiReader(strings.NewReader("Subject: x\r\n\r\n"+strings.Repeat("line\r\n", 10000)), iotest.ErrReader(boom))
	res, err := c.Send(context.Background(), &smtpclient.Envelope{To: addrs(t, "c@d.example")}, body)
	require.ErrorIs(t, err, boom)
	require.Equal(t, smtpclient.NotAttempted, res.Recipients[0].Status)
	require.Error(t, c.Err())
}

// Cancelling ends a wait at once.
func TestSendCancelled(t *testing.T) {
	c, err := smtpclient.NewClient(context.Background(), testutil.Script(t, pipelining), nil)
	require.NoError(t, err)
	defer c.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = c.Send(ctx, &smtpclient.Envelope{To: addrs(t, "c@d.example")}, strings.NewReader(message))
	require.ErrorIs(t, err, context.Canceled)
}
