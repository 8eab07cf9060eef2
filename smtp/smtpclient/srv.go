package smtpclient

import (
	"context"
	"errors"
	"fmt"

	"github.com/posthorn-mail/posthorn/textproto"
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
func LookupSubmission(ctx context.Context, r textproto.SRVResolver, domain string) ([]SubmissionServer, error) {
	found, err := textproto.LookupSRV(ctx, r, domain, "submissions", "submission")
	switch {
	case errors.Is(err, textproto.ErrNoService):
		return nil, fmt.Errorf("%w: %s", ErrNoSubmission, domain)
	case err != nil:
		return nil, fmt.Errorf("smtpclient: %w", err)
	}
	servers := make([]SubmissionServer, len(found))
	for i, s := range found {
		servers[i] = SubmissionServer{Addr: s.Addr, TLS: s.Service == "submissions", Foreign: s.Foreign}
	}
	return servers, nil
}
