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

// Postfix relays to the server, by a transport of its own for each domain.
func TestPeerPostfix(t *testing.T) {
	cert := peers.NewCertificate(t)
	g := newTarget(t, cert, nil)
	small := newTarget(t, cert, func(s *smtpserver.Server) { s.Limits.Message = 5000 })
	lmtp := newTarget(t, cert, func(s *smtpserver.Server) { s.LMTP = true })

	services, maps := "", "example.org=clear:["+"127.0.0.1]:"+g.port
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
	transport("clear", "smtp", g.port, "smtp_tls_security_level=none")
	transport("tls", "smtp", g.port, "smtp_tls_security_level=verify", "smtp_tls_verify_cert_match=localhost", "smtp_tls_loglevel=1")
	transport("onebyone", "smtp", g.port, "smtp_discard_ehlo_keywords=pipelining,size")
	transport("forward", "smtp", g.port, "smtp_send_xforward_command=yes")
	transport("small", "smtp", small.port)
	transport("lmtp", "lmtp", lmtp.port)
	mechanisms := []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256"}
	for _, m := range mechanisms {
		transport(strings.ToLower(m), "smtp", g.port, "smtp_tls_security_level=encrypt", "smtp_sasl_auth_enable=yes",
			"smtp_sasl_password_maps=static:alice:secret", "smtp_sasl_security_options=noanonymous", "smtp_sasl_mechanism_filter="+m)
	}
	d := peers.Postfix(t, cert, "transport_maps = inline:{"+maps+"}", services)

	came := map[*target]int{}
	for _, way := range []string{"clear", "tls", "onebyone", "lmtp"} {
		t.Run(way, func(t *testing.T) {
			to := g
			if way == "lmtp" {
				to = lmtp
			}
			messages := named(peers.Messages(way == "tls" || way == "lmtp"), way)
			for _, msg := range messages {
				submit(t, d, &smtpclient.Envelope{}, msg.Text, "bob@"+way+".test")
			}
			came[to] += len(messages)
			got := bodies(to.await(t, came[to]))
			for _, msg := range messages {
				peers.Same(t, msg, peers.Find(t, msg, got))
			}
		})
	}
	for _, m := range mechanisms {
		t.Run(m, func(t *testing.T) {
			submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@"+strings.ToLower(m)+".test")
			came[g]++
			g.await(t, came[g])
			g.mu.Lock()
			defer g.mu.Unlock()
			require.Equal(t, "alice", g.conns[len(g.conns)-1].Identity())
		})
	}
	t.Run("one recipient unknown", func(t *testing.T) {
		for to, domain := range map[*target]string{g: "clear.test", lmtp: "lmtp.test"} {
			submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@"+domain, "nobody@"+domain, "carol@"+domain)
			came[to]++
			came[g]++ // the notification
			message := to.await(t, came[to])
			if to == lmtp {
				require.Len(t, message[came[to]-1].to, 2)
			}
			report := bounce(t, g, came[g])
			require.Contains(t, report, "Final-Recipient: rfc822; nobody@"+domain)
			require.Contains(t, report, "Status: 5.1.1")
		}
	})
	t.Run("size", func(t *testing.T) {
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text+strings.Repeat("more\r\n", 1000), "bob@small.test")
		came[g]++
		require.Contains(t, bounce(t, g, came[g]), "exceeds size limit") // Postfix's words: SIZE told it
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@small.test")
		small.await(t, 1)
	})
	t.Run("dsn, smtputf8", func(t *testing.T) {
		env := &smtpclient.Envelope{Rcpt: []smtp.RcptOptions{{Notify: smtp.NotifyFailure | smtp.NotifyDelay,
			Original: smtp.OriginalRecipient{Type: "rfc822", Address: "robert+x@example.com"}}}}
		env.Mail.EnvelopeID, env.Mail.Return, env.Mail.UTF8 = "QQ+314159 =x", smtp.ReturnHeaders, true
		msg := peers.Message{Name: "Grüße", Text: strings.Replace(peers.Messages(false)[0].Text, "Subject: plain", "Subject: Grüße", 1)}
		submit(t, d, env, msg.Text, "bücher@clear.test")
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
	t.Run("xforward", func(t *testing.T) {
		submit(t, d, &smtpclient.Envelope{}, peers.Messages(false)[0].Text, "bob@forward.test")
		came[g]++
		g.await(t, came[g])
		require.Contains(t, g.conversation(), "receive XFORWARD ADDR=127.0.0.1")
		g.mu.Lock()
		defer g.mu.Unlock()
		forwarded := g.conns[len(g.conns)-1].Forwarded()
		require.Contains(t, forwarded, smtp.Attribute{Name: "ADDR", Value: "127.0.0.1"})
		require.Contains(t, forwarded, smtp.Attribute{Name: "SOURCE", Value: "LOCAL"})
	})
}

// bounce returns the notification among the last two of n messages.
func bounce(t *testing.T, g *target, n int) string {
	t.Helper()
	got := g.await(t, n)
	for i := len(got) - 1; i >= 0; i-- {
		if got[i].from.IsZero() {
			return got[i].body
		}
	}
	t.Fatal("no notification came")
	return ""
}
