package smtpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// Exim relays to the server, by a transport of its own for each domain. It sends
// with BDAT unless told not to.
func TestPeerExim(t *testing.T) {
	cert := peers.NewCertificate(t)
	g := newTarget(t, cert, nil)
	small := newTarget(t, cert, func(s *smtpserver.Server) { s.Limits.Message = 5000 })
	lmtp := newTarget(t, cert, func(s *smtpserver.Server) { s.LMTP = true })

	var rules []string
	transports := ""
	transport := func(name, port string, options ...string) {
		rules = append(rules, fmt.Sprintf("%s.relay 127.0.0.1::%s byname %s", name, port, name))
		transports += fmt.Sprintf("%s:\n  driver = smtp\n  allow_localhost\n  message_linelength_limit = 1G\n  tls_verify_certificates = %s\n", name, cert.CertFile)
		for _, o := range options {
			transports += "  " + o + "\n"
		}
	}
	transport("clear", g.port, "hosts_avoid_tls = *")
	transport("tls", g.port, "hosts_require_tls = *", "tls_verify_hosts = *", "tls_verify_cert_hostnames =", "tls_sni = localhost")
	transport("data", g.port, "hosts_avoid_tls = *", "hosts_try_chunking =", "hosts_avoid_pipelining = *")
	transport("auth", g.port, "hosts_require_auth = *", "hosts_require_tls = *")
	transport("small", small.port, "hosts_avoid_tls = *")
	transport("lmtp", lmtp.port, "protocol = lmtp", "port = "+lmtp.port, "hosts_avoid_tls = *")
	rules = append(rules, "example.org 127.0.0.1::"+g.port+" byname clear")
	d := peers.Exim(t, cert, "",
		"relay:\n  driver = manualroute\n  domains = *.relay : example.org\n  route_list = "+strings.Join(rules, "; ")+"\n  self = send\n  host_find_failed = defer\n", transports)

	came := map[*target]int{}
	for _, way := range []string{"clear", "tls", "data", "lmtp"} {
		t.Run(way, func(t *testing.T) {
			to := g
			if way == "lmtp" {
				to = lmtp
			}
			messages := named(peers.Messages(way == "tls" || way == "data"), way)
			for _, msg := range messages {
				submit(t, d, &smtpclient.Envelope{}, msg.Text, "bob@"+way+".relay")
			}
			came[to] += len(messages)
			got := bodies(to.await(t, came[to]))
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
			if way == "clear" {
				require.Contains(t, g.conversation(), "receive BDAT ")
			}
		})
	}
	t.Run("auth", func(t *testing.T) {
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@auth.relay")
		came[g]++
		g.await(t, came[g])
		g.mu.Lock()
		defer g.mu.Unlock()
		require.Equal(t, "alice", g.conns[len(g.conns)-1].Identity())
	})
	t.Run("one recipient unknown", func(t *testing.T) {
		for to, domain := range map[*target]string{g: "clear.relay", lmtp: "lmtp.relay"} {
			submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@"+domain, "nobody@"+domain, "carol@"+domain)
			came[to]++
			came[g]++ // the notification
			message := to.await(t, came[to])
			if to == lmtp {
				require.Len(t, message[came[to]-1].to, 2)
			}
			report := bounce(t, g, came[g])
			require.Contains(t, report, "nobody@"+domain)
			require.Contains(t, report, "550 5.1.1")
		}
	})
	t.Run("size", func(t *testing.T) {
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text+strings.Repeat("more\r\n", 1000), "bob@small.relay")
		came[g]++
		require.Contains(t, bounce(t, g, came[g]), "552")
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@small.relay")
		small.await(t, 1)
	})
	t.Run("dsn, smtputf8", func(t *testing.T) {
		env := &smtpclient.Envelope{Rcpt: []smtp.RcptOptions{{Notify: smtp.NotifyFailure | smtp.NotifyDelay,
			Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert+x@example.com"}}}}
		env.Mail.EnvelopeID, env.Mail.Return, env.Mail.UTF8 = "QQ+314159 =x", smtp.ReturnHeaders, true
		msg := peers.Message{Name: "Grüße", Text: strings.Replace(peers.Messages(false)[0].Text, "Subject: plain", "Subject: Grüße", 1)}
		submit(t, d, env, msg.Text, "bücher@clear.relay")
		came[g]++
		m := g.await(t, came[g])[came[g]-1]
		peers.Same(t, msg, m.body)
		require.True(t, m.mail.UTF8)
		require.Equal(t, "bücher", m.to[0].Local)
		require.Equal(t, env.Mail.EnvelopeID, m.mail.EnvelopeID)
		require.Equal(t, smtp.ReturnHeaders, m.mail.Return)
		require.Equal(t, env.Rcpt[0].Notify, m.rcpt[0].Notify)
		require.Equal(t, env.Rcpt[0].Original, m.rcpt[0].Original)
	})
}
