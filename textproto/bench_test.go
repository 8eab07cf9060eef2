package textproto

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	nettextproto "net/textproto"
	"strings"
	"testing"
)

// mailBody is a message of n octets or a few more: lines of 76 octets, each
// twentieth of which begins with a dot. stuffed is how it goes over the wire.
func mailBody(n int) (plain, stuffed []byte) {
	var p, s bytes.Buffer
	for i := 0; p.Len() < n; i++ {
		if i%20 == 7 {
			p.WriteByte('.')
			s.WriteString("..")
		}
		line := fmt.Sprintf("%070d\r\n", i)
		p.WriteString(line)
		s.WriteString(line)
	}
	s.WriteString(".\r\n")
	return p.Bytes(), s.Bytes()
}

// tcpPair returns both ends of a loopback connection.
func tcpPair(tb testing.TB) (a, b net.Conn) {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	defer l.Close()
	a, err = net.Dial("tcp", l.Addr().String())
	if err != nil {
		tb.Fatal(err)
	}
	b, err = l.Accept()
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { a.Close(); b.Close() })
	return a, b
}

const benchBody = 64 << 20

// onlyWriter and onlyReader hide the shortcuts of io.Copy.
type onlyWriter struct{ io.Writer }
type onlyReader struct{ io.Reader }

func benchRead(b *testing.B, read func(nc net.Conn, wire int64) error) {
	_, wire := mailBody(benchBody)
	x, y := tcpPair(b)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		go x.Write(wire)
		if err := read(y, int64(len(wire))); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadBody(b *testing.B) {
	b.Run("io.Copy", func(b *testing.B) {
		benchRead(b, func(nc net.Conn, n int64) error {
			_, err := io.Copy(io.Discard, io.LimitReader(nc, n))
			return err
		})
	})
	b.Run("DotReader.WriteTo", func(b *testing.B) {
		var c *Conn
		benchRead(b, func(nc net.Conn, n int64) error {
			if c == nil {
				c = NewConn(nc, nil)
			}
			_, err := io.Copy(io.Discard, c.DotReader(Strict))
			return err
		})
	})
	b.Run("DotReader.Read", func(b *testing.B) {
		var c *Conn
		buf := make([]byte, 32<<10)
		benchRead(b, func(nc net.Conn, n int64) error {
			if c == nil {
				c = NewConn(nc, nil)
			}
			_, err := io.CopyBuffer(onlyWriter{io.Discard}, onlyReader{c.DotReader(Strict)}, buf)
			return err
		})
	})
	b.Run("CountedReader", func(b *testing.B) {
		var c *Conn
		benchRead(b, func(nc net.Conn, n int64) error {
			if c == nil {
				c = NewConn(nc, nil)
			}
			_, err := io.Copy(io.Discard, c.CountedReader(n))
			return err
		})
	})
	b.Run("net-textproto", func(b *testing.B) {
		var r *nettextproto.Reader
		benchRead(b, func(nc net.Conn, n int64) error {
			if r == nil {
				r = nettextproto.NewReader(bufio.NewReaderSize(nc, 64<<10))
			}
			_, err := io.Copy(io.Discard, r.DotReader())
			return err
		})
	})
}

func benchWrite(b *testing.B, write func(nc net.Conn, plain []byte) error) {
	plain, _ := mailBody(benchBody)
	x, y := tcpPair(b)
	go io.Copy(onlyWriter{io.Discard}, y)
	b.SetBytes(int64(len(plain)))
	b.ReportAllocs()
	for b.Loop() {
		if err := write(x, plain); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkWriteBody(b *testing.B) {
	b.Run("io.Copy", func(b *testing.B) {
		benchWrite(b, func(nc net.Conn, p []byte) error {
			_, err := io.Copy(onlyWriter{nc}, onlyReader{bytes.NewReader(p)})
			return err
		})
	})
	b.Run("DotWriter", func(b *testing.B) {
		var c *Conn
		benchWrite(b, func(nc net.Conn, p []byte) error {
			if c == nil {
				c = NewConn(nc, nil)
			}
			d := c.DotWriter()
			if _, err := io.Copy(d, onlyReader{bytes.NewReader(p)}); err != nil {
				return err
			}
			d.Close()
			return c.Flush()
		})
	})
	b.Run("net-textproto", func(b *testing.B) {
		var w *nettextproto.Writer
		benchWrite(b, func(nc net.Conn, p []byte) error {
			if w == nil {
				w = nettextproto.NewWriter(bufio.NewWriterSize(nc, 64<<10))
			}
			d := w.DotWriter()
			if _, err := io.Copy(d, onlyReader{bytes.NewReader(p)}); err != nil {
				return err
			}
			return d.Close()
		})
	})
}

// repeat yields p over and over, without end.
type repeat struct {
	net.Conn
	p []byte
	i int
}

func (r *repeat) Read(p []byte) (int, error) {
	n := copy(p, r.p[r.i:])
	r.i = (r.i + n) % len(r.p)
	return n, nil
}

func BenchmarkReadLine(b *testing.B) {
	p := bytes.Repeat([]byte("a001 FETCH 1:* (FLAGS UID INTERNALDATE)\r\n"), 100)
	c := NewConn(&repeat{p: p}, nil)
	b.SetBytes(41)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.ReadLine(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScan is the dot reader without a network.
func BenchmarkScan(b *testing.B) {
	_, wire := mailBody(1 << 20)
	c := NewConn(&repeat{p: wire}, nil)
	b.SetBytes(int64(len(wire)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := c.DotReader(Strict).WriteTo(io.Discard); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkScanHostile reads bodies made to cost more than they are long.
func BenchmarkScanHostile(b *testing.B) {
	for name, piece := range map[string]string{"CR": "\r", "LF": "\n", "dots": "..\r\n", "mixed": strings.Repeat("x", 60) + "\r", "LF lines": strings.Repeat("x", 70) + "\n"} {
		wire := append(bytes.Repeat([]byte(piece), 1<<20/len(piece)), "\r\n.\r\n"...)
		for _, mode := range []DotMode{Normalise, Relaxed} {
			b.Run(fmt.Sprintf("%s/%d", name, mode), func(b *testing.B) {
				c := NewConn(&repeat{p: wire}, nil)
				b.SetBytes(int64(len(wire)))
				for b.Loop() {
					if _, err := c.DotReader(mode).WriteTo(io.Discard); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
		b.Run(name+"/write", func(b *testing.B) {
			c := NewConn(&nowhere{}, nil)
			b.SetBytes(int64(len(wire)))
			for b.Loop() {
				d := c.DotWriter()
				d.Write(wire)
				d.Close()
			}
		})
	}
}
