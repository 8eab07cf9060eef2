package account

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"golang.org/x/net/idna"

	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
)

// A server is where an account can be reached.
type server struct {
	addr string
	tls  bool // from the first octet; otherwise with STARTTLS
}

// resolver is the part of net.Resolver that is needed.
type resolver interface {
	LookupSRV(ctx context.Context, service, proto, name string) (cname string, addrs []*net.SRV, err error)
}

// find finds the IMAP server of an address by the SRV records of its domain (RFC
// 6186 §3.2, RFC 8314 §5.1). A domain without any has it, by custom, at
// imap.DOMAIN.
func find(ctx context.Context, r resolver, address string) (server, error) {
	_, domain, ok := strings.Cut(address, "@")
	if !ok || domain == "" {
		return server{}, fmt.Errorf("%q is no address: its server can be named with -server", address)
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	if err != nil {
		return server{}, fmt.Errorf("domain %q: %w", domain, err)
	}
	if r == nil {
		r = net.DefaultResolver
	}
	for _, service := range []string{"imaps", "imap"} {
		_, records, err := r.LookupSRV(ctx, service, "tcp", ascii+".")
		var dns *net.DNSError
		if err != nil && !(errors.As(err, &dns) && dns.IsNotFound) {
			return server{}, fmt.Errorf("looking up the server of %s: %w", domain, err)
		}
		for _, rec := range records {
			host := strings.ToLower(strings.TrimSuffix(rec.Target, "."))
			if host == "" { // RFC 6186 §3.4
				continue
			}
			if err := trusted(ascii, host); err != nil {
				return server{}, err
			}
			return server{net.JoinHostPort(host, strconv.Itoa(int(rec.Port))), service == "imaps"}, nil
		}
	}
	return server{net.JoinHostPort("imap."+ascii, "993"), true}, nil
}

// trusted asks the user before a password goes to a host outside the domain: whoever
// can forge the answer of the DNS could name one with a valid certificate (RFC 6186
// §6).
func trusted(domain, host string) error {
	if host == domain || strings.HasSuffix(host, "."+domain) {
		return nil
	}
	ok, err := terminal.Confirm(fmt.Sprintf("The mail of %s is at %s, says the DNS. Log in there?", domain, host))
	switch {
	case errors.Is(err, terminal.ErrNotAsked):
		return fmt.Errorf("the DNS says that the mail of %s is at %s: if that is right, name it with -server", domain, host)
	case err == nil && !ok:
		return errors.New("not logged in")
	}
	return err
}
