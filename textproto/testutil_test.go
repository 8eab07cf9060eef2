package textproto

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

func TestMain(m *testing.M) { testutil.Main(m) }

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

// work is a Handler that reads a line and hands the connection to a test, which
// looks at what a command at work would see.
type work func(ctx context.Context, c *Conn)

func (w work) ServeConn(ctx context.Context, c *Conn) {
	if c.Wait() != nil {
		return
	}
	if _, err := c.ReadLine(); err == nil {
		w(ctx, c)
	}
}

func (work) Refuse(*Conn, error) {}
