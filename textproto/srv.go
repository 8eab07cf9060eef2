package textproto

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// An SRVResolver looks up SRV records. A *net.Resolver is one.
type SRVResolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// A SRVServer is a server of a service that a domain names in the DNS (RFC 2782).
type SRVServer struct {
	Service string // "imaps"
	Addr    string // host:port; the host in lower case

	// Foreign is set if the host is not within the domain that was asked for.
	// An attacker who can forge the answer can name a host of their own, with a
	// valid certificate: unless DNSSEC has proved the answer, RFC 6186 §6
	// requires that the user is asked before a password goes there.
	Foreign bool
}

// ErrNoService: the domain says that it has none of the services.
var ErrNoService = errors.New("textproto: domain does not offer the service")

// LookupSRV finds the servers of services that users of a domain connect to (RFC
// 6186), in the order of the services, and for each by priority and weight. The
// domain may be an internationalised one. r may be nil for the net.DefaultResolver.
//
// The error is ErrNoService if the domain says that it has none of them (RFC 6186
// §3.4), and a *net.DNSError with IsNotFound if it says nothing about any.
func LookupSRV(ctx context.Context, r SRVResolver, domain string, services ...string) ([]SRVServer, error) {
	if r == nil {
		r = net.DefaultResolver
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return nil, fmt.Errorf("textproto: domain %q: %w", domain, err)
	}
	var servers []SRVServer
	missing := error(&net.DNSError{Err: "no records", Name: domain, IsNotFound: true})
	refused := false
	for _, service := range services {
		_, records, err := r.LookupSRV(ctx, service, "tcp", ascii+".")
		var dns *net.DNSError
		switch {
		case errors.As(err, &dns) && dns.IsNotFound:
			missing = err
			continue
		case err != nil:
			return nil, fmt.Errorf("textproto: looking up %s of %s: %w", service, domain, err)
		}
		for _, rec := range records {
			host := strings.ToLower(strings.TrimSuffix(rec.Target, "."))
			if host == "" { // the service is decidedly not available
				refused = true
				continue
			}
			servers = append(servers, SRVServer{
				Service: service,
				Addr:    net.JoinHostPort(host, strconv.Itoa(int(rec.Port))),
				Foreign: host != ascii && !strings.HasSuffix(host, "."+ascii),
			})
		}
	}
	switch {
	case len(servers) > 0:
		return servers, nil
	case refused:
		return nil, fmt.Errorf("%w: %s of %s", ErrNoService, strings.Join(services, ", "), domain)
	}
	return nil, fmt.Errorf("textproto: looking up %s of %s: %w", strings.Join(services, ", "), domain, missing)
}
