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
	s := newMailServer(peers.Postfix(t, cert, "", ""), cert)
	for _, w := range ways {
		t.Run(w.name, func(t *testing.T) { s.takes(t, w, w.messages()) })
	}
	t.Run("refusals", func(t *testing.T) {
		for _, chunking := range []bool{false, true} {
			s.refuses(t, &smtpclient.Options{Chunking: chunking}, 25_000_000)
		}
	})
	t.Run("smtputf8", func(t *testing.T) {
		msg, v := s.takesUTF8(t, "bücher@example.net")
		require.Contains(t, v.String(), " BODY=8BITMIME SMTPUTF8")
		got := s.Maildir(t, filepath.Join(s.Dir, "mail/buecher"), 1)
		peers.Same(t, msg, got[0])
		require.Contains(t, got[0], "with UTF8SMTP")
	})
	t.Run("dsn", func(t *testing.T) {
		c, _ := s.dial(t, "smtp", &smtpclient.Options{})
		env := &smtpclient.Envelope{From: addr(t, "carol@example.net"), To: addrs(t, "bob@example.net")}
		env.Mail.EnvelopeID, env.Mail.Return = "QQ+314159 =x", smtp.ReturnHeaders
		env.Rcpt = []smtp.RcptOptions{{Notify: smtp.NotifySuccess | smtp.NotifyFailure, Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert+x@example.com"}}}
		before, _ := filepath.Glob(filepath.Join(s.Dir, "mail/carol/new/*"))
		_, err := c.Send(t.Context(), env, strings.NewReader(peers.Messages(false)[0].Text))
		require.NoError(t, err)
		report := ""
		for _, m := range s.Maildir(t, filepath.Join(s.Dir, "mail/carol"), len(before)+1) {
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
