package smtpclient_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Servers that depart from RFC 4954 in what they announce or how they ask.
func TestAuthQuirks(t *testing.T) {
	const (
		user     = "C: YWxpY2U=\n"
		password = "C: c2VjcmV0\nS: 235 ok\n"
		plain    = "AGFsaWNlAHNlY3JldA=="
	)
	for _, tc := range []struct {
		name, ehlo, script string
		disable            smtp.ExtensionSet
		err                error
	}{
		{name: "prompts in the clear", ehlo: "AUTH LOGIN", script: "C: AUTH LOGIN\nS: 334 Username:\n" + user + "S: 334 Password:\n" + password},
		{name: "prompts that look like base64", ehlo: "AUTH LOGIN", script: "C: AUTH LOGIN\nS: 334 User\n" + user + "S: 334 Password\n" + password},
		{name: "no prompts", ehlo: "AUTH LOGIN", script: "C: AUTH LOGIN\nS: 334\n" + user + "S: 334 \n" + password},
		{name: "one prompt too many", ehlo: "AUTH LOGIN", script: "C: AUTH LOGIN\nS: 334 Username:\n" + user + "S: 334 Password:\nC: c2VjcmV0\nS: 334 Again:\nC: *\nS: 501 cancelled\n", err: sasl.ErrMalformed},
		{name: "PLAIN asked for again", ehlo: "AUTH PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 334 \nC: " + plain + "\nS: 235 ok\n"},
		{name: "PLAIN asked for again without a blank", ehlo: "AUTH PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 334\nC: " + plain + "\nS: 235 ok\n"},
		{name: "PLAIN asked for a third time", ehlo: "AUTH PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 334 \nC: " + plain + "\nS: 334 \nC: *\nS: 501 cancelled\n", err: sasl.ErrMalformed},
		{name: "PLAIN with a challenge", ehlo: "AUTH PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 334 eA==\nC: *\nS: 501 cancelled\n", err: sasl.ErrMalformed},
		{name: "AUTH=", ehlo: "AUTH=LOGIN PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 235 ok\n"},
		{name: "AUTH= with a blank", ehlo: "AUTH= LOGIN", script: "C: AUTH LOGIN\nS: 334 \n" + user + "S: 334 \n" + password},
		{name: "X-EXPS", ehlo: "X-EXPS LOGIN PLAIN", script: "C: AUTH PLAIN " + plain + "\nS: 235 ok\n"},
		{name: "X-EXPS=", ehlo: "X-EXPS=LOGIN", script: "C: AUTH LOGIN\nS: 334 \n" + user + "S: 334 \n" + password},
		{name: "X-EXPS and AUTH", ehlo: "X-EXPS PLAIN\nS: 250 AUTH LOGIN", script: "C: AUTH LOGIN\nS: 334 \n" + user + "S: 334 \n" + password},
		{name: "AUTH alone", ehlo: "AUTH", err: smtpclient.ErrNoAuth},
		{name: "disabled", ehlo: "AUTH PLAIN", disable: smtp.ExtensionsOf(smtp.ExtAuth), err: smtpclient.ErrNoAuth},
	} {
		t.Run(tc.name, func(t *testing.T) {
			ehlo := "S: 220 x\nC* EHLO\nS: 250-x\nS: 250"
			if tc.name == "X-EXPS and AUTH" {
				ehlo += "-"
			} else {
				ehlo += " "
			}
			c, err := smtpclient.NewClient(t.Context(), testutil.Script(t, ehlo+tc.ehlo+"\n"+tc.script), &smtpclient.Options{
				AllowInsecureAuth: true, Disable: tc.disable,
				Credentials: &sasl.Credentials{Username: "alice", Password: "secret"},
			})
			if tc.err != nil {
				require.ErrorIs(t, err, tc.err)
				return
			}
			require.NoError(t, err)
			require.NoError(t, c.Err())
			c.Close()
		})
	}
}
