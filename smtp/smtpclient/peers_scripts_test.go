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
	s := scripted(peers.Script(t, nil, python, "testdata/peers/aiosmtpd_server.py", cert.CertFile, cert.KeyFile), cert)
	testScripted(t, s, 998, "PLAIN", "LOGIN")
	t.Run("smtputf8", func(t *testing.T) {
		_, v := s.takesUTF8(t, "bücher@example.net")
		require.Contains(t, v.String(), "taken from jürgen@example.org to bücher@example.net")
	})
}

// smtp-server, of nodemailer.
func TestPeerSMTPServer(t *testing.T) {
	cert := peers.NewCertificate(t)
	node, env := peers.Node(t, "smtp-server")
	s := scripted(peers.Script(t, env, node, "testdata/peers/smtp_server.js", cert.CertFile, cert.KeyFile), cert)
	testScripted(t, s, 0, "PLAIN", "LOGIN", "CRAM-MD5")
	t.Run("XOAUTH2", func(t *testing.T) {
		token := "token"
		o := &smtpclient.Options{TLSConfig: cert.Client, Mechanisms: []string{"XOAUTH2"}, Credentials: &sasl.Credentials{
			Username: "alice", Token: func(context.Context) (string, error) { return token, nil },
		}}
		converse(t, o)
		c, err := smtpclient.DialStartTLS(t.Context(), s.Addr("smtp"), o)
		require.NoError(t, err)
		require.NoError(t, c.Quit(t.Context()))
		token = "stale"
		_, err = smtpclient.DialStartTLS(t.Context(), s.Addr("smtp"), o)
		var refused *smtp.Error
		require.ErrorAs(t, err, &refused)
		require.Equal(t, 535, refused.Code)
		var oauth *sasl.OAuthError
		require.ErrorAs(t, err, &oauth)
		require.Equal(t, "401", oauth.Status)
	})
}

// scripted is for a daemon that keeps messages as they are.
func scripted(d *peers.Daemon, cert *peers.Certificate) *mailServer {
	return &mailServer{Daemon: d, cert: cert, bob: func(t testing.TB, came int) []string {
		t.Helper()
		return d.Files(t, filepath.Join(d.Dir, "new"), came)
	}}
}

// testScripted tests a server that takes no line longer than maxLine, unless that
// is zero.
func testScripted(t *testing.T, s *mailServer, maxLine int, mechanisms ...string) {
	for _, w := range ways {
		if w.service == "smtps" || w.options.Chunking {
			continue // neither has them
		}
		t.Run(w.name, func(t *testing.T) {
			messages := peers.Named(w.name, w.name == "clear")
			for i := range messages {
				if m := &messages[i]; maxLine > 0 && strings.HasSuffix(m.Name, "long-lines") {
					head, _, _ := strings.Cut(m.Text, "\r\n\r\n")
					m.Text = head + "\r\n\r\n" + strings.Repeat("x", maxLine) + "\r\n"
				}
			}
			s.takes(t, w, messages)
		})
	}
	t.Run("refusals", func(t *testing.T) { s.refuses(t, &smtpclient.Options{}, 25<<20) })
	t.Run("auth", func(t *testing.T) { logins(t, s.Addr("smtp"), s.cert, mechanisms...) })
}
