package smtpclient_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// The first digit of a reply says what it means (RFC 5321 §4.3.2), and a reply that
// can't answer the command ends the connection.
func TestReplyClasses(t *testing.T) {
	const ehlo = "C* EHLO\nS: 250-x\nS: 250-XCLIENT NAME\nS: 250-XFORWARD NAME\nS: 250 AUTH PLAIN LOGIN\n"
	const mail, rcpt, data = "C* MAIL\nS: 250 ok\n", "C* RCPT\nS: 250 ok\n", "C: DATA\nS: 354 go\nBODY\nS: 250 ok\n"
	send := func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error) {
		return c.Send(ctx, envelope(t, "bob@example.org"), strings.NewReader(message))
	}
	login := func(mech string) func(context.Context, *smtpclient.Client) (*smtpclient.Result, error) {
		return func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error) {
			m := sasl.Plain("", "alice", "secret")
			if mech == "LOGIN" {
				m = sasl.Login("alice", "secret")
			}
			return nil, c.Auth(ctx, m)
		}
	}
	cases := []struct {
		name   string
		class  int    // that means success
		script string // "REPLY" is the reply in question; then comes what follows its success
		after  string
		do     func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error)
		status smtpclient.Status // where the reply doesn't belong
	}{
		{"greeting", 2, "REPLY", ehlo, nil, 0},
		{"EHLO", 2, "S: 220 x\nC* EHLO\nREPLY", "", nil, 0},
		{"HELO", 2, "S: 220 x\nC* EHLO\nS: 500 what\nC* HELO\nREPLY", "", nil, 0},
		{"MAIL", 2, "S: 220 x\n" + ehlo + "C* MAIL\nREPLY", rcpt + data, send, smtpclient.NotAttempted},
		{"RCPT", 2, "S: 220 x\n" + ehlo + mail + "C* RCPT\nREPLY", data, send, smtpclient.NotAttempted},
		{"DATA", 3, "S: 220 x\n" + ehlo + mail + rcpt + "C: DATA\nREPLY", "BODY\nS: 250 ok\n", send, smtpclient.NotAttempted},
		{"message", 2, "S: 220 x\n" + ehlo + mail + rcpt + "C: DATA\nS: 354 go\nBODY\nREPLY", "", send, smtpclient.Unknown},
		{"RSET", 2, "S: 220 x\n" + ehlo + mail + rcpt + "C: DATA\nS: 354 go\nBODY\nS: 250 ok\n" + mail + "C* RCPT\nS: 550 no\nC: RSET\nREPLY", "", func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error) {
			if res, err := send(ctx, c); err != nil {
				return res, err
			}
			send(ctx, c)
			return nil, c.Err()
		}, 0},
		{"AUTH PLAIN", 2, "S: 220 x\n" + ehlo + "C* AUTH PLAIN\nREPLY", "", login("PLAIN"), 0},
		{"AUTH LOGIN", 3, "S: 220 x\n" + ehlo + "C: AUTH LOGIN\nREPLY", "C: YWxpY2U=\nS: 399 UGFzc3dvcmQ6\nC: c2VjcmV0\nS: 235 ok\n", login("LOGIN"), 0},
		{"XCLIENT", 2, "S: 220 x\n" + ehlo + "C* XCLIENT\nREPLY", ehlo, func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error) {
			return nil, c.XClient(ctx, smtp.Attribute{Name: "NAME", Value: "x.example"})
		}, 0},
		{"NOOP", 2, "S: 220 x\n" + ehlo + "C: NOOP\nREPLY", "", func(ctx context.Context, c *smtpclient.Client) (*smtpclient.Result, error) {
			return nil, c.Noop(ctx)
		}, 0},
	}
	for _, tc := range cases {
		for _, code := range []string{"200", "250", "251", "252", "299", "334", "354", "399", "450", "599", "150", "099", "600", "25000", "2x0"} {
			t.Run(tc.name+" "+code, func(t *testing.T) {
				valid := len(code) == 3 && code >= "200" && code < "600" && code != "2x0"
				good := valid && int(code[0]-'0') == tc.class
				refused := valid && code >= "400"
				text := "text"
				if strings.HasPrefix(tc.name, "AUTH") {
					text = "VXNlcm5hbWU6"
					if tc.class != 3 && code[0] == '3' {
						t.Skip("a challenge, of which the mechanism decides")
					}
					if tc.class == 3 && code[0] == '2' && valid {
						t.Skip("an early success, likewise")
					}
				}
				reply := fmt.Sprintf("S: %s %s\n", code, text)
				script := strings.Replace(tc.script, "REPLY", reply, 1)
				if good {
					script += tc.after
				}
				ctx := t.Context()
				c, err := smtpclient.NewClient(ctx, testutil.Script(t, script), &smtpclient.Options{AllowInsecureAuth: true})
				var res *smtpclient.Result
				if tc.do != nil {
					require.NoError(t, err)
					defer c.Close()
					res, err = tc.do(ctx, c)
				}
				var e *smtp.Error
				switch {
				case good:
					require.NoError(t, err)
				case refused:
					require.ErrorAs(t, err, &e)
					require.Equal(t, code, fmt.Sprint(e.Code))
				default:
					require.Error(t, err)
					require.False(t, errors.As(err, &e))
					require.ErrorIs(t, err, smtp.ErrBadReply)
					require.Equal(t, smtp.EnhancedCode{4, 5, 0}, smtpclient.Diagnose(err).Enhanced)
					if tc.do != nil {
						require.ErrorIs(t, c.Noop(ctx), smtpclient.ErrClosed)
					}
					if res != nil {
						require.Equal(t, tc.status, res.Recipients[0].Status)
					}
				}
			})
		}
	}
}
