package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/idna"
)

// A SubmissionServer is where the users of a domain submit mail, as the domain
// says in the DNS. Dial it with DialTLS if TLS is set, with DialStartTLS
// otherwise.
type SubmissionServer struct {
	Addr string // host:port
	TLS  bool   // from the first octet (RFC 8314)

	// Foreign is set if the host is not within the domain that was asked for.
	// An attacker who can forge the answer can name a host of their own, with a
	// valid certificate: unless DNSSEC has proved the answer, RFC 6186 §6
	// requires that the user is asked before a password goes there.
	Foreign bool
}

// ErrNoSubmission: the domain says that it has no submission service.
var ErrNoSubmission = errors.New("smtpclient: domain offers no submission")

// LookupSubmission finds the submission servers of a domain by their SRV
// records (RFC 6186 §3.1, RFC 8314 §5.1), those to try first first: TLS from the
// first octet before STARTTLS, then by priority and weight. The domain may be an
// internationalised one. r may be nil for the net.DefaultResolver.
//
// The error is ErrNoSubmission if the domain says so, and a *net.DNSError with
// IsNotFound if it has no such records; then there is only guessing.
func LookupSubmission(ctx context.Context, r interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}, domain string) ([]SubmissionServer, error) {
	if r == nil {
		r = net.DefaultResolver
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return nil, fmt.Errorf("smtpclient: domain %q: %w", domain, err)
	}
	var servers []SubmissionServer
	var missing error
	refused := false
	for _, service := range []string{"submissions", "submission"} {
		_, records, err := r.LookupSRV(ctx, service, "tcp", ascii+".")
		var dns *net.DNSError
		switch {
		case errors.As(err, &dns) && dns.IsNotFound:
			missing = err
			continue
		case err != nil:
			return nil, fmt.Errorf("smtpclient: looking up the submission servers of %s: %w", domain, err)
		}
		for _, rec := range records {
			host := strings.ToLower(strings.TrimSuffix(rec.Target, "."))
			if host == "" { // RFC 6186 §3.4: the service is decidedly not available
				refused = true
				continue
			}
			servers = append(servers, SubmissionServer{
				Addr:    net.JoinHostPort(host, strconv.Itoa(int(rec.Port))),
				TLS:     service == "submissions",
				Foreign: host != ascii && !strings.HasSuffix(host, "."+ascii),
			})
		}
	}
	switch {
	case len(servers) > 0:
		return servers, nil
	case refused:
		return nil, fmt.Errorf("%w: %s", ErrNoSubmission, domain)
	case missing != nil:
		return nil, fmt.Errorf("smtpclient: looking up the submission servers of %s: %w", domain, missing)
	default:
		return nil, fmt.Errorf("smtpclient: looking up the submission servers of %s: %w", domain,
			&net.DNSError{Err: "no records", Name: domain, IsNotFound: true})
	}
}
