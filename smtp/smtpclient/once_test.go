package smtpclient_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// A store is a server that takes messages, and decides when it answers and when
// it hangs up.
type store struct {
	lmtp     bool
	silent   bool // never answers a chunk or a message
	mu       sync.Mutex
	conns    int
	stored   int
	messages int // after how many the connections misbehave
}

// serve plays the server's part of a connection.
func (s *store) serve(nc net.Conn) {
	defer nc.Close()
	s.mu.Lock()
	s.conns++
	s.mu.Unlock()
	br, n := bufio.NewReader(nc), 0
	say := func(lines ...string) { io.WriteString(nc, strings.Join(lines, "\r\n")+"\r\n") }
	took := func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.stored++
		n++
		return s.silent && n > s.messages
	}
	say("220 mx")
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, arg, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO", "LHLO":
			say("250-mx", "250-PIPELINING", "250-BURL", "250 CHUNKING")
		case "DATA":
			say("354 go")
			for line != ".\r\n" {
				if line, err = br.ReadString('\n'); err != nil {
					return
				}
			}
			if took() {
				return
			}
			say("250 stored")
		case "BDAT":
			var size int64
			fmt.Sscan(arg, &size)
			if _, err := io.CopyN(io.Discard, br, size); err != nil {
				return
			}
			last := strings.HasSuffix(arg, "LAST")
			if last && took() {
				return
			}
			if last || !s.silent || n < s.messages {
				say("250 stored")
			}
		case "BURL":
			if took() {
				return
			}
			say("250 stored")
		default:
			say("250 ok")
		}
	}
}

// dial connects to the server without a network.
func (s *store) dial(t *testing.T, wrap func(net.Conn) net.Conn, o smtpclient.Options) func(context.Context) (*smtpclient.Client, error) {
	var servers sync.WaitGroup
	t.Cleanup(servers.Wait)
	o.LocalName, o.LMTP = "client.example", s.lmtp
	return func(ctx context.Context) (*smtpclient.Client, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return nil, err
		}
		defer l.Close()
		servers.Go(func() {
			if nc, err := l.Accept(); err == nil {
				s.serve(nc)
			}
		})
		nc, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			return nil, err
		}
		if wrap != nil {
			nc = wrap(nc)
		}
		return smtpclient.NewClient(ctx, nc, &o)
	}
}

// lossy writes everything and says that it has failed once a write ends in end.
type lossy struct {
	net.Conn
	end string
}

var errLossy = errors.New("connection reset")

func (l lossy) Write(p []byte) (int, error) {
	n, err := l.Conn.Write(p)
	if err == nil && strings.HasSuffix(string(p), l.end) {
		l.Conn.(*net.TCPConn).CloseWrite()
		return n / 2, errLossy
	}
	return n, err
}

// Once the end of a message was sent, or may have been, the server may have it:
// however the connection ends, it is not sent again.
func TestSentOnce(t *testing.T) {
	large := "Subject: test\r\n\r\n" + strings.Repeat("0123456789abcde\r\n", 13000) // two chunks of BDAT
	cases := []struct {
		name   string
		server *store
		opts   smtpclient.Options
		body   string
		url    string
		to     int
		end    string // after which writing fails
		err    error
	}{
		{name: "BDAT, an earlier answer lost", server: &store{silent: true}, opts: smtpclient.Options{Chunking: true}, body: large, err: io.EOF},
		{name: "BDAT, LAST fails to be written", server: &store{silent: true}, opts: smtpclient.Options{Chunking: true}, body: large, end: "abcde\r\n", err: errLossy},
		{name: "BDAT in one chunk", server: &store{silent: true}, opts: smtpclient.Options{Chunking: true}, body: message, err: io.EOF},
		{name: "DATA, the dot fails to be written", server: &store{silent: true}, body: large, end: "\r\n.\r\n", err: errLossy},
		{name: "DATA, all of it fails to be written", server: &store{silent: true}, body: message, end: "\r\n.\r\n", err: errLossy},
		{name: "DATA", server: &store{silent: true}, body: large, err: io.EOF},
		{name: "LMTP", server: &store{silent: true, lmtp: true}, body: message, to: 3, err: io.EOF},
		{name: "LMTP, the dot fails to be written", server: &store{silent: true, lmtp: true}, body: message, to: 3, end: "\r\n.\r\n", err: errLossy},
		{name: "LMTP with BDAT", server: &store{silent: true, lmtp: true}, opts: smtpclient.Options{Chunking: true}, body: large, to: 3, err: io.EOF},
		{name: "BURL fails to be written", server: &store{silent: true}, url: "imap://example.org/x;uid=1", end: "LAST\r\n", err: errLossy},
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			var wrap func(net.Conn) net.Conn
			to := make([]string, max(tc.to, 1))
			for i := range to {
				to[i] = fmt.Sprintf("u%d@example.org", i)
			}
			check := func(res *smtpclient.Result, err error) {
				t.Helper()
				require.ErrorIs(t, err, tc.err)
				for _, r := range res.Recipients {
					require.Equal(t, smtpclient.Unknown, r.Status)
					require.ErrorIs(t, r.Err, tc.err)
				}
			}
			if tc.url != "" {
				c, err := tc.server.dial(t, func(nc net.Conn) net.Conn { return lossy{nc, tc.end} }, tc.opts)(t.Context())
				require.NoError(t, err)
				defer c.Close()
				check(c.SendURL(t.Context(), envelope(t, to...), tc.url))
				require.Error(t, c.Err())
				return
			}
			// The first message makes it a connection that was used before: a pool
			// tries once more when such a one is lost.
			tc.server.messages = 1
			var connection *breakable
			if tc.end != "" {
				wrap = func(nc net.Conn) net.Conn { connection = &breakable{Conn: nc}; return connection }
			}
			p := &smtpclient.Pool{Dial: tc.server.dial(t, wrap, tc.opts)}
			defer p.Close()
			_, err := p.Send(t.Context(), envelope(t, "bob@example.org"), strings.NewReader(message))
			require.NoError(t, err)
			if connection != nil {
				connection.Conn = lossy{connection.Conn, tc.end}
			}
			check(p.Send(t.Context(), envelope(t, to...), strings.NewReader(tc.body)))
			require.NoError(t, p.Close())
			tc.server.mu.Lock()
			defer tc.server.mu.Unlock()
			require.Equal(t, 1, tc.server.conns)
			require.LessOrEqual(t, tc.server.stored, 2)
		})
	}
}

// breakable is a connection that may be replaced between messages.
type breakable struct{ net.Conn }
