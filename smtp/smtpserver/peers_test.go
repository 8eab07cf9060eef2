package smtpserver_test

import (
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/peers"
	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
	"github.com/posthorn-mail/posthorn/textproto"
)

// The tests of the files peers*_test.go have other people's programs send mail
// to the server.

// target is a server with all that a peer may want to use. It knows nobody at
// all as no recipient.
type target struct {
	*recorder
	port    string // with STARTTLS
	tlsPort string // with TLS from the first octet

	mu    sync.Mutex
	trace strings.Builder
	conns []*smtpserver.Conn
}

// newTarget starts a server. Change its settings with adjust.
func newTarget(t testing.TB, cert *peers.Certificate, adjust func(*smtpserver.Server)) *target {
	t.Helper()
	g := &target{recorder: &recorder{exts: smtp.ExtensionsOf(smtp.ExtDSN, smtp.ExtBinaryMIME)}}
	g.newSession = func(c *smtpserver.Conn) error {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.conns = append(g.conns, c)
		return nil
	}
	g.rcpt = func(to smtp.Address, _ *smtp.RcptOptions) error {
		if to.Local == "nobody" {
			return smtpserver.ErrNoSuchUser
		}
		return nil
	}
	users := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	require.NoError(t, users.Set("alice", "secret"))
	srv := &smtpserver.Server{Backend: g.recorder, Authenticator: users, XClientFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}
	srv.TLSConfig = cert.Server
	srv.Mechanisms = []string{"PLAIN", "LOGIN", "CRAM-MD5", "DIGEST-MD5", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512",
		"SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS", "SCRAM-SHA-512-PLUS"}
	srv.Trace = func(e textproto.Event) {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.trace.WriteString(e.ConnID + " " + e.Dir.String() + " " + string(e.Line) + "\n")
	}
	if adjust != nil {
		adjust(srv)
	}
	_, g.port, _ = strings.Cut(start(t, srv), ":")
	_, g.tlsPort, _ = strings.Cut(testutil.ServeTLS(t, srv), ":")
	t.Cleanup(func() {
		if t.Failed() {
			s := g.conversation()
			t.Logf("what the server heard and said:\n%s", s[max(0, len(s)-8000):])
		}
	})
	return g
}

func (g *target) conversation() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.trace.String()
}

// lastConn returns the last connection.
func (g *target) lastConn() *smtpserver.Conn {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.conns[len(g.conns)-1]
}

// await waits until n messages have come in all, and returns them.
func (g *target) await(t testing.TB, n int) []received {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); len(g.got()) < n; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%d messages of %d came", len(g.got()), n)
		}
	}
	got := g.got()
	if len(got) != n {
		t.Fatalf("%d messages came, not %d", len(got), n)
	}
	return got
}

func bodies(list []received) []string {
	var out []string
	for _, m := range list {
		out = append(out, m.body)
	}
	return out
}
