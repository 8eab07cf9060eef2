package textproto

import (
	"bytes"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// ackConn is a TCP connection that counts how often something is set on its
// socket, and tells what each Read has returned.
type ackConn struct {
	*net.TCPConn
	set  atomic.Int32
	read chan int
}

func (c *ackConn) SyscallConn() (syscall.RawConn, error) {
	raw, err := c.TCPConn.SyscallConn()
	return ackRaw{raw, c}, err
}

func (c *ackConn) Read(p []byte) (int, error) {
	n, err := c.TCPConn.Read(p)
	if n > 0 && c.read != nil {
		c.read <- n
	}
	return n, err
}

type ackRaw struct {
	syscall.RawConn
	c *ackConn
}

func (r ackRaw) Control(f func(fd uintptr)) error {
	r.c.set.Add(1)
	return r.RawConn.Control(f)
}

// ackPair returns a Conn over one end of a TCP connection, and the other end.
func ackPair(t testing.TB) (c *Conn, counted *ackConn, peer net.Conn) {
	x, y := tcpPair(t)
	counted = &ackConn{TCPConn: x.(*net.TCPConn)}
	return NewConn(counted, nil), counted, y
}

// echo answers each line with itself, those that come together in one write. At
// DATA and LITERAL n it reads a body first.
func echo(c *Conn) error {
	c.SetAutoFlush(true)
	for {
		if err := c.Wait(); err != nil {
			return err
		}
		line, err := c.ReadLine()
		if err != nil {
			return err
		}
		var n int64
		switch _, err := fmt.Sscanf(string(line), "LITERAL %d", &n); {
		case err == nil:
			if err := c.CountedReader(n).Drain(n); err != nil {
				return err
			}
			if _, err = c.ReadLine(); err != nil {
				return err
			}
		case string(line) == "DATA":
			c.WriteLine("go ahead")
			if _, err := io.Copy(io.Discard, c.DotReader(Strict)); err != nil {
				return err
			}
		}
		c.WriteLineBytes(line)
	}
}

// startEcho runs echo on a connection until the test ends.
func startEcho(t testing.TB) (counted *ackConn, peer net.Conn) {
	c, counted, peer := ackPair(t)
	counted.read = make(chan int, 1<<16)
	done := make(chan error, 1)
	go func() { done <- echo(c) }()
	t.Cleanup(func() {
		peer.Close()
		if err := <-done; err != io.EOF {
			t.Error(err)
		}
	})
	return counted, peer
}

// taken waits until a Read has returned.
func (c *ackConn) taken() int { return <-c.read }

func answer(t testing.TB, nc net.Conn, want string) {
	t.Helper()
	got := make([]byte, len(want))
	_, err := io.ReadFull(nc, got)
	require.NoError(t, err)
	require.Equal(t, want, string(got))
}

// A client that writes a command in pieces waits, with Nagle's algorithm, until
// the first is acknowledged.
func TestQuickAckPieces(t *testing.T) {
	c, peer := startEcho(t)
	for i := range int32(100) {
		for _, piece := range []string{"a NO", "OP", "\r", "\n"} {
			io.WriteString(peer, piece)
			c.taken()
		}
		answer(t, peer, "a NOOP\r\n")
		require.Equal(t, i+1, c.set.Load(), "once a command")
	}
}

// Clients that send a command, or several, in one write cause no call.
func TestQuickAckWhole(t *testing.T) {
	c, peer := startEcho(t)
	for range 100 {
		io.WriteString(peer, "a NOOP\r\n")
		answer(t, peer, "a NOOP\r\n")
	}
	for _, command := range []string{strings.Repeat("a NOOP\r\n", 20), strings.Repeat("x", 128) + "\r\n", strings.Repeat("x", 5000) + "\r\n"} {
		for range 100 {
			io.WriteString(peer, command)
			answer(t, peer, command)
		}
	}
	require.Zero(t, c.set.Load())
}

// A body has one call, of however many reads it consists.
func TestQuickAckBody(t *testing.T) {
	c, peer := startEcho(t)
	io.WriteString(peer, "DATA\r\n")
	answer(t, peer, "go ahead\r\n")
	require.Zero(t, c.set.Load())
	c.taken()
	for range 100 {
		io.WriteString(peer, strings.Repeat("x", 998)+"\r\n")
		c.taken()
	}
	io.WriteString(peer, ".\r\n")
	answer(t, peer, "DATA\r\n")
	require.EqualValues(t, 1, c.set.Load())

	large := strings.Repeat(strings.Repeat("x", 70)+"\r\n", 100_000)
	io.WriteString(peer, "DATA\r\n")
	answer(t, peer, "go ahead\r\n")
	io.WriteString(peer, large+".\r\n")
	answer(t, peer, "DATA\r\n")
	require.LessOrEqual(t, c.set.Load(), int32(2))
	before := c.set.Load()

	for len(c.read) > 0 {
		<-c.read
	}
	const size = 100
	head := fmt.Sprintf("LITERAL %d\r\n", size)
	for _, piece := range []string{head, strings.Repeat("x", size), "\r\n"} {
		io.WriteString(peer, piece)
		c.taken()
	}
	answer(t, peer, head)
	require.Equal(t, before+1, c.set.Load())
}

// The line after a literal may be what the client holds back, although the read
// before it took all that was asked for.
func TestQuickAckFullRead(t *testing.T) {
	for _, read := range []func(c *Conn, p []byte) (int, error){
		(*Conn).ReadCounted,
		func(c *Conn, p []byte) (int, error) { return io.ReadFull(c.CountedReader(int64(len(p))), p) },
	} {
		c, counted, peer := ackPair(t)
		counted.read = make(chan int, 100)
		go func() {
			peer.Write(make([]byte, 5000))
			for n := 0; n < 5000; {
				n += counted.taken()
			}
			io.WriteString(peer, "\r\n")
		}()
		n, err := read(c, make([]byte, 5000))
		require.NoError(t, err)
		require.Equal(t, 5000, n)
		_, err = c.ReadLine()
		require.NoError(t, err)
		require.EqualValues(t, 1, counted.set.Load())
	}
}

// TLS reads a record in one piece where it can, and makes no difference then. A
// listener's own TLS lies above the socket, and there it is found.
func TestQuickAckTLS(t *testing.T) {
	server, client := testutil.TLS(t, "mail.example.org")
	for _, above := range []bool{false, true} {
		x, y := tcpPair(t)
		counted := &ackConn{TCPConn: x.(*net.TCPConn), read: make(chan int, 1<<16)}
		var nc net.Conn = counted
		if above {
			nc = tls.Server(counted, server)
		}
		c := NewConn(nc, nil)
		done := make(chan error, 1)
		go func() {
			var err error
			if above {
				err = c.Handshake(context.Background())
			} else {
				err = c.StartTLSServer(context.Background(), server)
			}
			if err == nil {
				c.WriteLine("hello")
				err = echo(c)
			}
			done <- err
		}()
		peer := tls.Client(y, client)
		answer(t, peer, "hello\r\n")
		for len(counted.read) > 0 {
			<-counted.read
		}
		before := counted.set.Load()
		require.LessOrEqual(t, before, int32(2), "in the handshake, of two flights")
		for _, command := range []string{"a NOOP\r\n", strings.Repeat("x", 300) + "\r\n"} {
			for range 100 {
				io.WriteString(peer, command)
				answer(t, peer, command)
				counted.taken()
			}
		}
		require.Equal(t, before, counted.set.Load())
		for i := range int32(10) {
			io.WriteString(peer, "a NO")
			counted.taken()
			io.WriteString(peer, "OP\r\n")
			counted.taken()
			answer(t, peer, "a NOOP\r\n")
			require.Equal(t, before+i+1, counted.set.Load())
		}
		before = counted.set.Load()
		io.WriteString(peer, "LITERAL 1000000\r\n")
		peer.Write(bytes.Repeat([]byte("x"), 1_000_000))
		io.WriteString(peer, "\r\n")
		answer(t, peer, "LITERAL 1000000\r\n")
		require.LessOrEqual(t, counted.set.Load(), before+1, "of some 62 records")
		peer.Close()
		require.ErrorIs(t, <-done, io.EOF)
	}
}

// A client waits for the second line of a reply, but nobody waits for it while no
// reply is due.
func TestQuickAckClient(t *testing.T) {
	c, counted, peer := ackPair(t)
	counted.read = make(chan int, 100)
	for i := range int32(10) {
		c.WriteLine("a NOOP")
		require.NoError(t, c.Flush())
		answer(t, peer, "a NOOP\r\n")
		io.WriteString(peer, "* 1 EXISTS\r\n")
		go func() {
			counted.taken()
			io.WriteString(peer, "a OK\r\n")
			counted.taken()
		}()
		mustLine(t, c, "* 1 EXISTS")
		require.Equal(t, i, counted.set.Load())
		mustLine(t, c, "a OK")
		require.Equal(t, i+1, counted.set.Load())
	}
	for range 10 {
		go func() {
			io.WriteString(peer, "* 1 EXISTS\r\n")
			counted.taken()
		}()
		require.NoError(t, c.Wait())
		mustLine(t, c, "* 1 EXISTS")
	}
	require.EqualValues(t, 10, counted.set.Load())
}

// Where there is no socket, or it refuses the option, one attempt is made and
// reading goes on.
func TestQuickAckNone(t *testing.T) {
	c, _ := wire("a", "b\r\n", "c", "d\r\n")
	mustLine(t, c, "ab")
	mustLine(t, c, "cd")
	for _, raw := range []*refusing{{none: true}, {closed: true}, {}} {
		w := &wireConn{pieces: [][]byte{[]byte("a"), []byte("b\r\nc"), []byte("d\r\n")}}
		c := NewConn(&refusingConn{w, raw}, nil)
		for _, want := range []string{"ab", "cd"} {
			mustLine(t, c, want)
			c.WriteLine("ok")
			require.NoError(t, c.Flush())
		}
		require.Equal(t, 1, raw.calls)
	}
}

// refusingConn is a connection on whose socket nothing can be set.
type refusingConn struct {
	*wireConn
	raw *refusing
}

func (c *refusingConn) SyscallConn() (syscall.RawConn, error) {
	if c.raw.none {
		c.raw.calls++
		return nil, net.ErrClosed
	}
	return c.raw, nil
}

type refusing struct {
	none, closed bool
	calls        int
}

func (r *refusing) Control(f func(fd uintptr)) error {
	r.calls++
	if r.closed {
		return net.ErrClosed
	}
	f(^uintptr(0)) // no socket has this number
	return nil
}

func (*refusing) Read(func(fd uintptr) bool) error  { panic("not called") }
func (*refusing) Write(func(fd uintptr) bool) error { panic("not called") }

// Commands in pieces allocate nothing.
func TestQuickAckAllocs(t *testing.T) {
	c, counted, peer := ackPair(t)
	first, rest, got := []byte("a NO"), []byte("OP\r\n"), make([]byte, 8)
	require.Zero(t, testing.AllocsPerRun(100, func() {
		peer.Write(first)
		if c.Wait() != nil {
			t.Error("no input")
		}
		peer.Write(rest)
		line, err := c.ReadLine()
		if err != nil {
			t.Error(err)
		}
		c.WriteLineBytes(line)
		if c.Flush() != nil {
			t.Error("not sent")
		}
		io.ReadFull(peer, got)
	}))
	require.EqualValues(t, 101, counted.set.Load())
}
