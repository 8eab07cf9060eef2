package textproto

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain fails when a goroutine is left behind.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leaked(); left != "" {
			fmt.Fprintln(os.Stderr, "goroutines left:\n"+left)
			code = 1
		}
	}
	os.Exit(code)
}

// leaked returns the stacks of goroutines of this package, after having given
// them time to end.
func leaked() string {
	var left []string
	for range 300 {
		left = left[:0]
		buf := make([]byte, 1<<20)
		for i, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if i > 0 && !strings.HasPrefix(g, "goroutine 1 ") && strings.Contains(g, "posthorn/textproto") {
				left = append(left, g)
			}
		}
		if len(left) == 0 {
			return ""
		}
		time.Sleep(10 * time.Millisecond)
	}
	return strings.Join(left, "\n\n")
}

// noLeaks fails t when it leaves a goroutine behind.
func noLeaks(t *testing.T) {
	t.Cleanup(func() {
		if left := leaked(); left != "" {
			t.Error("goroutines left:\n" + left)
		}
	})
}

// wireConn yields its pieces, one a Read, and then io.EOF. It keeps what is written.
type wireConn struct {
	net.Conn
	pieces [][]byte
	out    []byte
	closed bool
}

func (w *wireConn) Read(p []byte) (int, error) {
	for len(w.pieces) > 0 && len(w.pieces[0]) == 0 {
		w.pieces = w.pieces[1:]
	}
	if len(w.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, w.pieces[0])
	w.pieces[0] = w.pieces[0][n:]
	return n, nil
}

func (w *wireConn) Write(p []byte) (int, error)        { w.out = append(w.out, p...); return len(p), nil }
func (w *wireConn) Close() error                       { w.closed = true; return nil }
func (w *wireConn) SetDeadline(t time.Time) error      { return nil }
func (w *wireConn) SetReadDeadline(t time.Time) error  { return nil }
func (w *wireConn) SetWriteDeadline(t time.Time) error { return nil }

// wire returns a Conn that reads the pieces.
func wire(pieces ...string) (*Conn, *wireConn) {
	w := &wireConn{}
	for _, p := range pieces {
		w.pieces = append(w.pieces, []byte(p))
	}
	return NewConn(w, nil), w
}

// pieces cuts s into pieces of n octets.
func pieces(s string, n int) (ps []string) {
	for len(s) > n {
		ps = append(ps, s[:n])
		s = s[n:]
	}
	return append(ps, s)
}

// stutter yields a timeout before each piece.
type stutter struct {
	pieces []string
	ready  bool
}

func (s *stutter) Read(p []byte) (int, error) {
	if s.ready = !s.ready; s.ready {
		return 0, &TimeoutError{}
	}
	for len(s.pieces) > 0 && s.pieces[0] == "" {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

// tcpConns returns Conns over both ends of a loopback connection.
func tcpConns(t testing.TB, o *Options) (a, b *Conn) {
	x, y := tcpPair(t)
	return NewConn(x, o), NewConn(y, o)
}

// testTLS returns the configurations of a server and of a client that trusts it.
func testTLS(t testing.TB) (server, client *tls.Config) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "mail.example.org"}, DNSNames: []string{"mail.example.org"},
		NotBefore: time.Now().Add(-24 * 365 * 100 * time.Hour / 2), NotAfter: time.Now().Add(100 * 365 * 24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, tmpl, &key.PublicKey, key)
	require.NoError(t, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}},
		&tls.Config{RootCAs: pool, ServerName: "mail.example.org"}
}

// errText maps an error to a short name for tables.
func errText(err error) string {
	for _, e := range []struct {
		err  error
		name string
	}{{ErrBareCR, "bare CR"}, {ErrBareLF, "bare LF"}, {ErrLineEndless, "endless"}, {ErrLineTooLong, "too long"},
		{io.ErrUnexpectedEOF, "cut off"}, {io.EOF, "EOF"}} {
		if errors.Is(err, e.err) {
			return e.name
		}
	}
	if err != nil {
		return err.Error()
	}
	return ""
}
