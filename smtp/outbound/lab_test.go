package outbound_test

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// A lab is an Internet of its own: a DNS, hosts at addresses, certificates.
type lab struct {
	t     testing.TB
	mx    map[string][]*net.MX
	addrs map[string][]netip.Addr
	txt   map[string][]string
	fail  map[string]bool // queries that get no answer: "MX name", "IP name", …
	hosts map[netip.Addr]string
	ca    *testutil.Authority

	mu    sync.Mutex
	dials []string
}

func newLab(t testing.TB) *lab {
	testutil.NoLeaks(t)
	n := &lab{
		t: t, mx: map[string][]*net.MX{}, addrs: map[string][]netip.Addr{}, txt: map[string][]string{},
		fail: map[string]bool{}, hosts: map[netip.Addr]string{}, ca: testutil.NewAuthority(t),
	}
	return n
}

// tls makes a server's configuration, with a certificate of the lab's CA.
func (n *lab) tls(names ...string) *tls.Config { return n.ca.TLS(n.t, names...) }

func (n *lab) selfSigned(names ...string) *tls.Config {
	server, _ := testutil.TLS(n.t, names...)
	return server
}

func leaf(cfg *tls.Config) []byte { return cfg.Certificates[0].Certificate[0] }

func sha(b []byte) []byte {
	h := sha256.Sum256(b)
	return h[:]
}

// domain gives a domain its mail hosts, "10 mx1.example.org" each.
func (n *lab) domain(name string, mx ...string) {
	for _, s := range mx {
		var r net.MX
		_, err := fmt.Sscan(s, &r.Pref, &r.Host)
		require.NoError(n.t, err)
		n.mx[name+"."] = append(n.mx[name+"."], &r)
	}
}

func (n *lab) names(host string, addrs ...string) {
	for _, a := range addrs {
		n.addrs[host+"."] = append(n.addrs[host+"."], netip.MustParseAddr(a))
	}
}

// host puts a server at an address that a name leads to. Behaviour that it does
// not set is that of a host which takes everything.
func (n *lab) host(name, ip string, h *mailHost) *mailHost {
	n.names(name, ip)
	if h == nil {
		h = &mailHost{}
	}
	srv := &smtpserver.Server{Backend: h, Hostname: name, Limits: smtpserver.Limits{Recipients: h.recipients, Transactions: h.transactions}, Disable: h.disable}
	srv.Logger, srv.TLSConfig = slog.New(slog.DiscardHandler), h.tls
	n.hosts[netip.MustParseAddr(ip)] = testutil.Serve(n.t, srv)
	return h
}

// script puts a scripted server at an address; see testutil.Play. It serves one
// connection for each script.
func (n *lab) script(name, ip string, scripts ...string) {
	n.names(name, ip)
	n.hosts[netip.MustParseAddr(ip)] = testutil.ScriptServer(n.t, scripts...)
}

func (n *lab) deliverer() *outbound.Deliverer {
	return &outbound.Deliverer{
		Resolver: n,
		Options:  smtpclient.Options{LocalName: "client.example", Dialer: n, TLSConfig: &tls.Config{RootCAs: n.ca.Roots}},
	}
}

func (n *lab) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	n.mu.Lock()
	n.dials = append(n.dials, addr)
	n.mu.Unlock()
	ap := netip.MustParseAddrPort(addr)
	to, ok := n.hosts[ap.Addr()]
	if !ok || ap.Port() != 25 {
		return nil, &net.OpError{Op: "dial", Net: network, Err: syscall.ECONNREFUSED}
	}
	return (&net.Dialer{}).DialContext(ctx, network, to)
}

func (n *lab) answer(kind, name string, found bool) error {
	if !strings.HasSuffix(name, ".") {
		n.t.Error("not an absolute name: " + name)
	}
	if n.fail[kind+" "+strings.TrimSuffix(name, ".")] {
		return &net.DNSError{Err: "server misbehaving", Name: name, IsTemporary: true}
	}
	if !found {
		return &net.DNSError{Err: "no such host", Name: name, IsNotFound: true}
	}
	return nil
}

func (n *lab) LookupMX(_ context.Context, name string) ([]*net.MX, error) {
	return n.mx[name], n.answer("MX", name, n.mx[name] != nil)
}

func (n *lab) LookupNetIP(_ context.Context, _, name string) ([]netip.Addr, error) {
	return n.addrs[name], n.answer("IP", name, n.addrs[name] != nil)
}

func (n *lab) LookupTXT(_ context.Context, name string) ([]string, error) {
	return n.txt[name], n.answer("TXT", name, n.txt[name] != nil)
}

// A secureLab has a DNS with DNSSEC.
type secureLab struct {
	*lab
	insecure map[string]bool // as fail
	cname    map[string]string
	tlsa     map[string][]outbound.TLSA
}

func (n *lab) sign() *secureLab {
	return &secureLab{lab: n, insecure: map[string]bool{}, cname: map[string]string{}, tlsa: map[string][]outbound.TLSA{}}
}

func (n *secureLab) secure(kind, name string) bool {
	return !n.insecure[kind+" "+strings.TrimSuffix(name, ".")]
}

func (n *secureLab) LookupSecureMX(ctx context.Context, name string) ([]*net.MX, bool, error) {
	mx, err := n.LookupMX(ctx, name)
	return mx, n.secure("MX", name), err
}

func (n *secureLab) LookupSecureHost(ctx context.Context, network, name string) ([]netip.Addr, string, bool, error) {
	secure := n.secure("IP", name)
	if to, ok := n.cname[name]; ok {
		name = to
		secure = secure && n.secure("IP", name)
	}
	addrs, err := n.LookupNetIP(ctx, network, name)
	return addrs, name, secure, err
}

func (n *secureLab) LookupTLSA(_ context.Context, name string) ([]outbound.TLSA, bool, error) {
	return n.tlsa[name], n.secure("TLSA", name), n.answer("TLSA", name, n.tlsa[name] != nil)
}

// A mailHost is a server's Backend.
type mailHost struct {
	tls          *tls.Config
	recipients   int
	transactions int
	exts         smtp.ExtensionSet
	disable      smtp.ExtensionSet
	connect      error
	mail         error
	rcpt         func(to smtp.Address) error
	data         error

	mu   sync.Mutex
	got  []gotMessage
	seen int // connections
}

type gotMessage struct {
	mail smtp.MailOptions
	to   []string
	rcpt []smtp.RcptOptions
	body string
	tls  bool
}

func (h *mailHost) Extensions() smtp.ExtensionSet { return h.exts }

func (h *mailHost) NewSession(_ context.Context, c *smtpserver.Conn) (smtpserver.Session, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.seen++
	return &hostSession{h: h, c: c}, h.connect
}

func (h *mailHost) messages() []gotMessage {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.got
}

type hostSession struct {
	h *mailHost
	c *smtpserver.Conn
	m gotMessage
}

func (s *hostSession) Mail(_ context.Context, _ smtp.Address, o *smtp.MailOptions) error {
	s.m = gotMessage{mail: *o, tls: s.c.TLS() != nil}
	return s.h.mail
}

func (s *hostSession) Rcpt(_ context.Context, to smtp.Address, o *smtp.RcptOptions) error {
	if s.h.rcpt != nil {
		if err := s.h.rcpt(to); err != nil {
			return err
		}
	}
	s.m.to = append(s.m.to, to.String())
	s.m.rcpt = append(s.m.rcpt, *o)
	return nil
}

func (s *hostSession) Data(_ context.Context, r io.Reader) error {
	b, err := io.ReadAll(r)
	if err != nil || s.h.data != nil {
		return s.h.data
	}
	s.m.body = string(b)
	s.h.mu.Lock()
	defer s.h.mu.Unlock()
	s.h.got = append(s.h.got, s.m)
	return nil
}

func (s *hostSession) Reset(context.Context) {}
func (s *hostSession) Close() error          { return nil }
