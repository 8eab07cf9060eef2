package bench

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	nettextproto "net/textproto"
	"strings"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto"
)

const bodySize = 64 << 20

// stuffed is a dot-stuffed body of bodySize octets with its end, and plain the
// same before it was stuffed.
func bodies() (plain, stuffed []byte) {
	var p, s bytes.Buffer
	for i := 0; s.Len() < bodySize; i++ {
		line := fmt.Sprintf("%08d %s\r\n", i, strings.Repeat("x", 60+i%17))
		if i%20 == 0 {
			line = "." + line
			s.WriteByte('.')
		}
		p.WriteString(line)
		s.WriteString(line)
	}
	s.WriteString(".\r\n")
	return p.Bytes(), s.Bytes()
}

// pipe returns the two ends of a loopback connection.
func pipe(tb testing.TB) (a, b net.Conn) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer l.Close()
	accepted := make(chan net.Conn)
	go func() {
		c, _ := l.Accept()
		accepted <- c
	}()
	a, err = net.Dial("tcp", l.Addr().String())
	require.NoError(tb, err)
	b = <-accepted
	tb.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

// plainConn hides the splice and sendfile of *net.TCPConn, so that io.Copy
// moves octets through memory as everybody else does.
type plainConn struct{ net.Conn }

// BenchmarkReadBody reads a dot-stuffed body from a loopback connection.
// "loopback" is io.Copy of the same octets: the most that the connection can
// carry.
func BenchmarkReadBody(b *testing.B) {
	_, stuffed := bodies()
	run := func(name string, read func(c net.Conn) func() (int64, error)) {
		b.Run(name, func(b *testing.B) {
			w, r := pipe(b)
			next := read(r)
			b.SetBytes(int64(len(stuffed)))
			b.ReportAllocs()
			b.ResetTimer()
			go func() {
				for range b.N {
					for rest := stuffed; len(rest) > 0; {
						n := min(len(rest), 1<<18)
						if _, err := w.Write(rest[:n]); err != nil {
							return
						}
						rest = rest[n:]
					}
				}
			}()
			for range b.N {
				n, err := next()
				require.NoError(b, err)
				require.Greater(b, n, int64(bodySize/2))
			}
		})
	}
	run("loopback", func(c net.Conn) func() (int64, error) {
		buf := make([]byte, 1<<16)
		return func() (int64, error) {
			return io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(plainConn{c}, int64(len(stuffed))), buf)
		}
	})
	run("posthorn", func(c net.Conn) func() (int64, error) {
		conn := textproto.NewConn(c, nil)
		return func() (int64, error) { return io.Copy(io.Discard, conn.DotReader(textproto.Strict)) }
	})
	run("posthorn-Read", func(c net.Conn) func() (int64, error) {
		conn, buf := textproto.NewConn(c, nil), make([]byte, 1<<16)
		return func() (int64, error) {
			return io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{conn.DotReader(textproto.Strict)}, buf)
		}
	})
	run("net-textproto", func(c net.Conn) func() (int64, error) {
		r := nettextproto.NewReader(bufio.NewReaderSize(c, 1<<16))
		return func() (int64, error) { return io.Copy(io.Discard, r.DotReader()) }
	})
	b.Run("go-smtp", func(b *testing.B) {
		// Its reader is not exported: a session that throws away the body.
		l, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		srv := gosmtp.NewServer(gosmtp.BackendFunc(func(*gosmtp.Conn) (gosmtp.Session, error) { return sink{}, nil }))
		srv.MaxLineLength = 1 << 16
		go srv.Serve(l)
		defer srv.Close()
		c, err := net.Dial("tcp", l.Addr().String())
		require.NoError(b, err)
		defer c.Close()
		t := nettextproto.NewConn(c)
		reply := func(code int) {
			_, _, err := t.ReadResponse(code)
			require.NoError(b, err)
		}
		reply(220)
		t.PrintfLine("EHLO x")
		reply(250)
		b.SetBytes(int64(len(stuffed)))
		b.ReportAllocs()
		b.ResetTimer()
		for range b.N {
			t.PrintfLine("MAIL FROM:<a@b.test>")
			reply(250)
			t.PrintfLine("RCPT TO:<a@b.test>")
			reply(250)
			t.PrintfLine("DATA")
			reply(354)
			_, err := c.Write(stuffed)
			require.NoError(b, err)
			reply(250)
		}
	})
}

// sink is a go-smtp session that throws away what it gets.
type sink struct{}

func (sink) Reset()                                 {}
func (sink) Logout() error                          { return nil }
func (sink) Mail(string, *gosmtp.MailOptions) error { return nil }
func (sink) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (sink) Data(r io.Reader) error                 { _, err := io.Copy(io.Discard, r); return err }

// BenchmarkWriteBody writes a body with the dots to be stuffed.
func BenchmarkWriteBody(b *testing.B) {
	plain, _ := bodies()
	run := func(name string, write func(c net.Conn) func(body []byte) error) {
		b.Run(name, func(b *testing.B) {
			w, r := pipe(b)
			next := write(w)
			done := make(chan struct{})
			go func() {
				defer close(done)
				buf := make([]byte, 1<<18)
				for {
					if _, err := r.Read(buf); err != nil {
						return
					}
				}
			}()
			b.SetBytes(int64(len(plain)))
			b.ReportAllocs()
			b.ResetTimer()
			for range b.N {
				require.NoError(b, next(plain))
			}
			b.StopTimer()
			w.Close()
			<-done
		})
	}
	const piece = 1 << 16
	pieces := func(w io.Writer, body []byte) error {
		for len(body) > 0 {
			n := min(len(body), piece)
			if _, err := w.Write(body[:n]); err != nil {
				return err
			}
			body = body[n:]
		}
		return nil
	}
	run("loopback", func(c net.Conn) func([]byte) error {
		return func(body []byte) error { return pieces(c, body) }
	})
	run("posthorn", func(c net.Conn) func([]byte) error {
		conn := textproto.NewConn(c, nil)
		return func(body []byte) error {
			w := conn.DotWriter()
			if err := pieces(w, body); err != nil {
				return err
			}
			if err := w.Close(); err != nil {
				return err
			}
			return conn.Flush()
		}
	})
	run("net-textproto", func(c net.Conn) func([]byte) error {
		t := nettextproto.NewWriter(bufio.NewWriterSize(c, 1<<16))
		return func(body []byte) error {
			w := t.DotWriter()
			if err := pieces(w, body); err != nil {
				return err
			}
			return w.Close() // which flushes
		}
	})
	run("go-smtp-client", func(c net.Conn) func([]byte) error {
		// Its client writes with net/textproto's DotWriter over a small buffer.
		t := nettextproto.NewConn(c)
		return func(body []byte) error {
			w := t.DotWriter()
			if err := pieces(w, body); err != nil {
				return err
			}
			return w.Close()
		}
	})
}
