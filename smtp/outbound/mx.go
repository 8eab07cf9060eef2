package outbound

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/posthorn-mail/posthorn/smtp"
)

// An exchanger is a host that takes mail for a domain.
type exchanger struct {
	name       string // without final dot; an address literal as it stands
	preference uint16
	secure     bool       // DNSSEC has proved the name
	addr       netip.Addr // of an address literal
}

var (
	// ErrNullMX: the domain says that it takes no mail (RFC 7505).
	ErrNullMX error = &smtp.Error{Code: 556, Enhanced: smtp.EnhancedCode{5, 1, 10}, Text: "domain takes no mail (null MX)"}

	// ErrNoSuchDomain: the domain has neither MX nor address records.
	ErrNoSuchDomain error = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 1, 2}, Text: "no such domain, or no mail host for it"}

	// ErrLoop: the best host for the domain is this one, which does not take
	// its mail (RFC 5321 §5.1).
	ErrLoop error = &smtp.Error{Code: 554, Enhanced: smtp.EnhancedCode{5, 4, 6}, Text: "mail for the domain loops back to this host"}

	// ErrAddressRefused: a mail host has an address that no mail is to be sent
	// to; see Deliverer.Allow.
	ErrAddressRefused error = &smtp.Error{Code: 550, Enhanced: smtp.EnhancedCode{5, 4, 4}, Text: "mail host has an unusable address"}
)

// isNotFound reports whether the DNS says that there is nothing.
func isNotFound(err error) bool {
	var e *net.DNSError
	return errors.As(err, &e) && e.IsNotFound
}

// exchangers finds the hosts for a domain in the order in which they are to be
// tried (RFC 5321 §5.1). domain is in ASCII, or an address literal.
func (d *Deliverer) exchangers(ctx context.Context, domain string) ([]exchanger, error) {
	if addr, ok := (smtp.Address{Domain: domain}).IP(); ok {
		return []exchanger{{name: domain, addr: addr}}, nil
	}
	if !validHost(domain) {
		return nil, &smtp.Error{Code: 553, Enhanced: smtp.EnhancedCode{5, 1, 3}, Text: "bad domain in the address"}
	}
	mx, secure, err := d.lookupMX(ctx, domain)
	switch {
	case isNotFound(err) || err == nil && len(mx) == 0:
		// The domain is its own mail host.
		if d.self(domain) {
			return nil, ErrLoop
		}
		return []exchanger{{name: domain, secure: secure}}, nil
	case err != nil && len(mx) == 0:
		return nil, fmt.Errorf("outbound: looking up the mail hosts of %s: %w", domain, err)
	}
	return d.order(mx, secure)
}

func (d *Deliverer) lookupMX(ctx context.Context, domain string) ([]*net.MX, bool, error) {
	if r, ok := d.resolver().(SecureResolver); ok {
		return r.LookupSecureMX(ctx, domain+".")
	}
	mx, err := d.resolver().LookupMX(ctx, domain+".")
	return mx, false, err
}

// order sorts MX records by preference, those with the same at random, and
// leaves out this host and whatever is no better than it.
func (d *Deliverer) order(mx []*net.MX, secure bool) ([]exchanger, error) {
	var list []exchanger
	for _, r := range mx {
		name := strings.ToLower(strings.TrimSuffix(r.Host, "."))
		switch {
		case name == "":
			// RFC 7505 §3: a null MX stands alone; among others it has no
			// meaning.
			if len(mx) == 1 {
				return nil, ErrNullMX
			}
		case !validHost(name):
		default:
			list = append(list, exchanger{name: name, preference: r.Pref, secure: secure})
		}
	}
	if len(list) == 0 {
		return nil, ErrNoSuchDomain
	}
	rand.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
	slices.SortStableFunc(list, func(a, b exchanger) int { return cmp.Compare(a.preference, b.preference) })
	for _, x := range list {
		if d.self(x.name) {
			i := slices.IndexFunc(list, func(y exchanger) bool { return y.preference == x.preference })
			list = list[:i]
			break
		}
	}
	if len(list) == 0 {
		return nil, ErrLoop
	}
	seen := map[string]bool{}
	return slices.DeleteFunc(list, func(x exchanger) bool {
		again := seen[x.name]
		seen[x.name] = true
		return again
	}), nil
}

// validHost reports whether a name is one to look up. Underscores are in use though
// not allowed.
func validHost(name string) bool {
	return smtp.ValidDomain(strings.ReplaceAll(name, "_", "x")) && name[0] != '['
}

// A location is where a host is found.
type location struct {
	addrs  []netip.Addr
	name   string // at the end of CNAME records
	secure bool
}

// locate looks up a host's addresses. They keep the resolver's order (RFC 5321
// §5.1), but IPv6 and IPv4 alternate, so that it costs one attempt to find out
// that one of them doesn't work from here.
func (d *Deliverer) locate(ctx context.Context, x exchanger) (location, error) {
	if x.addr.IsValid() {
		return location{addrs: []netip.Addr{x.addr}, name: x.name}, nil
	}
	network := "ip"
	switch d.Network {
	case "tcp4":
		network = "ip4"
	case "tcp6":
		network = "ip6"
	}
	loc := location{name: x.name}
	var err error
	if r, ok := d.resolver().(SecureResolver); ok {
		loc.addrs, loc.name, loc.secure, err = r.LookupSecureHost(ctx, network, x.name+".")
		loc.name = strings.ToLower(strings.TrimSuffix(loc.name, "."))
	} else {
		loc.addrs, err = d.resolver().LookupNetIP(ctx, network, x.name+".")
	}
	if isNotFound(err) || err == nil && len(loc.addrs) == 0 {
		return loc, fmt.Errorf("%w: %s has no address", ErrNoSuchDomain, x.name)
	}
	if err != nil {
		return loc, fmt.Errorf("outbound: looking up the addresses of %s: %w", x.name, err)
	}
	loc.addrs = alternate(loc.addrs)
	return loc, nil
}

func alternate(addrs []netip.Addr) []netip.Addr {
	var first, second []netip.Addr
	for i, a := range addrs {
		a = a.Unmap()
		if i == 0 || a.Is4() == first[0].Is4() {
			first = append(first, a)
		} else {
			second = append(second, a)
		}
	}
	out := make([]netip.Addr, 0, len(addrs))
	for i := range max(len(first), len(second)) {
		if i < len(first) {
			out = append(out, first[i])
		}
		if i < len(second) {
			out = append(out, second[i])
		}
	}
	return out
}

// self reports whether a host name is that of this host.
func (d *Deliverer) self(name string) bool {
	if d.Self != nil {
		return d.Self(name)
	}
	return d.Options.LocalName != "" && strings.EqualFold(d.Options.LocalName, name)
}

// allowed reports whether mail may be sent to an address.
func (d *Deliverer) allowed(a netip.Addr) bool {
	if d.Allow != nil {
		return d.Allow(a)
	}
	return !a.IsLoopback() && !a.IsUnspecified() && !a.IsMulticast() && !a.IsLinkLocalUnicast() && a.IsValid()
}
