package account

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"golang.org/x/net/idna"

	"github.com/posthorn-mail/posthorn/examples/internal/terminal"
	"github.com/posthorn-mail/posthorn/imap/imapclient"
)

// find finds the IMAP server of an address: as its domain says in the DNS, else, by
// custom, at imap.DOMAIN.
func find(ctx context.Context, r imapclient.Resolver, address string) (imapclient.Server, error) {
	_, domain, ok := strings.Cut(address, "@")
	if !ok || domain == "" {
		return imapclient.Server{}, fmt.Errorf("%q is no address: its server can be named with -server", address)
	}
	servers, err := imapclient.Lookup(ctx, r, domain)
	var dns *net.DNSError
	switch {
	case servers != nil && len(servers.IMAP) > 0:
		s := servers.IMAP[0]
		if s.Foreign {
			return s, trusted(domain, s.Addr)
		}
		return s, nil
	case err == nil && servers.NoIMAP:
		return imapclient.Server{}, fmt.Errorf("%s has no IMAP server, says the DNS", domain)
	case err != nil && !(errors.As(err, &dns) && dns.IsNotFound):
		return imapclient.Server{}, err
	}
	ascii, err := idna.Lookup.ToASCII(strings.TrimSuffix(domain, "."))
	return imapclient.Server{Addr: net.JoinHostPort("imap."+ascii, "993"), TLS: true}, err
}

// trusted asks the user before a password goes to a host outside the domain: whoever
// can forge the answer of the DNS could name one with a valid certificate (RFC 6186
// §6).
func trusted(domain, addr string) error {
	ok, err := terminal.Confirm(fmt.Sprintf("The mail of %s is at %s, says the DNS. Log in there?", terminal.Clean(domain), addr))
	switch {
	case errors.Is(err, terminal.ErrNotAsked):
		return fmt.Errorf("the DNS says that the mail of %s is at %s: if that is right, name it with -server", domain, addr)
	case err == nil && !ok:
		return errors.New("not logged in")
	}
	return err
}
