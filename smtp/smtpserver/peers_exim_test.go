package smtpserver_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
)

// Exim relays to the server, by a transport of its own for each domain. It sends
// with BDAT unless told not to.
func TestPeerExim(t *testing.T) {
	cert := peers.NewCertificate(t)
	r := newRelay(t, cert, ".relay")
	var rules []string
	transports := ""
	transport := func(name, port string, options ...string) {
		rules = append(rules, fmt.Sprintf("%s.relay 127.0.0.1::%s byname %s", name, port, name))
		transports += fmt.Sprintf("%s:\n  driver = smtp\n  allow_localhost\n  message_linelength_limit = 1G\n  tls_verify_certificates = %s\n", name, cert.CertFile)
		for _, o := range options {
			transports += "  " + o + "\n"
		}
	}
	transport("clear", r.main.port, "hosts_avoid_tls = *")
	transport("tls", r.main.port, "hosts_require_tls = *", "tls_verify_hosts = *", "tls_verify_cert_hostnames =", "tls_sni = localhost")
	transport("data", r.main.port, "hosts_avoid_tls = *", "hosts_try_chunking =", "hosts_avoid_pipelining = *")
	transport("auth", r.main.port, "hosts_require_auth = *", "hosts_require_tls = *")
	transport("small", r.small.port, "hosts_avoid_tls = *")
	transport("lmtp", r.lmtp.port, "protocol = lmtp", "port = "+r.lmtp.port, "hosts_avoid_tls = *")
	rules = append(rules, "example.org 127.0.0.1::"+r.main.port+" byname clear")
	r.Daemon = peers.Exim(t, cert, "",
		"relay:\n  driver = manualroute\n  domains = *.relay : example.org\n  route_list = "+strings.Join(rules, "; ")+"\n  self = send\n  host_find_failed = defer\n", transports)

	for _, way := range []string{"clear", "tls", "data", "lmtp"} {
		t.Run(way, func(t *testing.T) {
			r.sendsAll(t, way, way == "tls" || way == "data")
			if way == "clear" {
				require.Contains(t, r.main.conversation(), "receive BDAT ")
			}
		})
	}
	t.Run("auth", func(t *testing.T) { r.logsIn(t, "auth") })
	t.Run("one recipient unknown", func(t *testing.T) { r.reportsUnknown(t, "550 5.1.1") })
	t.Run("size", func(t *testing.T) { r.reportsSize(t, "552") })
	t.Run("dsn, smtputf8", r.passesParameters)
}
