package textproto

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

func TestTarget(t *testing.T) {
	for _, tc := range []struct{ in, network, host, dial string }{
		{"mail.example.org", "tcp", "mail.example.org", "mail.example.org:110"},
		{"mail.example.org:1110", "tcp", "mail.example.org", "mail.example.org:1110"},
		{"mail.example.org:", "tcp", "mail.example.org", "mail.example.org:110"},
		{"mail.example.org.", "tcp", "mail.example.org", "mail.example.org.:110"},
		{"mail_1.example.org", "tcp", "mail_1.example.org", "mail_1.example.org:110"},
		{"Pöst.example", "tcp", "xn--pst-sna.example", "xn--pst-sna.example:110"},
		{"pöst.example:995", "tcp", "xn--pst-sna.example", "xn--pst-sna.example:995"},
		{"192.0.2.1", "tcp", "192.0.2.1", "192.0.2.1:110"},
		{"192.0.2.1:995", "tcp", "192.0.2.1", "192.0.2.1:995"},
		{"::1", "tcp", "::1", "[::1]:110"},
		{"[::1]", "tcp", "::1", "[::1]:110"},
		{"[::1]:995", "tcp", "::1", "[::1]:995"},
		{"[::1]:", "tcp", "::1", "[::1]:110"},
		{"2001:db8::1:2", "tcp", "2001:db8::1:2", "[2001:db8::1:2]:110"},
		{"2001:DB8:0::1", "tcp", "2001:db8::1", "[2001:db8::1]:110"},
		{"fe80::1%eth0", "tcp", "fe80::1", "[fe80::1%eth0]:110"},
		{"[fe80::1%eth0]:995", "tcp", "fe80::1", "[fe80::1%eth0]:995"},
		{"::ffff:192.0.2.1", "tcp", "::ffff:192.0.2.1", "[::ffff:192.0.2.1]:110"},
		{"", "tcp", "localhost", ":110"},
		{":995", "tcp", "localhost", ":995"},
		{"/run/lmtp:x", "unix", "localhost", "/run/lmtp:x"},
	} {
		network, host, dial, err := target(tc.in, "110")
		require.NoError(t, err, tc.in)
		require.Equal(t, []string{tc.network, tc.host, tc.dial}, []string{network, host, dial}, tc.in)
	}
	for _, in := range []string{
		"[::1", "::1]", "[::1]110", "[::1]:[2]", "[mail.example.org]", "[mail.example.org]:110", "a:b:c", "::1:::2", "[]", "[]:1",
		"mail example.org", "mail\r\n.example.org", "mail.example.org\x00", "a%b", "a/b", "xn--\u2024.example", "-ö.example",
	} {
		_, _, dial, err := target(in, "110")
		require.Error(t, err, "%q is dialled as %q", in, dial)
	}
}

func TestClientTLS(t *testing.T) {
	require.Equal(t, "a", ClientTLS(nil, "a").ServerName)
	mine := &tls.Config{ServerName: "b"}
	require.Same(t, mine, ClientTLS(mine, "a"))
	empty := &tls.Config{MinVersion: tls.VersionTLS13}
	require.Equal(t, "a", ClientTLS(empty, "a").ServerName)
	require.EqualValues(t, tls.VersionTLS13, ClientTLS(empty, "a").MinVersion)
	require.Empty(t, empty.ServerName)
}

// serveOn serves testHandler until the test ends, with TLS if cfg is not nil.
func serveOn(t *testing.T, addr string, srv *Server) net.Addr {
	l, err := net.Listen("tcp", addr)
	if err != nil && strings.HasPrefix(addr, "[") {
		t.Skip("no IPv6 here: ", err)
	}
	require.NoError(t, err)
	done := make(chan error, 1)
	go func() {
		if srv.TLSConfig != nil {
			done <- srv.ServeTLS(l, testHandler{})
		} else {
			done <- srv.Serve(l, testHandler{})
		}
	}()
	t.Cleanup(func() {
		srv.Close()
		require.Equal(t, ErrServerClosed, <-done)
	})
	return l.Addr()
}

// An IPv6 literal is dialled in each of its forms, and the certificate verified
// for the address.
func TestDialIPv6(t *testing.T) {
	server, client := testutil.TLS(t, "::1")
	client.ServerName = ""
	_, port, err := net.SplitHostPort(serveOn(t, "[::1]:0", &Server{TLSConfig: server}).String())
	require.NoError(t, err)
	for _, addr := range []string{"::1", "[::1]", "[::1]:" + port} {
		nc, host, err := Dial(t.Context(), nil, addr, port, time.Minute)
		require.NoError(t, err, addr)
		c := NewConn(nc, nil)
		require.NoError(t, c.StartTLSClient(t.Context(), ClientTLS(client, host)), addr)
		mustLine(t, c, "hello "+nc.LocalAddr().String())
		c.Close()
	}
}

func TestDialUnix(t *testing.T) {
	l, err := net.Listen("unix", t.TempDir()+"/socket")
	require.NoError(t, err)
	defer l.Close()
	nc, host, err := Dial(t.Context(), nil, l.Addr().String(), "24", 0)
	require.NoError(t, err)
	require.Equal(t, "localhost", host)
	nc.Close()
}

// Handshake is that of a connection which has TLS already.
func TestHandshake(t *testing.T) {
	server, client := testutil.TLS(t, "mail.example.org")
	addr := serveOn(t, "127.0.0.1:0", &Server{TLSConfig: server})
	for _, cfg := range []*tls.Config{client, {ServerName: "mail.example.org"}} {
		nc, _, err := Dial(t.Context(), nil, addr.String(), "", 0)
		require.NoError(t, err)
		c := NewConn(tls.Client(nc, cfg), nil)
		err = c.Handshake(t.Context())
		if cfg == client {
			require.NoError(t, err)
			mustLine(t, c, "hello "+nc.LocalAddr().String())
		} else {
			require.Error(t, err)
		}
		c.Close()
	}
	c, _ := wire()
	require.NoError(t, c.Handshake(t.Context()))
}

// The limit of a handshake holds on both sides for TLS below the Conn, and Shutdown
// does not wait for it.
func TestHandshakeLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		server, client := testutil.TLS(t, "mail.example.org")
		a, b := net.Pipe()
		go io.Copy(io.Discard, b)
		start := time.Now()
		c := NewConn(tls.Client(a, client), nil)
		require.ErrorIs(t, c.Handshake(t.Context()), os.ErrDeadlineExceeded)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))
		b.Close()

		s := &Server{Logger: slog.New(slog.DiscardHandler)}
		l := newPipeListener()
		done := make(chan error, 1)
		go func() { done <- s.Serve(tls.NewListener(l, server), testHandler{}) }()
		silent := l.dial("192.0.2.1:1")
		start = time.Now()
		mustEOF(t, silent)
		require.Equal(t, DefaultHandshakeTimeout, time.Since(start))

		silent = l.dial("192.0.2.1:1")
		synctest.Wait()
		start = time.Now()
		require.NoError(t, s.Shutdown(t.Context()))
		require.Equal(t, RefuseTimeout, time.Since(start))
		silent.Close()
		require.Equal(t, ErrServerClosed, <-done)
	})
}

// aProxy serves connections with serve, one at a time, until the test ends.
func aProxy(t *testing.T, serve func(nc net.Conn)) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	var mu sync.Mutex
	var serving net.Conn
	go func() {
		defer close(done)
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			serving = nc
			mu.Unlock()
			serve(nc)
			nc.Close()
		}
	}()
	t.Cleanup(func() {
		l.Close()
		mu.Lock()
		if serving != nil {
			serving.Close() // a test that has failed may have left it open
		}
		mu.Unlock()
		<-done
	})
	return l.Addr().String()
}

// splice joins two connections until one has ended.
func splice(a, b net.Conn) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		io.Copy(a, b)
		a.Close()
	}()
	io.Copy(b, a)
	b.Close()
	<-done
}

// socks is a SOCKS5 proxy (RFC 1928, RFC 1929). It tells what it is asked for,
// and connects to target.
func socks(t *testing.T, target, user, password string) (addr string, asked chan string) {
	asked = make(chan string, 10)
	return aProxy(t, func(nc net.Conn) {
		head := make([]byte, 2)
		if _, err := io.ReadFull(nc, head); err != nil || head[0] != 5 {
			return
		}
		methods := make([]byte, head[1])
		io.ReadFull(nc, methods)
		method := byte(0)
		if user != "" {
			method = 2
		}
		if bytes.IndexByte(methods, method) < 0 {
			nc.Write([]byte{5, 0xff})
			return
		}
		nc.Write([]byte{5, method})
		if method == 2 {
			var got []string
			io.ReadFull(nc, head[:1])
			for range 2 {
				io.ReadFull(nc, head[:1])
				b := make([]byte, head[0])
				io.ReadFull(nc, b)
				got = append(got, string(b))
			}
			if got[0] != user || got[1] != password {
				nc.Write([]byte{1, 1})
				return
			}
			nc.Write([]byte{1, 0})
		}
		request := make([]byte, 4)
		if _, err := io.ReadFull(nc, request); err != nil || request[1] != 1 {
			return
		}
		size := map[byte]int{1: 4, 4: 16}[request[3]]
		if request[3] == 3 {
			io.ReadFull(nc, head[:1])
			size = int(head[0])
		}
		host, port := make([]byte, size), make([]byte, 2)
		io.ReadFull(nc, host)
		io.ReadFull(nc, port)
		name := string(host)
		if ip, ok := netip.AddrFromSlice(host); ok && request[3] != 3 {
			name = ip.String()
		}
		asked <- net.JoinHostPort(name, strconv.Itoa(int(binary.BigEndian.Uint16(port))))
		to, err := net.Dial("tcp", target)
		if err != nil {
			nc.Write([]byte{5, 5, 0, 1, 0, 0, 0, 0, 0, 0})
			return
		}
		nc.Write([]byte{5, 0, 0, 1, 127, 0, 0, 1, 0, 1})
		splice(nc, to)
	}), asked
}

func TestSOCKS5(t *testing.T) {
	testutil.NoLeaks(t)
	to := serveOn(t, "127.0.0.1:0", &Server{}).String()
	for _, tc := range []struct {
		user, userinfo, dial, asked string
		ok                          bool
	}{
		{"", "", "mail.example.org", "mail.example.org:143", true},
		{"", "", "[2001:db8::1]:993", "[2001:db8::1]:993", true},
		{"", "", "192.0.2.1", "192.0.2.1:143", true},
		{"tim", "tim:secret@", "mail.example.org:993", "mail.example.org:993", true},
		{"tim", "tim:wrong@", "mail.example.org", "", false},
		{"tim", "", "mail.example.org", "", false},
	} {
		addr, asked := socks(t, to, tc.user, "secret")
		for _, scheme := range []string{"socks5", "socks5h"} {
			u, err := url.Parse(scheme + "://" + tc.userinfo + addr)
			require.NoError(t, err)
			d, err := ThroughProxy(u, nil)
			require.NoError(t, err)
			nc, _, err := Dial(t.Context(), d, tc.dial, "143", time.Minute)
			require.Equal(t, tc.ok, err == nil, "%v", err)
			if !tc.ok {
				continue
			}
			require.Equal(t, tc.asked, <-asked)
			require.NotNil(t, socket(nc))
			c := NewConn(nc, nil)
			line, err := c.ReadLine()
			require.NoError(t, err)
			require.Contains(t, string(line), "hello ")
			c.Close()
		}
	}
	// The default port; a Dialer behind a Dialer; the end of the context.
	var got string
	d, err := ThroughProxy(&url.URL{Scheme: "socks5", Host: "proxy.example"}, dialerFunc(func(ctx context.Context, _, addr string) (net.Conn, error) {
		got = addr
		nc, _ := net.Pipe() // which nobody answers
		return nc, nil
	}))
	require.NoError(t, err)
	_, _, err = Dial(t.Context(), d, "mail.example.org", "143", 10*time.Millisecond)
	require.True(t, isTimeout(err), "%v", err)
	require.Equal(t, "proxy.example:1080", got)
	for _, u := range []url.URL{{Scheme: "ftp", Host: "a"}, {Scheme: "socks5"}, {Scheme: "http"}, {Scheme: "socks5", Host: "[a]"}} {
		_, err := ThroughProxy(&u, nil)
		require.Error(t, err)
	}
}

type dialerFunc func(ctx context.Context, network, addr string) (net.Conn, error)

func (f dialerFunc) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	return f(ctx, network, addr)
}

// readRequest reads the head of a request.
func readRequest(nc net.Conn) string {
	var b []byte
	for !bytes.HasSuffix(b, []byte("\r\n\r\n")) {
		p := make([]byte, 1)
		if _, err := nc.Read(p); err != nil {
			return string(b) + err.Error()
		}
		b = append(b, p...)
	}
	return string(b)
}

func TestHTTPProxy(t *testing.T) {
	testutil.NoLeaks(t)
	to := serveOn(t, "127.0.0.1:0", &Server{}).String()
	for _, tc := range []struct {
		name     string
		response string // and then, after 200, what comes from the server
		early    bool   // the first octets of the server come in one piece with the head
		err      string
	}{
		{"success", "HTTP/1.1 200 OK\r\n\r\n", false, ""},
		{"success in words of another kind", "HTTP/1.0 299 Connection established\r\nContent-Length: 5\r\nVia: x\r\n\r\n", false, ""},
		{"early octets", "HTTP/1.1 200\r\nA: b\r\n\r\n", true, ""},
		{"line ends with LF alone", "HTTP/1.1 200 OK\nA: b\n\n", true, ""},
		{"interim response", "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 \r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n", true, ""},
		{"refused", "HTTP/1.1 403 For\x07bidden\r\nContent-Length: 2\r\n\r\nNo", false, "proxy refuses to connect: 403 Forbidden"},
		{"wants credentials", "HTTP/1.1 407 Proxy Authentication Required\r\n\r\n", false, "407 Proxy Authentication Required"},
		{"switches", "HTTP/1.1 101 Switching\r\n\r\n", false, "101 Switching"},
		{"no HTTP", "220 mail.example.org ESMTP\r\n\r\n", false, "invalid response"},
		{"no status", "HTTP/1.1 OK\r\n\r\n", false, "invalid response"},
		{"cut off", "HTTP/1.1 200 OK\r\nA: b", false, "unexpected EOF"},
		{"nothing", "", false, "unexpected EOF"},
		{"huge head", "HTTP/1.1 200 OK\r\n" + strings.Repeat("A: b\r\n", 5000), false, "head too long"},
		{"huge line", strings.Repeat("a", 1<<20), false, "head too long"},
		{"interim without end", strings.Repeat("HTTP/1.1 102 Wait\r\n\r\n", 100), false, "no final response"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			requests := make(chan string, 1)
			addr := aProxy(t, func(nc net.Conn) {
				requests <- readRequest(nc)
				if tc.err != "" {
					io.WriteString(nc, tc.response)
					nc.(*net.TCPConn).CloseWrite()
					io.Copy(io.Discard, nc)
					return
				}
				server, err := net.Dial("tcp", to)
				if err != nil {
					return
				}
				if tc.early {
					greeting := make([]byte, 4)
					io.ReadFull(server, greeting)
					io.WriteString(nc, tc.response+string(greeting))
				} else {
					io.WriteString(nc, tc.response)
				}
				splice(nc, server)
			})
			d := &HTTPProxy{Addr: addr}
			nc, host, err := Dial(t.Context(), d, "[2001:db8::1]:143", "", time.Minute)
			require.Equal(t, "CONNECT [2001:db8::1]:143 HTTP/1.1\r\nHost: [2001:db8::1]:143\r\n\r\n", <-requests)
			if tc.err != "" {
				require.ErrorContains(t, err, tc.err)
				var refused *ProxyError
				require.Equal(t, strings.Contains(tc.err, "0"), errors.As(err, &refused))
				return
			}
			require.NoError(t, err)
			require.Equal(t, "2001:db8::1", host)
			require.NotNil(t, socket(nc))
			c := NewConn(nc, nil)
			defer c.Close()
			line, err := c.ReadLine()
			require.NoError(t, err)
			require.Contains(t, string(line), "hello 127.0.0.1:")
			send(c, "echo")
			mustLine(t, c, "echo")
		})
	}
}

// TLS to the proxy is not TLS to the server.
func TestHTTPProxyTLS(t *testing.T) {
	testutil.NoLeaks(t)
	proxyTLS, trusting := testutil.TLS(t, "127.0.0.1")
	trusting.ServerName = ""
	server, client := testutil.TLS(t, "mail.example.org")
	to := serveOn(t, "127.0.0.1:0", &Server{TLSConfig: server}).String()
	requests := make(chan string, 2)
	addr := aProxy(t, func(nc net.Conn) {
		tc := tls.Server(nc, proxyTLS)
		defer tc.Close()
		requests <- readRequest(tc)
		server, err := net.Dial("tcp", to)
		if err != nil {
			return
		}
		io.WriteString(tc, "HTTP/1.1 200 OK\r\n\r\n")
		splice(tc, server)
	})
	d, err := ThroughProxy(&url.URL{Scheme: "https", User: url.UserPassword("Aladdin", "open sesame"), Host: addr}, nil)
	require.NoError(t, err)
	d.(*HTTPProxy).TLSConfig = trusting
	nc, _, err := Dial(t.Context(), d, "mail.example.org", "993", time.Minute)
	require.NoError(t, err)
	require.Equal(t, "CONNECT mail.example.org:993 HTTP/1.1\r\nHost: mail.example.org:993\r\n"+
		"Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n", <-requests)
	c := NewConn(nc, nil)
	require.NotNil(t, socket(nc))
	require.Nil(t, c.TLS(), "passwords would be sent in the clear")
	require.NoError(t, c.StartTLSClient(t.Context(), client))
	line, err := c.ReadLine()
	require.NoError(t, err)
	require.Contains(t, string(line), "hello ")
	c.Close()

	d.(*HTTPProxy).TLSConfig = &tls.Config{} // which does not trust it
	_, _, err = Dial(t.Context(), d, "mail.example.org", "993", time.Minute)
	require.ErrorContains(t, err, "certificate")
}

func TestHTTPProxyRefusesToAsk(t *testing.T) {
	none := dialerFunc(func(context.Context, string, string) (net.Conn, error) { panic("dialled") })
	for _, tc := range []struct {
		p             HTTPProxy
		network, addr string
	}{
		{HTTPProxy{Addr: "p"}, "unix", "/run/x"},
		{HTTPProxy{Addr: "p"}, "udp", "a:1"},
		{HTTPProxy{Addr: "p"}, "tcp", "a:1 HTTP/1.1\r\nEvil: yes"},
		{HTTPProxy{Addr: "p"}, "tcp", "ö:1"},
		{HTTPProxy{Addr: "p", Username: "a:b"}, "tcp", "a:1"},
		{HTTPProxy{Addr: "[p]"}, "tcp", "a:1"},
	} {
		tc.p.Forward = none
		_, err := tc.p.DialContext(t.Context(), tc.network, tc.addr)
		require.Error(t, err)
	}
	// A proxy that says nothing, until the context ends.
	end, peer := net.Pipe()
	go io.Copy(io.Discard, peer)
	defer peer.Close()
	p := HTTPProxy{Addr: "p", Forward: dialerFunc(func(_ context.Context, _, addr string) (net.Conn, error) {
		require.Equal(t, "p:80", addr)
		return end, nil
	})}
	_, _, err := Dial(t.Context(), &p, "a", "1", 10*time.Millisecond)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	_, err = end.Write(nil)
	require.ErrorIs(t, err, io.ErrClosedPipe)
}

// What AppendProxyHeader writes, a Server reads.
func TestProxyProtocol(t *testing.T) {
	addr := serveOn(t, "127.0.0.1:0", &Server{ProxyFrom: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}).String()
	for _, tc := range []struct{ src, dst, want string }{
		{"192.0.2.1:8080", "198.51.100.2:25", "192.0.2.1:8080"},
		{"[2001:db8::1]:8080", "[2001:db8::2]:25", "[2001:db8::1]:8080"},
		{"192.0.2.1:8080", "[2001:db8::2]:25", "192.0.2.1:8080"},
		{"[::ffff:192.0.2.1]:8080", "198.51.100.2:25", "192.0.2.1:8080"},
		{"[fe80::1%eth0]:8080", "[fe80::2%eth0]:25", "[fe80::1]:8080"},
		{"", "", ""},
		{"192.0.2.1:8080", "", ""},
	} {
		for version := range 3 {
			d := &ProxyProtocol{Version: version}
			if tc.src != "" {
				d.Source = netip.MustParseAddrPort(tc.src)
			}
			if tc.dst != "" {
				d.Destination = netip.MustParseAddrPort(tc.dst)
			}
			nc, _, err := Dial(t.Context(), d, addr, "", time.Minute)
			require.NoError(t, err)
			want := tc.want
			if want == "" {
				want = nc.LocalAddr().String()
			}
			c := NewConn(nc, nil)
			mustLine(t, c, "hello "+want)
			c.Close()
		}
	}
	_, _, err := Dial(t.Context(), &ProxyProtocol{Version: 3}, addr, "", time.Minute)
	require.Error(t, err)
	for version := range 3 { // both addresses, as the parsers see them
		src, dst := netip.MustParseAddrPort("192.0.2.1:1"), netip.MustParseAddrPort("[2001:db8::2]:65535")
		b, err := AppendProxyHeader([]byte("x"), version, src, dst)
		require.NoError(t, err)
		c, _ := wire(string(b[1:]))
		require.NoError(t, c.readProxyHeader())
		require.Equal(t, src.String(), c.RemoteAddr().String())
		require.Equal(t, dst.String(), c.LocalAddr().String())
	}
}
