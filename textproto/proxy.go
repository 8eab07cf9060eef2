package textproto

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strconv"
	"strings"
)

// proxySignature begins a PROXY protocol header of version 2.
const proxySignature = "\r\n\r\n\x00\r\nQUIT\n"

// Limits of PROXY protocol headers: that of version 1 is the specification's
// (§2.1), that of version 2 leaves room for TLVs.
const (
	maxProxyV1 = 107
	maxProxyV2 = 4096
)

// readProxyHeader reads exactly the header that a trusted proxy sends first.
func (c *Conn) readProxyHeader() error {
	var head [16]byte
	if err := c.readProxy(head[:12]); err != nil {
		return err
	}
	var src, dst netip.AddrPort
	var err error
	if string(head[:12]) == proxySignature {
		if err := c.readProxy(head[12:]); err != nil {
			return err
		}
		n := int(binary.BigEndian.Uint16(head[14:]))
		if n > maxProxyV2 {
			return fmt.Errorf("%w: %d octets", ErrProxyHeader, n)
		}
		body := make([]byte, n)
		if err := c.readProxy(body); err != nil {
			return err
		}
		src, dst, err = parseProxyV2(head[12], head[13], body)
	} else {
		line := append(make([]byte, 0, maxProxyV1), head[:12]...)
		if !strings.HasPrefix(string(line), "PROXY ") {
			return fmt.Errorf("%w: begins with %q", ErrProxyHeader, line)
		}
		for line[len(line)-1] != '\n' {
			if len(line) == maxProxyV1 {
				return fmt.Errorf("%w: line too long", ErrProxyHeader)
			}
			line = line[:len(line)+1]
			if err := c.readProxy(line[len(line)-1:]); err != nil {
				return err
			}
		}
		src, dst, err = parseProxyV1(string(line))
	}
	if err != nil {
		return err
	}
	if src.IsValid() {
		c.remote, c.local = net.TCPAddrFromAddrPort(src), net.TCPAddrFromAddrPort(dst)
	}
	return nil
}

func (c *Conn) readProxy(p []byte) error {
	if _, err := io.ReadFull(c.t, p); err != nil {
		return fmt.Errorf("%w: %w", ErrProxyHeader, c.t.reason("PROXY header", err))
	}
	return nil
}

// parseProxyV1 parses a header line of version 1, CRLF included. The addresses
// are invalid for a connection that the proxy itself makes or of an unknown
// kind.
func parseProxyV1(line string) (src, dst netip.AddrPort, err error) {
	bad := func() (netip.AddrPort, netip.AddrPort, error) {
		return netip.AddrPort{}, netip.AddrPort{}, fmt.Errorf("%w: %q", ErrProxyHeader, line)
	}
	rest, ok := strings.CutSuffix(line, "\r\n")
	if !ok || len(line) > maxProxyV1 {
		return bad()
	}
	rest, ok = strings.CutPrefix(rest, "PROXY ")
	if !ok {
		return bad()
	}
	if rest == "UNKNOWN" || strings.HasPrefix(rest, "UNKNOWN ") {
		return // the rest is to be ignored
	}
	f := strings.Split(rest, " ")
	if len(f) != 5 {
		return bad()
	}
	var ports [2]uint16
	var ips [2]netip.Addr
	for i := range 2 {
		ip, err := netip.ParseAddr(f[1+i])
		if err != nil || ip.Zone() != "" || ip.Is4() != (f[0] == "TCP4") || ip.Is6() != (f[0] == "TCP6") {
			return bad()
		}
		ips[i] = ip.Unmap()
		s := f[3+i]
		n, err := strconv.ParseUint(s, 10, 16)
		if err != nil || s[0] == '+' || len(s) > 1 && s[0] == '0' {
			return bad()
		}
		ports[i] = uint16(n)
	}
	return netip.AddrPortFrom(ips[0], ports[0]), netip.AddrPortFrom(ips[1], ports[1]), nil
}

// parseProxyV2 parses what follows the signature and the length of version 2.
func parseProxyV2(verCmd, famProto byte, b []byte) (src, dst netip.AddrPort, err error) {
	if verCmd>>4 != 2 {
		return src, dst, fmt.Errorf("%w: version %d", ErrProxyHeader, verCmd>>4)
	}
	switch verCmd & 15 {
	case 0: // LOCAL: the proxy's own connection, such as a health check
		return src, dst, nil
	case 1: // PROXY
	default:
		return src, dst, fmt.Errorf("%w: command %d", ErrProxyHeader, verCmd&15)
	}
	size := 4
	switch famProto {
	case 0x00: // UNSPEC: use the real addresses
		return src, dst, nil
	case 0x11: // TCP over IPv4
	case 0x21: // TCP over IPv6
		size = 16
	case 0x31: // UNIX stream: there is no IP address
		if len(b) < 216 {
			return src, dst, fmt.Errorf("%w: short address", ErrProxyHeader)
		}
		return src, dst, nil
	default:
		return src, dst, fmt.Errorf("%w: family %#x", ErrProxyHeader, famProto)
	}
	if len(b) < 2*size+4 {
		return src, dst, fmt.Errorf("%w: short address", ErrProxyHeader)
	}
	a, _ := netip.AddrFromSlice(b[:size])
	z, _ := netip.AddrFromSlice(b[size : 2*size])
	return netip.AddrPortFrom(a.Unmap(), binary.BigEndian.Uint16(b[2*size:])),
		netip.AddrPortFrom(z.Unmap(), binary.BigEndian.Uint16(b[2*size+2:])), nil
}
