package textproto

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
)

// An HTTPProxy is a Dialer that connects through an HTTP proxy with CONNECT
// (RFC 9110 §9.3.6). Names are resolved by the proxy.
type HTTPProxy struct {
	// Addr is the proxy's address; the port is 80 if it has none, 443 with TLS.
	Addr string

	// TLSConfig, unless nil, is for TLS with the proxy. ServerName is set if it
	// is empty. This encrypts the connection to the proxy, not that from the
	// proxy to the server.
	TLSConfig *tls.Config

	// Username and Password, unless both are empty, authenticate to the proxy
	// (RFC 7617). Without TLSConfig they are sent in the clear.
	Username, Password string

	// Forward makes the connection to the proxy. Nil: a net.Dialer.
	Forward Dialer
}

// A ProxyError is a proxy's refusal to connect.
type ProxyError struct {
	Status int    // of HTTP
	Reason string // its reason phrase
}

func (e *ProxyError) Error() string {
	return fmt.Sprintf("textproto: proxy refuses to connect: %d %s", e.Status, e.Reason)
}

var errProxyResponse = errors.New("textproto: invalid response of the HTTP proxy")

// DialContext connects to addr, which is host:port. The network must be TCP. The
// error is a *ProxyError if the proxy refuses.
func (p *HTTPProxy) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	if !strings.HasPrefix(network, "tcp") {
		return nil, net.UnknownNetworkError(network)
	}
	request, err := p.request(addr)
	if err != nil {
		return nil, err
	}
	port := "80"
	if p.TLSConfig != nil {
		port = "443"
	}
	_, host, proxy, err := target(p.Addr, port)
	if err != nil {
		return nil, err
	}
	return dialThrough(ctx, p.Forward, "tcp", proxy, func(nc net.Conn) (net.Conn, error) {
		if p.TLSConfig != nil {
			tc := tls.Client(nc, ClientTLS(p.TLSConfig, host))
			if err := tc.HandshakeContext(ctx); err != nil {
				return nil, fmt.Errorf("textproto: TLS handshake with the proxy: %w", err)
			}
			nc = tc
		}
		if _, err := nc.Write(request); err != nil {
			return nil, fmt.Errorf("textproto: asking the proxy: %w", err)
		}
		rest, err := readConnectResponse(nc)
		if err != nil {
			return nil, err
		}
		return &tunnel{nc, rest}, nil
	})
}

// request returns the request to connect to addr.
func (p *HTTPProxy) request(addr string) ([]byte, error) {
	for i := range len(addr) {
		if addr[i] <= ' ' || addr[i] > '~' {
			return nil, &net.AddrError{Err: "invalid address", Addr: addr}
		}
	}
	b := fmt.Appendf(nil, "CONNECT %s HTTP/1.1\r\nHost: %[1]s\r\n", addr)
	if p.Username != "" || p.Password != "" {
		if strings.Contains(p.Username, ":") { // RFC 7617 §2
			return nil, errors.New("textproto: colon in the user name for a proxy")
		}
		b = append(b, "Proxy-Authorization: Basic "...)
		b = base64.StdEncoding.AppendEncode(b, []byte(p.Username+":"+p.Password))
		b = append(b, "\r\n"...)
	}
	return append(b, "\r\n"...), nil
}

// Limits of a proxy's response.
const (
	maxProxyHead    = 16 << 10
	maxProxyReason  = 200
	maxProxyInterim = 10 // responses before the final one
)

// readConnectResponse reads the response to CONNECT, and returns what was read
// after its head: the tunnel begins there (RFC 9110 §9.3.6).
func readConnectResponse(r io.Reader) (rest []byte, err error) {
	var buf []byte
	for range maxProxyInterim {
		end, next := -1, 0
		for end < 0 {
			if end, next = headEnd(buf); end >= 0 {
				break
			}
			if len(buf) >= maxProxyHead {
				return nil, fmt.Errorf("%w: head too long", errProxyResponse)
			}
			buf = slices.Grow(buf, min(2048, maxProxyHead-len(buf)))
			n, err := r.Read(buf[len(buf):cap(buf)])
			buf = buf[:len(buf)+n]
			if n == 0 && err != nil {
				if err == io.EOF {
					err = io.ErrUnexpectedEOF
				}
				return nil, fmt.Errorf("textproto: waiting for the proxy: %w", err)
			}
		}
		status, reason, err := parseStatusLine(buf[:end])
		buf = buf[next:]
		switch {
		case err != nil:
			return nil, err
		case status/100 == 2:
			return buf, nil
		case status/100 == 1 && status != 101: // interim, RFC 9110 §15.2
		default:
			return nil, &ProxyError{Status: status, Reason: reason}
		}
	}
	return nil, fmt.Errorf("%w: no final response", errProxyResponse)
}

// headEnd finds the end of the status line, and that of the head with the empty
// line. A line may end with LF only (RFC 9112 §2.2). Both are -1 if b has no
// end of the head.
func headEnd(b []byte) (line, head int) {
	line = -1
	for at := 0; ; {
		n := bytes.IndexByte(b[at:], '\n')
		switch {
		case n < 0:
			return -1, -1
		case line < 0:
			line = at + n
		case len(bytes.TrimSuffix(b[at:at+n], []byte("\r"))) == 0:
			return line, at + n + 1
		}
		at += n + 1
	}
}

// parseStatusLine parses HTTP-version SP status-code SP [reason] (RFC 9112 §4).
func parseStatusLine(line []byte) (status int, reason string, err error) {
	s := strings.TrimSuffix(string(line), "\r")
	version, s, _ := strings.Cut(s, " ")
	code, reason, _ := strings.Cut(s, " ")
	status, err = strconv.Atoi(code)
	if err != nil || len(code) != 3 || status < 100 || !strings.HasPrefix(version, "HTTP/1.") {
		return 0, "", fmt.Errorf("%w: %.100q", errProxyResponse, line)
	}
	reason = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, reason[:min(len(reason), maxProxyReason)])
	return status, reason, nil
}

// A tunnel is a connection through a proxy. It is not a *tls.Conn even if the
// connection to the proxy has TLS, since that does not extend to the server.
type tunnel struct {
	net.Conn
	rest []byte // has been read
}

// NetConn returns the connection to the proxy, as that of a *tls.Conn does.
func (t *tunnel) NetConn() net.Conn { return t.Conn }

func (t *tunnel) Read(p []byte) (int, error) {
	if len(t.rest) > 0 {
		n := copy(p, t.rest)
		if t.rest = t.rest[n:]; len(t.rest) == 0 {
			t.rest = nil
		}
		return n, nil
	}
	return t.Conn.Read(p)
}
