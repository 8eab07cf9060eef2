package transcript

import (
	"bufio"
	"compress/flate"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

// A peer is a client that a test plays by hand.
type peer struct {
	t  testing.TB
	nc net.Conn
	io.Writer
	*bufio.Reader
}

func newPeer(t testing.TB, nc net.Conn) *peer {
	t.Cleanup(func() { nc.Close() })
	return &peer{t, nc, nc, bufio.NewReader(nc)}
}

// send sends octets, and expects others.
func (p *peer) send(out, in string) {
	p.t.Helper()
	_, err := io.WriteString(p, out)
	require.NoError(p.t, err)
	p.expect(in)
}

func (p *peer) expect(in string) {
	p.t.Helper()
	got := make([]byte, len(in))
	n, err := io.ReadFull(p, got)
	require.Equal(p.t, in, string(got[:n]))
	require.NoError(p.t, err)
}

func (p *peer) ends() {
	p.t.Helper()
	_, err := p.ReadByte()
	require.Error(p.t, err)
}

type flusher struct{ *flate.Writer }

func (f flusher) Write(b []byte) (int, error) {
	n, err := f.Writer.Write(b)
	f.Flush()
	return n, err
}

func TestServeDir(t *testing.T) {
	ServeDir(t, "testdata/serve/*.txt", nil, map[string]func(*testing.T, *Server){
		"dialogue": func(t *testing.T, srv *Server) {
			p := newPeer(t, srv.Dial())
			p.expect("* OK ready\r\n")
			p.send("A1 APPEND Sent {9}\r\n", "+ 9 octets\r\n")
			p.send("a\x00\xff\nbbb\r\n", "A1 OK\x00 \n")
			p.send("a2 TWO\r\na3 ONE\r\n", "a3 OK one\r\na2 OK two\r\n")
			p.expect("* literal {4}\r\nx\r\ny {2}\r\n\"\".\r\n")
			p.send("A4 STARTTLS\r\n", "A4 OK\r\n")
			tc := tls.Client(p.nc, srv.TLS)
			require.NoError(t, tc.Handshake())
			p = newPeer(t, tc)
			p.send("A5 COMPRESS\r\n", "A5 OK\r\n")
			zw, err := flate.NewWriter(tc, 1)
			require.NoError(t, err)
			p.Writer, p.Reader = flusher{zw}, bufio.NewReader(flate.NewReader(p.Reader))
			p.expect("* nothing was sent\r\n")
			p.send("x\r\nx\r\nA6 NOOP\r\n", "A6 OK nana")
			second := newPeer(t, srv.Dial())
			second.send("quit\r\n", "* OK second\r\n")
			second.ends()
			third := newPeer(t, srv.Dial())
			third.expect("* OK third\r\n")
			require.NoError(t, third.nc.(*net.TCPConn).CloseWrite())
			third.expect("* BYE\r\n")
			third.ends()
			fourth := newPeer(t, srv.Dial())
			fourth.expect("* OK fourth\r\n")
			fourth.send("x\r\n", "")
			_, err = fourth.ReadByte()
			require.ErrorContains(t, err, "reset")
			fifth := newPeer(t, srv.Dial())
			fifth.expect("* OK fifth\r\n")
			fifth.nc.Close()
			p.send("A7 LOGOUT\r\nand more\r\n", "")
		},
		"patience": func(t *testing.T, srv *Server) {
			p := newPeer(t, srv.Dial())
			p.expect("* OK\r\n")
			time.Sleep(time.Hour + time.Minute)
			p.send("NOOP\r\n", "")
			srv.Wait()
		},
	})
}

func TestServeEvery(t *testing.T) {
	srv := Serve(t, "@every\nS: hi\nC: {{name:}}\nS: hello ${name}\nCLOSE", nil)
	var wg sync.WaitGroup
	for i := range 5 {
		wg.Go(func() {
			nc, err := srv.DialContext(context.Background(), "tcp", "elsewhere:143")
			if err == nil {
				defer nc.Close()
				fmt.Fprintf(nc, "%d\r\n", i)
				var got []byte
				got, err = io.ReadAll(nc)
				if string(got) != fmt.Sprintf("hi\r\nhello %d\r\n", i) {
					t.Errorf("%q", got)
				}
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

// A recorder is the test of a client that fails.
type recorder struct {
	testing.TB
	mu       sync.Mutex
	errors   []string
	cleanups []func()
}

func (r *recorder) Helper()          {}
func (r *recorder) Cleanup(f func()) { r.cleanups = append(r.cleanups, f) }
func (r *recorder) Error(args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.errors = append(r.errors, fmt.Sprint(args...))
}
func (r *recorder) Errorf(format string, args ...any) { r.Error(fmt.Sprintf(format, args...)) }

func TestServeFailures(t *testing.T) {
	for _, tc := range []struct{ script, sent, want string }{
		{"S: hi\nC: one ${nobody}", "one\r\n", `f:2: \$\{nobody\} is not set`},
		{"S: hi\nC: {{x:}}\nC: two ${x}", "one\r\nthree\r\n", "f:3: \nwant two one\ngot  three\nbefore it:\n  S: hi\n  C: one$"},
		{"C: one\nC: two", "one\r\n", `f:2: want "two", got "" and EOF\nbefore it:\n  C: one$`},
		{"C: one", "one\r\ntwo\r\n", `^f: after the end the client sent "two\\r\\n" on connection 1$`},
		{"C* one", "one\r\ntwo\r\n", `^f: after the end the client sent "two" on connection 1$`},
		{"C- \"one\"", "once", `f:1: \nwant "one"\ngot  "onc" \(<nil>\), different from octet 2 on`},
		{"C: one\nSTARTTLS", "one\r\n* OK\r\n", `f:2: "\* OK" was sent between the answer to STARTTLS and TLS`},
		{"C: one\nSILENT 1s", "one\r\ntwo\r\n", `f:2: want silence, got "two"`},
		{"C: one\n2 C: two", "one\r\n", `f:2: no connection was made: .*, when the test ended`},
		{"@timeout 10ms\nC: one\n2 C: two", "one\r\n", `f:3: no connection was made: .*i/o timeout`},
		{"DROP", "one\r\n", `f:1: want the end, got "one"`},
		{"DEFLATE\nDEFLATE", "", "f:2: compression"},
	} {
		s, err := Parse("f", tc.script)
		require.NoError(t, err)
		r := &recorder{TB: t}
		srv := s.Serve(r, nil)
		nc := srv.Dial()
		io.WriteString(nc, tc.sent)
		nc.(*net.TCPConn).CloseWrite()
		for _, f := range r.cleanups {
			f()
		}
		nc.Close()
		require.Len(t, r.errors, 1, tc.script)
		require.Regexp(t, regexp.MustCompile(tc.want), r.errors[0], tc.script)
	}

	r := &recorder{TB: t}
	Serve(r, "@every\nS: hi", nil)
	r.cleanups[0]()
	require.Len(t, r.errors, 1)
	require.Regexp(t, `^serve_test\.go:\d+: script: no connection was made$`, r.errors[0])
	for _, script := range []string{"S* hi", "S& hi"} {
		s, err := Parse("f", script)
		require.NoError(t, err)
		require.ErrorContains(t, s.check('S'), "f:1: lines to be sent are given by S: or S-")
	}
}

// A script without patterns plays both sides against each other.
func TestBothSides(t *testing.T) {
	s, err := Parse("both", `
S: * OK
C: one
S- "two\n"
STARTTLS
C- "three"
S- "${lit "x"}."
DEFLATE
C: ${rep 10000 "four"}
S: five
HALFCLOSE
S: six
CLOSE
2 S: * OK
2 EOF
2 C: seven
2 DROP
`)
	require.NoError(t, err)
	srv := s.Serve(t, nil)
	s.Run(t, func(testing.TB) net.Conn { return srv.Dial() })
	srv.Wait()
}
