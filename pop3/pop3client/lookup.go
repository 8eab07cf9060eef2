package pop3client

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/textproto"
)

// A Resolver looks up SRV records. A *net.Resolver is one.
type Resolver = textproto.SRVResolver

// A Server is one of the servers of a domain. Dial it with DialTLS if TLS is set,
// with DialStartTLS otherwise.
type Server struct {
	Addr string // host:port
	TLS  bool   // from the first octet (RFC 8314)

	// Foreign is set if the host is not within the domain that was asked for.
	// An attacker who can forge the answer can name a host of their own, with a
	// valid certificate: unless DNSSEC has proved the answer, RFC 6186 §6
	// requires that the user is asked before a password goes there.
	Foreign bool
}

// ErrNoService: the domain says that it has no POP3 service (RFC 6186 §3.4).
var ErrNoService = errors.New("pop3client: domain offers no POP3")

// Lookup finds the POP3 servers of a domain, which is what follows "@" in an
// address, by their SRV records (RFC 6186 §3.3), those to try first first: TLS
// from the first octet before STLS (RFC 8314 §5.1), then by priority and weight.
// The domain may be an internationalised one. r may be nil for the
// net.DefaultResolver.
//
// The error is ErrNoService if the domain says so, and a *net.DNSError with
// IsNotFound if it has no such records; then there is only guessing.
func Lookup(ctx context.Context, r Resolver, domain string) ([]Server, error) {
	found, err := textproto.LookupSRV(ctx, r, domain, "pop3s", "pop3")
	switch {
	case errors.Is(err, textproto.ErrNoService):
		return nil, fmt.Errorf("%w: %s", ErrNoService, domain)
	case err != nil:
		return nil, fmt.Errorf("pop3client: %w", err)
	}
	servers := make([]Server, len(found))
	for i, s := range found {
		servers[i] = Server{Addr: s.Addr, TLS: s.Service == "pop3s", Foreign: s.Foreign}
	}
	return servers, nil
}
