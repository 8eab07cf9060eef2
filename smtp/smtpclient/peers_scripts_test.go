package smtpclient_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Python's aiosmtpd.
func TestPeerAiosmtpd(t *testing.T) {
	cert := peers.NewCertificate(t)
	python := peers.Python(t, "aiosmtpd.controller", "python3-aiosmtpd")
	d := peers.Script(t, nil, python, "testdata/peers/aiosmtpd_server.py", cert.CertFile, cert.KeyFile)
	scripted := scriptedServer{d: d, cert: cert, maxLine: 998}
	scripted.test(t, "PLAIN", "LOGIN")
	t.Run("smtputf8", func(t *testing.T) {
		o := &smtpclient.Options{}
		v := converse(t, o)
		c, err := smtpclient.Dial(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		_, err = c.Send(t.Context(), &smtpclient.Envelope{From: addr(t, "jürgen@example.org"), To: addrs(t, "bücher@example.net")}, strings.NewReader("Subject: Grüße\r\n\r\nbody\r\n"))
		require.NoError(t, err)
		require.Contains(t, v.String(), "taken from jürgen@example.org to bücher@example.net")
	})
}

// smtp-server, of nodemailer.
func TestPeerSMTPServer(t *testing.T) {
	cert := peers.NewCertificate(t)
	node, env := peers.Node(t, "smtp-server")
	d := peers.Script(t, env, node, "testdata/peers/smtp_server.js", cert.CertFile, cert.KeyFile)
	scripted := scriptedServer{d: d, cert: cert}
	scripted.test(t, "PLAIN", "LOGIN", "CRAM-MD5")
	t.Run("XOAUTH2", func(t *testing.T) {
		token := "token"
		o := &smtpclient.Options{TLSConfig: cert.Client, Mechanisms: []string{"XOAUTH2"}, Credentials: &sasl.Credentials{
			Username: "alice", Token: func(context.Context) (string, error) { return token, nil },
		}}
		converse(t, o)
		c, err := smtpclient.DialStartTLS(t.Context(), d.Addr("smtp"), o)
		require.NoError(t, err)
		require.NoError(t, c.Quit(t.Context()))
		token = "stale"
		_, err = smtpclient.DialStartTLS(t.Context(), d.Addr("smtp"), o)
		var refused *smtp.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 535, refused.Code)
		var oauth *sasl.OAuthError
		require.ErrorAs(t, err, &oauth)
		require.Equal(t, "401", oauth.Status)
	})
}

type scriptedServer struct {
	d       *peers.Daemon
	cert    *peers.Certificate
	maxLine int // longest line that it takes, zero: any
}

func (s *scriptedServer) test(t *testing.T, mechanisms ...string) {
	came := 0
	for _, w := range ways {
		if w.service == "smtps" || w.options.Chunking {
			continue // neither has them
		}
		t.Run(w.name, func(t *testing.T) {
			messages := peers.Messages(w.name == "clear")
			for i := range messages {
				messages[i].Text = strings.Replace(messages[i].Text, "Subject: ", "Subject: "+w.name+" ", 1)
				messages[i].Name = w.name + " " + messages[i].Name
				if s.maxLine > 0 && strings.HasSuffix(messages[i].Name, "long-lines") {
					head, _, _ := strings.Cut(messages[i].Text, "\r\n\r\n")
					messages[i].Text = head + "\r\n\r\n" + strings.Repeat("x", s.maxLine) + "\r\n"
				}
			}
			sendMessages(t, s.d, w, s.cert, messages, "bob@example.net")
			came += len(messages)
			got := s.d.Files(t, filepath.Join(s.d.Dir, "new"), came)
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
		})
	}
	t.Run("refusals", func(t *testing.T) {
		o := &smtpclient.Options{}
		converse(t, o)
		c, err := smtpclient.Dial(t.Context(), s.d.Addr("smtp"), o)
		require.NoError(t, err)
		defer c.Close()
		came += refusals(t, c, 25<<20)
		require.NoError(t, c.Quit(t.Context()))
		s.d.Files(t, filepath.Join(s.d.Dir, "new"), came)
	})
	t.Run("auth", func(t *testing.T) { logins(t, s.d.Addr("smtp"), s.cert, mechanisms...) })
}
