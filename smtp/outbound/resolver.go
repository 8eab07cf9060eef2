package outbound

import (
	"context"
	"net"
	"net/netip"
)

// A Resolver looks names up in the DNS. A *net.Resolver is one. Names are
// absolute, with a dot at the end. That a name or record does not exist is told
// by a *net.DNSError with IsNotFound.
type Resolver interface {
	LookupMX(ctx context.Context, name string) ([]*net.MX, error)
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupTXT(ctx context.Context, name string) ([]string, error)
}

// A SecureResolver also tells which answers DNSSEC has proved to be authentic:
// those with the AD bit from a validating server to which the way is safe, such
// as one on this host. A [Deliverer] that has one uses DANE (RFC 7672).
//
// An answer that fails validation, and a query that isn't answered, must come as
// an error that is not IsNotFound: it is not the same as an answer that is not
// signed.
type SecureResolver interface {
	Resolver

	// LookupSecureMX is LookupMX. secure also counts where the records are
	// found not to exist.
	LookupSecureMX(ctx context.Context, name string) (mx []*net.MX, secure bool, err error)

	// LookupSecureHost returns a host's addresses and the name to which CNAME
	// records lead from host, host itself where there are none. It is secure
	// if all of these are.
	LookupSecureHost(ctx context.Context, network, host string) (addrs []netip.Addr, name string, secure bool, err error)

	// LookupTLSA returns the TLSA records of a name (RFC 6698).
	LookupTLSA(ctx context.Context, name string) (records []TLSA, secure bool, err error)
}
