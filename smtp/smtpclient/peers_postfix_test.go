package smtpclient_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

func TestPeerPostfix(t *testing.T) {
	cert := peers.NewCertificate(t)
	d := peers.Postfix(t, cert, "", "")
	came := 0
	arrived := func(t *testing.T, user string, n int) []string {
		t.Helper()
		return d.Maildir(t, filepath.Join(d.Dir, "mail", user), n)
	}
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) {
			messages := w.messages()
			sendMessages(t, d, w, cert, messages, "bob@example.net")
			came += len(messages)
			got := arrived(t, "bob", came)
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
		})
	}
	t.Run("refusals", func(t *testing.T) {
		for _, chunking := range []bool{false, true} {
			o := &smtpclient.Options{Chunking: chunking}
			converse(t, o)
			c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
			require.NoError(t, err)
			defer c.Close()
			came += refusals(t, c, 25_000_000)
			require.NoError(t, c.Quit(t.Context()))
			arrived(t, "bob", came)
		}
	})
	t.Run("smtputf8", func(t *testing.T) {
		o := &smtpclient.Options{}
		v := converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		msg := peers.Message{Name: "Grüße", Text: strings.Replace(peers.Messages(false)[0].Text, "Subject: plain", "Subject: Grüße", 1)}
		_, err = c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "jürgen@example.org"), To: addrs(t, "bücher@example.net")}, strings.NewReader(msg.Text))
		require.NoError(t, err)
		require.Contains(t, v.String(), " BODY=8BITMIME SMTPUTF8")
		got := arrived(t, "buecher", 1)
		peers.Same(t, msg, got[0])
		require.Contains(t, got[0], "with UTF8SMTP")
	})
	t.Run("dsn", func(t *testing.T) {
		o := &smtpclient.Options{}
		converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		env := &smtpclient.Envelope{From: addr(t, "carol@example.net"), To: addrs(t, "bob@example.net")}
		env.Mail.EnvelopeID, env.Mail.Return = "QQ+314159 =x", smtp.ReturnHeaders
		env.Rcpt = []smtp.RcptOptions{{Notify: smtp.NotifySuccess | smtp.NotifyFailure, Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert+x@example.com"}}}
		before, _ := filepath.Glob(filepath.Join(d.Dir, "mail/carol/new/*"))
		_, err = c.Send(t.Context(), env, strings.NewReader(peers.Messages(false)[0].Text))
		require.NoError(t, err)
		report := ""
		for _, m := range arrived(t, "carol", len(before)+1) {
			if strings.Contains(m, "report-type=delivery-status") {
				report = m
			}
		}
		require.Contains(t, report, "Original-Envelope-Id: QQ+314159 =x")
		require.Contains(t, report, "Original-Recipient: rfc822;robert+x@example.com")
		require.Contains(t, report, "Action: delivered")
		require.NotContains(t, report, "Hello Bob.", "only the header was asked for")
	})
}

// Postfix authenticates with Dovecot's help.
func TestPeerPostfixAuth(t *testing.T) {
	cert := peers.NewCertificate(t)
	dovecot := peers.DovecotLMTP(t, cert)
	d := peers.Postfix(t, cert, "smtpd_sasl_auth_enable = yes\nsmtpd_sasl_type = dovecot\nsmtpd_sasl_path = "+filepath.Join(dovecot.Dir, "auth"), "")
	logins(t, d.Addr("smtp"), cert, "PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256")
}
