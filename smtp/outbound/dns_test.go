package outbound_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/net/dns/dnsmessage"

	"github.com/posthorn-mail/posthorn/smtp/outbound"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// nameServer answers by UDP and TCP on one port.
type nameServer struct {
	mu      sync.Mutex
	records map[string][]dnsmessage.Resource // "TypeA name."
	rcode   map[string]dnsmessage.RCode
	secure  map[string]bool
	cut     bool // answers by UDP are truncated
	forge   bool // each is preceded by one to another question
	silent  int  // queries that get no answer
	queries int
}

func record(name string, t dnsmessage.Type, b dnsmessage.ResourceBody) dnsmessage.Resource {
	return dnsmessage.Resource{Header: dnsmessage.ResourceHeader{Name: dnsmessage.MustNewName(name), Type: t, Class: dnsmessage.ClassINET}, Body: b}
}

func (s *nameServer) answer(t *testing.T, query []byte, udp bool) (replies [][]byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.queries++
	var m dnsmessage.Message
	if err := m.Unpack(query); err != nil || len(m.Questions) != 1 || !m.AuthenticData || !m.RecursionDesired {
		t.Errorf("bad query %v %v", m, err)
		return nil
	}
	if s.silent > 0 {
		s.silent--
		return nil
	}
	q := m.Questions[0]
	key := strings.TrimPrefix(q.Type.String(), "Type") + " " + q.Name.String()
	m.Response, m.Additionals = true, nil
	m.Answers, m.AuthenticData, m.RCode = s.records[key], s.secure[key], s.rcode[key]
	if udp && s.cut {
		m.Truncated, m.Answers = true, nil
	}
	if udp && s.forge {
		f := m
		f.ID++
		f.AuthenticData = true
		f.Answers = []dnsmessage.Resource{record(q.Name.String(), dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{6, 6, 6, 6}})}
		b, err := f.Pack()
		require.NoError(t, err)
		replies = append(replies, []byte("junk"), b)
	}
	b, err := m.Pack()
	require.NoError(t, err)
	return append(replies, b)
}

func (s *nameServer) serve(t *testing.T) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	pc, err := net.ListenPacket("udp", l.Addr().String())
	require.NoError(t, err)
	var wg sync.WaitGroup
	wg.Go(func() {
		buf := make([]byte, 2048)
		for {
			n, from, err := pc.ReadFrom(buf)
			if err != nil {
				return
			}
			for _, b := range s.answer(t, buf[:n], true) {
				pc.WriteTo(b, from)
			}
		}
	})
	wg.Go(func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			var size [2]byte
			io.ReadFull(nc, size[:])
			query := make([]byte, binary.BigEndian.Uint16(size[:]))
			io.ReadFull(nc, query)
			for _, b := range s.answer(t, query, false) {
				nc.Write(binary.BigEndian.AppendUint16(nil, uint16(len(b))))
				nc.Write(b)
			}
			nc.Close()
		}
	})
	t.Cleanup(func() {
		l.Close()
		pc.Close()
		wg.Wait()
	})
	return l.Addr().String()
}

func newNameServer() *nameServer {
	name := dnsmessage.MustNewName
	return &nameServer{
		records: map[string][]dnsmessage.Resource{
			"MX example.org.": {
				record("example.org.", dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: 10, MX: name("mx.example.org.")}),
				record("other.example.", dnsmessage.TypeMX, &dnsmessage.MXResource{Pref: 1, MX: name("evil.example.")}),
			},
			"A mx.example.org.": {
				record("mx.example.org.", dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: name("real.example.net.")}),
				record("real.example.net.", dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 1}}),
			},
			"AAAA mx.example.org.": {
				record("mx.example.org.", dnsmessage.TypeCNAME, &dnsmessage.CNAMEResource{CNAME: name("real.example.net.")}),
				record("REAL.example.net.", dnsmessage.TypeAAAA, &dnsmessage.AAAAResource{AAAA: netip.MustParseAddr("2001:db8::1").As16()}),
			},
			"A four.example.": {record("four.example.", dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 4}})},
			"A mxx.example.":  {record("mxx.example.", dnsmessage.TypeA, &dnsmessage.AResource{A: [4]byte{192, 0, 2, 5}})},
			"TXT example.org.": {
				record("example.org.", dnsmessage.TypeTXT, &dnsmessage.TXTResource{TXT: []string{"v=STSv1; ", "id=1"}}),
			},
			"52 _25._tcp.real.example.net.": {
				record("_25._tcp.real.example.net.", 52, &dnsmessage.UnknownResource{Type: 52, Data: []byte{3, 1, 1, 0xaa, 0xbb}}),
				record("_25._tcp.real.example.net.", 52, &dnsmessage.UnknownResource{Type: 52, Data: []byte{3, 1}}),
			},
		},
		rcode:  map[string]dnsmessage.RCode{"MX gone.example.": dnsmessage.RCodeNameError, "MX bogus.example.": dnsmessage.RCodeServerFailure, "AAAA half.example.": dnsmessage.RCodeServerFailure, "AAAA mxx.example.": dnsmessage.RCodeServerFailure},
		secure: map[string]bool{"A mxx.example.": true, "MX example.org.": true, "A mx.example.org.": true, "AAAA mx.example.org.": true, "52 _25._tcp.real.example.net.": true, "MX gone.example.": true},
	}
}

func TestDNS(t *testing.T) {
	for _, mode := range []string{"udp", "tcp", "forged"} {
		t.Run(mode, func(t *testing.T) {
			s := newNameServer()
			s.cut, s.forge = mode == "tcp", mode == "forged"
			d := &outbound.DNS{Server: s.serve(t)}
			ctx := t.Context()
			var dns *net.DNSError

			mx, secure, err := d.LookupSecureMX(ctx, "example.org.")
			require.NoError(t, err)
			require.True(t, secure)
			require.Equal(t, []*net.MX{{Host: "mx.example.org.", Pref: 10}}, mx)

			addrs, name, secure, err := d.LookupSecureHost(ctx, "ip", "mx.example.org.")
			require.NoError(t, err)
			require.True(t, secure)
			require.Equal(t, "real.example.net.", name)
			require.Equal(t, []netip.Addr{netip.MustParseAddr("2001:db8::1"), netip.MustParseAddr("192.0.2.1")}, addrs)
			addrs, err = d.LookupNetIP(ctx, "ip4", "mx.example.org.")
			require.NoError(t, err)
			require.Len(t, addrs, 1)
			addrs, name, secure, err = d.LookupSecureHost(ctx, "ip", "four.example.")
			require.NoError(t, err)
			require.False(t, secure)
			require.Equal(t, "four.example.", name)
			require.Len(t, addrs, 1)
			_, _, _, err = d.LookupSecureHost(ctx, "ip", "half.example.")
			require.ErrorAs(t, err, &dns)
			require.False(t, dns.IsNotFound)

			addrs, _, secure, err = d.LookupSecureHost(ctx, "ip", "mxx.example.")
			require.NoError(t, err)
			require.True(t, secure) // that the other query fails takes nothing from it
			require.Len(t, addrs, 1)

			txt, err := d.LookupTXT(ctx, "example.org.")
			require.NoError(t, err)
			require.Equal(t, []string{"v=STSv1; id=1"}, txt)

			tlsa, secure, err := d.LookupTLSA(ctx, "_25._tcp.real.example.net.")
			require.NoError(t, err)
			require.True(t, secure)
			require.Equal(t, []outbound.TLSA{{Usage: 3, Selector: 1, Matching: 1, Data: []byte{0xaa, 0xbb}}}, tlsa)

			_, secure, err = d.LookupSecureMX(ctx, "gone.example.")
			require.ErrorAs(t, err, &dns)
			require.True(t, dns.IsNotFound)
			require.True(t, secure)
			_, err = d.LookupMX(ctx, "nothing.example.")
			require.ErrorAs(t, err, &dns)
			require.True(t, dns.IsNotFound)
			_, err = d.LookupMX(ctx, strings.Repeat("a", 300)+".")
			require.ErrorAs(t, err, &dns)
			require.True(t, dns.IsNotFound)
			_, _, err = d.LookupSecureMX(ctx, "bogus.example.")
			require.ErrorAs(t, err, &dns)
			require.False(t, dns.IsNotFound)
			require.True(t, smtpclient.Temporary(err))
		})
	}
}

func TestDNSTimeout(t *testing.T) {
	s := newNameServer()
	s.silent = 1
	d := &outbound.DNS{Server: s.serve(t), Timeout: 100 * time.Millisecond, Attempts: 2}
	_, err := d.LookupMX(t.Context(), "example.org.")
	require.NoError(t, err)
	s.mu.Lock()
	require.Equal(t, 2, s.queries)
	s.silent = 100
	s.mu.Unlock()
	_, err = d.LookupMX(t.Context(), "example.org.")
	var dns *net.DNSError
	require.ErrorAs(t, err, &dns)
	require.True(t, dns.IsTimeout)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.LookupMX(ctx, "example.org.")
	require.ErrorIs(t, err, context.Canceled)
	require.True(t, errors.As(err, &dns))
}

// DANE from the name server's records to the message.
func TestDNSWithDANE(t *testing.T) {
	n := newLab(t)
	h := n.host("x.example", "192.0.2.1", &mailHost{tls: n.selfSigned("wrong.example")})
	n.hosts[netip.MustParseAddr("2001:db8::1")] = n.hosts[netip.MustParseAddr("192.0.2.1")]
	s := newNameServer()
	s.records["52 _25._tcp.real.example.net."] = []dnsmessage.Resource{
		record("_25._tcp.real.example.net.", 52, &dnsmessage.UnknownResource{Type: 52, Data: append([]byte{3, 0, 1}, sha(leaf(h.tls))...)}),
	}
	d := n.deliverer()
	d.Resolver = &outbound.DNS{Server: s.serve(t)}
	out, err := deliver(t, d, "bob@example.org")
	require.NoError(t, err)
	require.Equal(t, outbound.VerifiedDANE, out.Attempts[0].Security)
	require.Equal(t, "mx.example.org", out.Attempts[0].Host)
}
