package textproto

import (
	"encoding/binary"
	"io"
	"net"
	"net/netip"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// proxyV2 makes a header of version 2.
func proxyV2(verCmd, family byte, body string) string {
	b := append([]byte(proxySignature), verCmd, family)
	b = binary.BigEndian.AppendUint16(b, uint16(len(body)))
	return string(b) + body
}

const (
	v4addrs = "\xc0\x00\x02\x01\xc6\x33\x64\x02\x1f\x90\x00\x19" // 192.0.2.1:8080 to 198.51.100.2:25
	v6addrs = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x1f\x90\x00\x19"
	mapped = "\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc0\x00\x02\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\xff\xff\xc6\x33\x64\x02\x1f\x90\x00\x19"
)

var proxyHeaders = []struct{ header, src, dst string }{
	{"PROXY TCP4 192.0.2.1 198.51.100.2 8080 25\r\n", "192.0.2.1:8080", "198.51.100.2:25"},
	{"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", "255.255.255.255:65535", "255.255.255.255:65535"},
	{"PROXY TCP6 2001:db8::1 2001:db8::2 8080 25\r\n", "[2001:db8::1]:8080", "[2001:db8::2]:25"},
	{"PROXY TCP6 ::ffff:192.0.2.1 ::ffff:198.51.100.2 8080 25\r\n", "192.0.2.1:8080", "198.51.100.2:25"},
	{"PROXY UNKNOWN\r\n", "", ""},
	{"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 8080 25\n", "bad", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 8080  25\r\n", "bad", ""},
	{"PROXY  TCP4 192.0.2.1 198.51.100.2 8080 25\r\n", "bad", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 8080 25 \r\n", "bad", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 08080 25\r\n", "bad", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 +8080 25\r\n", "bad", ""},
	{"PROXY TCP4 192.0.2.1 198.51.100.2 65536 25\r\n", "bad", ""},
	{"PROXY TCP4 192.0.2.01 198.51.100.2 8080 25\r\n", "bad", ""},
	{"PROXY TCP4 2001:db8::1 2001:db8::2 8080 25\r\n", "bad", ""},
	{"PROXY TCP6 192.0.2.1 198.51.100.2 8080 25\r\n", "bad", ""},
	{"PROXY TCP6 fe80::1%eth0 2001:db8::2 8080 25\r\n", "bad", ""},
	{"PROXY UDP4 192.0.2.1 198.51.100.2 8080 25\r\n", "bad", ""},
	{"PROXY UNKNOWNX\r\n", "bad", ""},
	{"PROXY TCP4\r\n", "bad", ""},
	{"PROXY " + strings.Repeat("x", 200) + "\r\n", "bad", ""},
	{"EHLO mail.example.org\r\n", "bad", ""},
	{"PROXY\r\n", "bad", ""},
	{"", "bad", ""},
	{proxyV2(0x21, 0x11, v4addrs), "192.0.2.1:8080", "198.51.100.2:25"},
	{proxyV2(0x21, 0x11, v4addrs+"\x03\x00\x04abcd"), "192.0.2.1:8080", "198.51.100.2:25"},
	{proxyV2(0x21, 0x21, v6addrs), "[2001:db8::1]:8080", "[2001:db8::2]:25"},
	{proxyV2(0x21, 0x21, mapped), "192.0.2.1:8080", "198.51.100.2:25"},
	{proxyV2(0x20, 0x00, ""), "", ""},
	{proxyV2(0x20, 0x11, v4addrs), "", ""}, // LOCAL
	{proxyV2(0x21, 0x00, "anything"), "", ""},
	{proxyV2(0x21, 0x31, strings.Repeat("\x00", 216)), "", ""},
	{proxyV2(0x21, 0x31, "short"), "bad", ""},
	{proxyV2(0x21, 0x11, v4addrs[:11]), "bad", ""},
	{proxyV2(0x21, 0x21, v4addrs), "bad", ""},
	{proxyV2(0x21, 0x12, v4addrs), "bad", ""}, // datagrams
	{proxyV2(0x22, 0x11, v4addrs), "bad", ""},
	{proxyV2(0x11, 0x11, v4addrs), "bad", ""},
	{proxyV2(0x21, 0x11, strings.Repeat("x", 5000)), "bad", ""},
	{proxyV2(0x21, 0x11, v4addrs)[:20], "bad", ""},
}

func TestProxyHeader(t *testing.T) {
	for _, p := range proxyHeaders {
		for _, n := range []int{1000, 1} {
			c, w := wire(pieces(p.header+"NOOP\r\n", n)...)
			if p.header == "" || strings.HasSuffix(p.header, "\x90") {
				c, w = wire(pieces(p.header, n)...)
			}
			w.Conn = fakeAddrs{}
			err := c.readProxyHeader()
			if p.src == "bad" {
				require.ErrorIs(t, err, ErrProxyHeader, "%q", p.header)
				continue
			}
			require.NoError(t, err, "%q", p.header)
			if p.src == "" {
				p.src, p.dst = "127.0.0.1:1", "127.0.0.1:2"
			}
			require.Equal(t, p.src, c.RemoteAddr().String())
			require.Equal(t, p.dst, c.LocalAddr().String())
			line, err := c.ReadLine() // nothing was read past the header
			require.NoError(t, err)
			require.Equal(t, "NOOP", string(line))
		}
	}
}

type fakeAddrs struct{ net.Conn }

func (fakeAddrs) RemoteAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:1"))
}
func (fakeAddrs) LocalAddr() net.Addr {
	return net.TCPAddrFromAddrPort(netip.MustParseAddrPort("127.0.0.1:2"))
}
func (w *wireConn) RemoteAddr() net.Addr { return fakeAddrs{}.RemoteAddr() }
func (w *wireConn) LocalAddr() net.Addr  { return fakeAddrs{}.LocalAddr() }

func TestProxyHeaderTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, &Options{HandshakeTimeout: time.Minute, ReadTimeout: time.Hour})
		go io.WriteString(peer, "PROXY TCP4 ")
		sc := &serverConn{c: c}
		start := time.Now()
		err := sc.proxyHeader()
		require.ErrorIs(t, err, ErrProxyHeader)
		require.True(t, isTimeout(err))
		require.Equal(t, time.Minute, time.Since(start))
	})
}

func FuzzProxyHeader(f *testing.F) {
	for _, p := range proxyHeaders {
		f.Add(p.header)
	}
	f.Fuzz(func(t *testing.T, s string) {
		c, w := wire(s)
		if c.readProxyHeader() != nil {
			return
		}
		used := s
		if len(w.pieces) > 0 {
			used = s[:len(s)-len(w.pieces[0])]
		}
		if !strings.HasPrefix(used, proxySignature) { // version 1 is one line
			require.Equal(t, len(used)-2, strings.Index(used, "\r\n"))
			require.LessOrEqual(t, len(used), maxProxyV1)
		}
		if c.remote != nil {
			require.True(t, c.remote.(*net.TCPAddr).AddrPort().IsValid())
		}
	})
}
