// Package mtasts fetches MTA-STS policies over HTTPS (RFC 8461 §3.3). It is
// separate from outbound, so that only programs that use it link an HTTP
// client:
//
//	d := &outbound.Deliverer{MTASTS: &outbound.MTASTS{Fetch: mtasts.Fetch}}
package mtasts

import (
	"context"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"

	"github.com/posthorn-mail/posthorn/smtp"
)

// maxPolicy is how large a policy may be, in octets (RFC 8461 §3.3).
const maxPolicy = 64 << 10

// Errors of Fetch.
var (
	ErrStatus    = errors.New("mtasts: the server does not return a policy") // any status other than 200, including redirections
	ErrMediaType = errors.New("mtasts: the policy is not text/plain")
	ErrTooLong   = errors.New("mtasts: the policy is too long")
)

// A Fetcher fetches policies. The zero value works.
type Fetcher struct {
	// Transport makes the request, by default one of its own that uses no
	// proxy and keeps no connection. It must verify certificates.
	Transport http.RoundTripper
}

// Fetch fetches the text of a domain's policy, with the zero Fetcher. The domain
// is in A-labels. The context bounds the time.
func Fetch(ctx context.Context, domain string) ([]byte, error) {
	return (&Fetcher{}).Fetch(ctx, domain)
}

// Fetch fetches the text of a domain's policy.
func (f *Fetcher) Fetch(ctx context.Context, domain string) ([]byte, error) {
	if !smtp.ValidDomain(domain) || domain[0] == '[' {
		return nil, fmt.Errorf("mtasts: %w", smtp.ErrBadDomain)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "https://mta-sts."+domain+"/.well-known/mta-sts.txt", nil)
	if err != nil {
		return nil, fmt.Errorf("mtasts: %w", err)
	}
	transport := f.Transport
	if transport == nil {
		transport = &http.Transport{DisableKeepAlives: true, MaxResponseHeaderBytes: 64 << 10}
	}
	// A RoundTripper does not follow redirections and has neither cookies nor a
	// cache.
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, fmt.Errorf("mtasts: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("%w: status %d", ErrStatus, resp.StatusCode)
	}
	if t, _, err := mime.ParseMediaType(resp.Header.Get("Content-Type")); err != nil || t != "text/plain" {
		return nil, ErrMediaType
	}
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxPolicy+1))
	if err != nil {
		return nil, fmt.Errorf("mtasts: %w", err)
	}
	if len(text) > maxPolicy {
		return nil, ErrTooLong
	}
	return text, nil
}
