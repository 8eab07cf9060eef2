package smtpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// Postfix relays to the server, by a transport of its own for each domain.
func TestPeerPostfix(t *testing.T) {
	cert := peers.NewCertificate(t)
	r := newRelay(t, cert, ".test")
	services, maps := "", "example.org=clear:[127.0.0.1]:"+r.main.port
	transport := func(name, program, port string, options ...string) {
		services += name + " unix - - n - - " + program
		for _, o := range options {
			services += " -o " + o
		}
		services += "\n"
		next := "[127.0.0.1]:" + port
		if program == "lmtp" {
			next = "inet:" + next
		}
		maps += fmt.Sprintf(" %s.test=%s:%s", name, name, next)
	}
	transport("clear", "smtp", r.main.port, "smtp_tls_security_level=none")
	transport("tls", "smtp", r.main.port, "smtp_tls_security_level=verify", "smtp_tls_verify_cert_match=localhost", "smtp_tls_loglevel=1")
	transport("onebyone", "smtp", r.main.port, "smtp_discard_ehlo_keywords=pipelining,size")
	transport("forward", "smtp", r.main.port, "smtp_send_xforward_command=yes")
	transport("small", "smtp", r.small.port)
	transport("lmtp", "lmtp", r.lmtp.port)
	mechanisms := []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}
	for _, m := range mechanisms {
		transport(strings.ToLower(m), "smtp", r.main.port, "smtp_tls_security_level=encrypt", "smtp_sasl_auth_enable=yes",
			"smtp_sasl_password_maps=static:alice:secret", "smtp_sasl_security_options=noanonymous", "smtp_sasl_mechanism_filter="+m)
	}
	r.Daemon = peers.Postfix(t, cert, "transport_maps = inline:{"+maps+"}", services)

	for _, way := range []string{"clear", "tls", "onebyone", "lmtp"} {
		t.Run(way, func(t *testing.T) { r.sendsAll(t, way, way == "tls" || way == "lmtp") })
	}
	for _, m := range mechanisms {
		t.Run(m, func(t *testing.T) { r.logsIn(t, strings.ToLower(m)) })
	}
	t.Run("one recipient unknown", func(t *testing.T) { r.reportsUnknown(t, "Final-Recipient: rfc822; nobody@", "Status: 5.1.1") })
	t.Run("size", func(t *testing.T) { r.reportsSize(t, "exceeds size limit") }) // Postfix's words: SIZE told it
	t.Run("dsn, smtputf8", r.passesParameters)
	t.Run("xforward", func(t *testing.T) {
		r.send(t, "forward", smtpclient.Envelope{}, plain(), "bob")
		require.Contains(t, r.main.conversation(), "receive XFORWARD ADDR=127.0.0.1")
		got := r.main.got()
		forwarded := got[len(got)-1].fwd
		require.Contains(t, forwarded, smtp.Attribute{Name: "ADDR", Value: "127.0.0.1"})
		require.Contains(t, forwarded, smtp.Attribute{Name: "SOURCE", Value: "LOCAL"})
	})
}
