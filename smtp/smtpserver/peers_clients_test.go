package smtpserver_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// forProgram starts a server for a program that sends the messages in a folder,
// and returns how many these are.
func forProgram(t *testing.T, cert *peers.Certificate, adjust func(*smtpserver.Server)) (g *target, folder string, messages int) {
	g = newTarget(t, cert, adjust)
	folder = t.TempDir()
	for _, msg := range peers.Messages(true) {
		peers.Write(t, filepath.Join(folder, msg.Name), msg.Text)
		messages++
	}
	return g, folder, messages
}

// all checks that the messages came, for each way; the large one is left out with
// STARTTLS.
func all(t *testing.T, g *target, ways ...string) {
	t.Helper()
	got := bodies(g.got())
	for _, way := range ways {
		for _, msg := range peers.Named(way, true) {
			if strings.HasPrefix(msg.Name, "starttls") && strings.HasSuffix(msg.Name, "large") {
				continue
			}
			peers.Same(t, msg, peers.Find(t, msg, got))
		}
	}
}

func TestPeerSmtplib(t *testing.T) {
	cert := peers.NewCertificate(t)
	python := peers.Need(t, "python3", "python3")
	g, folder, messages := forProgram(t, cert, func(s *smtpserver.Server) { s.Limits.Message = 25 << 20 })
	out, err := peers.Run("", nil, python, "testdata/peers/smtplib_client.py", g.port, g.tlsPort, cert.CertFile, folder)
	require.NoError(t, err, out)
	all(t, g, "clear", "starttls", "tls")
	utf8 := g.got()[messages+1] // behind one for bob and nobody
	require.True(t, utf8.mail.UTF8)
	require.Equal(t, "bücher", utf8.to[0].Local)
}

func TestPeerNodemailer(t *testing.T) {
	cert := peers.NewCertificate(t)
	node, env := peers.Node(t, "nodemailer")
	g, folder, _ := forProgram(t, cert, nil)
	out, err := peers.Run("", env, node, "testdata/peers/nodemailer_client.js", g.port, g.tlsPort, cert.CertFile, folder)
	require.NoError(t, err, out)
	all(t, g, "clear", "starttls PLAIN", "starttls LOGIN", "starttls CRAM-MD5", "tls")
	for _, m := range g.got() {
		if strings.Contains(m.body, "Subject: dsn") {
			require.Equal(t, "QQ314159", m.mail.EnvelopeID)
			require.Equal(t, smtp.ReturnHeaders, m.mail.Return)
			require.Equal(t, smtp.NotifyFailure|smtp.NotifyDelay, m.rcpt[0].Notify)
			require.Equal(t, smtp.OriginalRecipient{Type: "rfc822", Address: "robert@example.com"}, m.rcpt[0].Original)
			return
		}
	}
	t.Fatal("the message with DSN parameters did not come")
}

func TestPeerSwaks(t *testing.T) {
	swaks := peers.Need(t, "swaks", "swaks")
	cert := peers.NewCertificate(t)
	g := newTarget(t, cert, nil)
	lmtp := newTarget(t, cert, func(s *smtpserver.Server) { s.LMTP = true })
	msg := peers.Messages(false)[1] // with dots
	msg.Text += "end\r\n"           // swaks would take a last dot for its own
	file := peers.Write(t, filepath.Join(t.TempDir(), "msg"), msg.Text)
	login := func(mechanism, password string) []string {
		return []string{"--auth", mechanism, "--auth-user", "alice", "--auth-password", password}
	}
	tests := map[string][]string{
		"clear":      nil,
		"pipeline":   {"--pipeline"},
		"starttls":   {"--tls", "--tls-verify", "--tls-ca-path", cert.CertFile, "--tls-sni", "localhost"},
		"tls":        {"--tls-on-connect"},
		"lmtp":       {"--protocol", "LMTP"},
		"xclient":    {"--xclient", "ADDR=192.0.2.7 NAME=far.example.com"},
		"any":        {"--tls", "--auth", "--auth-user", "alice", "--auth-password", "secret"},
		"plaintext":  append(login("PLAIN,LOGIN", "secret"), "--tls"),
		"hide":       append(login("CRAM-MD5", "secret"), "--auth-hide-password"),
		"tls, plain": append(login("PLAIN", "secret"), "--tls-on-connect"),
	}
	for _, m := range []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5"} {
		tests["auth "+m] = append(login(m, "secret"), "--tls")
		tests["wrong "+m] = append(login(m, "wrong"), "--tls")
	}
	for name, args := range tests {
		t.Run(name, func(t *testing.T) {
			to, port := g, g.port
			if strings.HasPrefix(name, "tls") {
				port = g.tlsPort
			} else if name == "lmtp" {
				to, port = lmtp, lmtp.port
			}
			n := len(to.got())
			out, err := peers.Run("", nil, swaks, append([]string{"--server", "localhost", "--port", port, "--ehlo", "client.example.org",
				"--from", "alice@example.org", "--to", "bob@example.net", "--timeout", "30", "--data", "@" + file}, args...)...)
			if strings.HasPrefix(name, "wrong") {
				require.Error(t, err)
				require.Contains(t, out, "535 5.7.8")
				require.Len(t, to.got(), n)
				return
			}
			require.NoError(t, err, out)
			got := to.await(t, n+1)[n]
			peers.Same(t, msg, strings.TrimSuffix(got.body, "\r\n\r\n")+"\r\n") // it adds an empty line
			if name == "xclient" {
				require.Equal(t, "192.0.2.7", to.lastConn().RemoteIP().String())
				require.Equal(t, "far.example.com", to.lastConn().RemoteName())
			}
			if strings.Contains(strings.Join(args, " "), "--auth") {
				require.Contains(t, out, "235 2.7.0")
			}
		})
	}
}

func TestPeerMsmtp(t *testing.T) {
	msmtp := peers.Need(t, "msmtp", "msmtp")
	cert := peers.NewCertificate(t)
	g := newTarget(t, cert, nil)
	version, err := peers.Run("", nil, msmtp, "--version")
	require.NoError(t, err)
	dir := t.TempDir()
	for _, auth := range []string{"plain", "login", "cram-md5", "digest-md5", "scram-sha-1", "scram-sha-256", "scram-sha-1-plus", "scram-sha-256-plus"} {
		for starttls, port := range map[string]string{"on": g.port, "off": g.tlsPort} {
			t.Run(auth+", starttls "+starttls, func(t *testing.T) {
				if !strings.Contains(version, auth+" ") {
					t.Skipf("this msmtp has no %s", auth)
				}
				config := peers.Write(t, filepath.Join(dir, "msmtprc"), fmt.Sprintf(
					"account default\nhost localhost\nport %s\ntls on\ntls_starttls %s\ntls_trust_file %s\nauth %s\nuser alice\npassword secret\nfrom alice@example.org\n",
					port, starttls, cert.CertFile, auth))
				for _, msg := range peers.Named(auth, auth == "plain") {
					if strings.HasSuffix(msg.Name, "long-lines") {
						continue // it cuts them
					}
					n := len(g.got())
					out, err := peers.Run(strings.ReplaceAll(msg.Text, "\r\n", "\n"), nil, msmtp, "-C", config, "bob@example.net")
					require.NoError(t, err, out)
					peers.Same(t, msg, g.await(t, n+1)[n].body)
					if auth != "plain" {
						break // one is enough to see that it logs in
					}
				}
				require.Equal(t, "alice", g.lastConn().Identity())
			})
		}
	}
}
