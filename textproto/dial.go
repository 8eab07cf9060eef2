package textproto

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"time"

	"golang.org/x/net/idna"
)

// A Dialer makes connections. A *net.Dialer is one, which tries the addresses
// of a host as described in RFC 8305; others are HTTPProxy, ProxyProtocol, the
// result of ThroughProxy, and those of golang.org/x/net/proxy.
type Dialer interface {
	DialContext(ctx context.Context, network, addr string) (net.Conn, error)
}

// Dial connects to a server for the client of a protocol. d makes the
// connection; nil means a net.Dialer. timeout bounds that if it is positive.
//
// addr is a host with or without a port; the default is port. The host is a
// domain name, with A-labels or U-labels; an IP address, IPv6 with or without
// brackets ("[::1]:110", "[::1]", "::1"); or a path beginning with a slash, for
// a Unix socket. host is the name to verify the certificate of the server for:
// the name with A-labels, the address without zone, or "localhost".
func Dial(ctx context.Context, d Dialer, addr, port string, timeout time.Duration) (nc net.Conn, host string, err error) {
	network, host, addr, err := target(addr, port)
	if err != nil {
		return nil, "", err
	}
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if d == nil {
		d = &net.Dialer{}
	}
	nc, err = d.DialContext(ctx, network, addr)
	return nc, host, err
}

// target splits the address of a server and returns it in the form for a
// Dialer.
func target(addr, defaultPort string) (network, host, dial string, err error) {
	if strings.HasPrefix(addr, "/") {
		return "unix", "localhost", addr, nil
	}
	host, port := addr, ""
	inner, bracket := strings.CutPrefix(addr, "[")
	switch inner, closed := strings.CutSuffix(inner, "]"); {
	case bracket && closed:
		host = inner
	case !bracket && strings.Count(addr, ":") != 1: // a name, or IPv6
	default:
		if host, port, err = net.SplitHostPort(addr); err != nil {
			return "", "", "", err
		}
	}
	if port == "" {
		port = defaultPort
	}
	if ip, err := netip.ParseAddr(host); err == nil {
		return "tcp", ip.WithZone("").String(), net.JoinHostPort(ip.String(), port), nil
	}
	if bracket || strings.ContainsAny(host, ":/[]% \t\r\n\x00") {
		return "", "", "", &net.AddrError{Err: "invalid host", Addr: addr}
	}
	if !isASCII(host) {
		if host, err = idna.Lookup.ToASCII(host); err != nil {
			return "", "", "", fmt.Errorf("textproto: %w", err)
		}
	}
	dial = net.JoinHostPort(host, port)
	if host = strings.TrimSuffix(host, "."); host == "" {
		host = "localhost"
	}
	return "tcp", host, dial, nil
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// ClientTLS returns a configuration for the client of a server of this name: cfg,
// which may be nil, with host for a ServerName unless it has one.
func ClientTLS(cfg *tls.Config, host string) *tls.Config {
	switch {
	case cfg == nil:
		return &tls.Config{ServerName: host}
	case cfg.ServerName != "":
		return cfg
	}
	cfg = cfg.Clone()
	cfg.ServerName = host
	return cfg
}

// dialThrough connects to addr by forward and lets setup write and read the
// first octets there. The end of ctx ends setup too. On error the connection is
// closed.
func dialThrough(ctx context.Context, forward Dialer, network, addr string, setup func(nc net.Conn) (net.Conn, error)) (net.Conn, error) {
	if forward == nil {
		forward = &net.Dialer{}
	}
	nc, err := forward.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { nc.SetDeadline(past) })
	ready, err := setup(nc)
	if !stop() {
		nc.Close()
		return nil, context.Cause(ctx)
	}
	if err != nil {
		nc.Close()
		return nil, err
	}
	return ready, nil
}
