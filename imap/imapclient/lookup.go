package imapclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"

	"github.com/posthorn-mail/posthorn/textproto"
)

// A Resolver looks up SRV records. A *net.Resolver is one.
type Resolver = textproto.SRVResolver

// Servers are the servers that the users of a domain connect to, as the domain says
// in the DNS. Those to try first come first: TLS from the first octet before
// STARTTLS, then by priority and weight.
type Servers struct {
	IMAP       []Server
	Submission []Server // for smtpclient

	// NoIMAP and NoSubmission are set if the domain says that it has no such
	// service (RFC 6186 §3.4).
	NoIMAP, NoSubmission bool
}

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

// Lookup finds the IMAP and the submission servers of a domain, which is what follows
// "@" in an address, by their SRV records (RFC 6186 §3, RFC 8314 §5.1). The domain
// may be an internationalised one. r may be nil for the net.DefaultResolver.
//
// The error is a *net.DNSError with IsNotFound if the domain has records for neither;
// then there is only guessing. If one of the lookups fails in another way, what the
// other has found is returned beside the error.
func Lookup(ctx context.Context, r Resolver, domain string) (*Servers, error) {
	out := &Servers{}
	var imapErr, submissionErr error
	var wg sync.WaitGroup
	wg.Go(func() { out.IMAP, out.NoIMAP, imapErr = lookup(ctx, r, domain, "imaps", "imap") })
	wg.Go(func() {
		out.Submission, out.NoSubmission, submissionErr = lookup(ctx, r, domain, "submissions", "submission")
	})
	wg.Wait()
	if isNotFound(imapErr) != isNotFound(submissionErr) {
		// Nothing is known of one of them, which is an answer too.
		if isNotFound(imapErr) {
			imapErr = nil
		} else {
			submissionErr = nil
		}
	}
	if err := errors.Join(imapErr, submissionErr); err != nil {
		return out, fmt.Errorf("imapclient: %w", err)
	}
	return out, nil
}

// lookup finds the servers of a service, by its name with TLS and the one without.
func lookup(ctx context.Context, r Resolver, domain, secure, plain string) (servers []Server, none bool, err error) {
	found, err := textproto.LookupSRV(ctx, r, domain, secure, plain)
	if errors.Is(err, textproto.ErrNoService) {
		return nil, true, nil
	}
	for _, s := range found {
		servers = append(servers, Server{Addr: s.Addr, TLS: s.Service == secure, Foreign: s.Foreign})
	}
	return servers, false, err
}

func isNotFound(err error) bool {
	var dns *net.DNSError
	return errors.As(err, &dns) && dns.IsNotFound
}
