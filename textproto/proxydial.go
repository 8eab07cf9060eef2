package textproto

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"

	"golang.org/x/net/proxy"
)

// ThroughProxy returns a Dialer for the proxy of a URL, as in environment
// variables and command lines: socks5://user:password@host:port (RFC 1928,
// 1929; socks5h is the same), http://… and https://… (see HTTPProxy). Names are
// resolved by the proxy. forward makes the connection to the proxy; nil means a
// net.Dialer.
func ThroughProxy(u *url.URL, forward Dialer) (Dialer, error) {
	if u.Host == "" {
		return nil, errors.New("textproto: proxy without a host")
	}
	password, _ := u.User.Password()
	switch u.Scheme {
	case "http":
		return &HTTPProxy{Addr: u.Host, Username: u.User.Username(), Password: password, Forward: forward}, nil
	case "https":
		return &HTTPProxy{Addr: u.Host, TLSConfig: &tls.Config{}, Username: u.User.Username(), Password: password, Forward: forward}, nil
	case "socks5", "socks5h":
		_, _, addr, err := target(u.Host, "1080")
		if err != nil {
			return nil, err
		}
		var auth *proxy.Auth
		if u.User != nil {
			auth = &proxy.Auth{User: u.User.Username(), Password: password}
		}
		d, err := proxy.SOCKS5("tcp", addr, auth, nil)
		if err != nil {
			return nil, fmt.Errorf("textproto: %w", err)
		}
		return &socksDialer{addr: addr, forward: forward, socks: d.(socksConnector)}, nil
	}
	return nil, fmt.Errorf("textproto: unsupported proxy scheme %q", u.Scheme)
}

// A socksDialer connects through a SOCKS5 proxy. It returns the connection to the
// proxy as it is, where DialContext of golang.org/x/net/proxy would hide its socket.
type socksDialer struct {
	addr    string // of the proxy
	forward Dialer
	socks   socksConnector
}

// socksConnector is the part of golang.org/x/net/proxy that asks the proxy.
type socksConnector interface {
	DialWithConn(ctx context.Context, nc net.Conn, network, addr string) (net.Addr, error)
}

func (d *socksDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return dialThrough(ctx, d.forward, "tcp", d.addr, func(nc net.Conn) (net.Conn, error) {
		_, err := d.socks.DialWithConn(ctx, nc, network, addr)
		return nc, err
	})
}

// ProxyProtocol is a Dialer that begins each connection with a header of the
// PROXY protocol, for servers that want to know the client on whose behalf the
// connection is made; see Server.ProxyFrom.
type ProxyProtocol struct {
	// Version of the header, 1 or 2. Zero: 2.
	Version int

	// Source is the address of the client, Destination the one that it
	// connected to. Without them the header is that of a connection that the
	// proxy itself makes.
	Source, Destination netip.AddrPort

	// Forward makes the connection. Nil: a net.Dialer.
	Forward Dialer
}

// DialContext connects and sends the header.
func (p *ProxyProtocol) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	header, err := AppendProxyHeader(nil, p.Version, p.Source, p.Destination)
	if err != nil {
		return nil, err
	}
	return dialThrough(ctx, p.Forward, network, addr, func(nc net.Conn) (net.Conn, error) {
		_, err := nc.Write(header)
		return nc, err
	})
}

// AppendProxyHeader appends a header of the PROXY protocol, version 1 or 2 (the
// default). If an address is not valid, the header is that of a connection that
// the proxy itself makes.
func AppendProxyHeader(dst []byte, version int, source, destination netip.AddrPort) ([]byte, error) {
	known := source.IsValid() && destination.IsValid()
	s, d := source.Addr().Unmap().WithZone(""), destination.Addr().Unmap().WithZone("")
	v4 := s.Is4() && d.Is4()
	if known && !v4 { // both must be of one family
		s, d = netip.AddrFrom16(s.As16()), netip.AddrFrom16(d.As16())
	}
	switch {
	case version == 1 && !known:
		return append(dst, "PROXY UNKNOWN\r\n"...), nil
	case version == 1:
		family := "TCP6"
		if v4 {
			family = "TCP4"
		}
		return fmt.Appendf(dst, "PROXY %s %s %s %d %d\r\n", family, s, d, source.Port(), destination.Port()), nil
	case version != 0 && version != 2:
		return dst, errors.New("textproto: no such version of the PROXY protocol")
	}
	dst = append(dst, proxySignature...)
	if !known {
		return append(dst, 0x20, 0x00, 0, 0), nil // LOCAL, UNSPEC
	}
	family := byte(0x21)
	if v4 {
		family = 0x11
	}
	addrs := append(s.AsSlice(), d.AsSlice()...)
	dst = append(dst, 0x21, family)
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(addrs)+4))
	dst = append(dst, addrs...)
	dst = binary.BigEndian.AppendUint16(dst, source.Port())
	return binary.BigEndian.AppendUint16(dst, destination.Port()), nil
}
