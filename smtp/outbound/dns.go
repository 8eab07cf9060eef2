package outbound

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

// A DNS asks one recursive name server and believes what it says of DNSSEC (its
// AD bit), so that DANE can be used; *net.Resolver can't do that. The server
// must validate, such as Unbound or BIND, and run on this host or be reached over
// a network that is safe from tampering.
//
//	d := &outbound.Deliverer{Resolver: &outbound.DNS{}}
type DNS struct {
	// Server is where the server listens, by default 127.0.0.1:53.
	Server string

	// Timeout is how long to wait for an answer (default 5 seconds), Attempts
	// how often to ask (default 3).
	Timeout  time.Duration
	Attempts int
}

var _ SecureResolver = (*DNS)(nil)

const typeTLSA = dnsmessage.Type(52) // RFC 6698 §7.1

// LookupMX implements Resolver.
func (d *DNS) LookupMX(ctx context.Context, name string) ([]*net.MX, error) {
	mx, _, err := d.LookupSecureMX(ctx, name)
	return mx, err
}

// LookupSecureMX implements SecureResolver.
func (d *DNS) LookupSecureMX(ctx context.Context, name string) ([]*net.MX, bool, error) {
	var list []*net.MX
	a, err := d.query(ctx, name, dnsmessage.TypeMX, func(r dnsmessage.Resource) {
		if mx, ok := r.Body.(*dnsmessage.MXResource); ok {
			list = append(list, &net.MX{Host: mx.MX.String(), Pref: mx.Pref})
		}
	})
	return list, a.secure, err
}

// LookupTXT implements Resolver.
func (d *DNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	var list []string
	_, err := d.query(ctx, name, dnsmessage.TypeTXT, func(r dnsmessage.Resource) {
		if txt, ok := r.Body.(*dnsmessage.TXTResource); ok {
			list = append(list, strings.Join(txt.TXT, ""))
		}
	})
	return list, err
}

// LookupNetIP implements Resolver.
func (d *DNS) LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error) {
	addrs, _, _, err := d.LookupSecureHost(ctx, network, host)
	return addrs, err
}

// LookupSecureHost implements SecureResolver. IPv6 comes before IPv4.
func (d *DNS) LookupSecureHost(ctx context.Context, network, host string) ([]netip.Addr, string, bool, error) {
	var addrs []netip.Addr
	collect := func(r dnsmessage.Resource) {
		switch b := r.Body.(type) {
		case *dnsmessage.AResource:
			addrs = append(addrs, netip.AddrFrom4(b.A))
		case *dnsmessage.AAAAResource:
			addrs = append(addrs, netip.AddrFrom16(b.AAAA))
		}
	}
	name, secure := "", true
	var failed error
	for _, t := range []dnsmessage.Type{dnsmessage.TypeAAAA, dnsmessage.TypeA} {
		if t == dnsmessage.TypeAAAA && network == "ip4" || t == dnsmessage.TypeA && network == "ip6" {
			continue
		}
		a, err := d.query(ctx, host, t, collect)
		switch {
		case err == nil:
			// Only what was found counts: else an attacker who suppresses one
			// of the answers would make the other insecure.
			name, secure = a.name, secure && a.secure
		case failed == nil || isNotFound(failed):
			failed = err // one that is more than "not found" counts
		}
	}
	if len(addrs) > 0 {
		return addrs, name, secure, nil
	}
	return nil, host, false, failed
}

// LookupTLSA implements SecureResolver.
func (d *DNS) LookupTLSA(ctx context.Context, name string) ([]TLSA, bool, error) {
	var list []TLSA
	a, err := d.query(ctx, name, typeTLSA, func(r dnsmessage.Resource) {
		if b, ok := r.Body.(*dnsmessage.UnknownResource); ok && len(b.Data) > 3 {
			list = append(list, TLSA{b.Data[0], b.Data[1], b.Data[2], b.Data[3:]})
		}
	})
	return list, a.secure, err
}

// An answer is what is known beside the records.
type answer struct {
	name   string // at the end of CNAME records
	secure bool
}

// query asks for records and gives them to collect. If there are none, the error
// is a *net.DNSError with IsNotFound.
func (d *DNS) query(ctx context.Context, name string, t dnsmessage.Type, collect func(dnsmessage.Resource)) (a answer, err error) {
	server := d.Server
	if server == "" {
		server = "127.0.0.1:53"
	}
	fail := func(why string) *net.DNSError {
		return &net.DNSError{Err: why, Name: name, Server: server}
	}
	q, err := dnsmessage.NewName(name)
	if err != nil {
		e := fail("no such host")
		e.IsNotFound = true
		return a, e
	}
	question := dnsmessage.Question{Name: q, Type: t, Class: dnsmessage.ClassINET}
	var m dnsmessage.Message
	for range max(cmp.Or(d.Attempts, 3), 1) {
		m, err = d.ask(ctx, server, question)
		if err == nil || ctx.Err() != nil {
			break
		}
	}
	if err != nil {
		e := fail(err.Error())
		e.UnwrapErr, e.IsTemporary = err, true
		e.IsTimeout = errors.Is(err, context.DeadlineExceeded)
		return a, e
	}
	if m.RCode != dnsmessage.RCodeSuccess && m.RCode != dnsmessage.RCodeNameError {
		e := fail("server says " + strings.TrimPrefix(m.RCode.String(), "RCode"))
		e.IsTemporary = true
		return a, e
	}
	a.name, a.secure = name, m.AuthenticData
	found := false
	for _, r := range m.Answers {
		if r.Header.Class != dnsmessage.ClassINET || !strings.EqualFold(r.Header.Name.String(), a.name) {
			continue
		}
		if c, ok := r.Body.(*dnsmessage.CNAMEResource); ok && t != dnsmessage.TypeCNAME {
			a.name = c.CNAME.String()
			continue
		}
		if r.Header.Type == t {
			found = true
			collect(r)
		}
	}
	if !found {
		e := fail("no such host")
		e.IsNotFound = true
		return a, e
	}
	return a, nil
}

var errBadAnswer = errors.New("malformed answer")

// ask asks once, by UDP and, if the answer is too long for that, by TCP.
func (d *DNS) ask(ctx context.Context, server string, q dnsmessage.Question) (dnsmessage.Message, error) {
	ctx, cancel := context.WithTimeout(ctx, cmp.Or(d.Timeout, 5*time.Second))
	defer cancel()
	m, err := d.exchange(ctx, "udp", server, q)
	if err == nil && m.Truncated {
		m, err = d.exchange(ctx, "tcp", server, q)
	}
	return m, err
}

func (d *DNS) exchange(ctx context.Context, network, server string, q dnsmessage.Question) (m dnsmessage.Message, err error) {
	var id [2]byte
	rand.Read(id[:])
	h := dnsmessage.Header{ID: binary.BigEndian.Uint16(id[:]), RecursionDesired: true, AuthenticData: true} // RFC 6840 §5.7
	var opt dnsmessage.ResourceHeader
	if err := opt.SetEDNS0(1232, dnsmessage.RCodeSuccess, false); err != nil {
		return m, err
	}
	m = dnsmessage.Message{Header: h, Questions: []dnsmessage.Question{q},
		Additionals: []dnsmessage.Resource{{Header: opt, Body: &dnsmessage.OPTResource{}}}}
	query, err := m.AppendPack(make([]byte, 2, 512))
	if err != nil {
		return m, err
	}
	nc, err := (&net.Dialer{}).DialContext(ctx, network, server)
	if err != nil {
		return m, err
	}
	defer nc.Close()
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	defer func() {
		if err != nil && ctx.Err() != nil {
			err = ctx.Err()
		}
	}()
	if network == "udp" {
		query = query[2:]
	} else {
		binary.BigEndian.PutUint16(query, uint16(len(query)-2))
	}
	if _, err := nc.Write(query); err != nil {
		return m, err
	}
	buf := make([]byte, 4096)
	for {
		n := 0
		if network == "udp" {
			if n, err = nc.Read(buf); err != nil {
				return m, err
			}
		} else {
			if _, err := io.ReadFull(nc, buf[:2]); err != nil {
				return m, err
			}
			n = int(binary.BigEndian.Uint16(buf))
			buf = make([]byte, n)
			if _, err := io.ReadFull(nc, buf); err != nil {
				return m, err
			}
		}
		var reply dnsmessage.Message
		if err := reply.Unpack(buf[:n]); err == nil && reply.ID == h.ID && reply.Response && len(reply.Questions) == 1 &&
			reply.Questions[0].Type == q.Type && strings.EqualFold(reply.Questions[0].Name.String(), q.Name.String()) {
			return reply, nil
		}
		if network == "tcp" {
			return m, errBadAnswer
		}
		// A datagram that is no answer to the question, perhaps a forged one:
		// the true one may follow.
	}
}
