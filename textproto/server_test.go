package textproto_test

import (
	"context"
	"errors"
	"io"
	"net"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/textproto"
)

// echo is a small protocol: each line is repeated, DATA reads a dot-stuffed body
// and gives it back.
type echo struct{}

func (echo) ServeConn(ctx context.Context, c *textproto.Conn) {
	c.WriteLine("hello")
	for {
		if c.Flush() != nil {
			return
		}
		err := c.Wait()
		if errors.Is(err, textproto.ErrServerClosed) {
			c.WriteLine("bye")
			c.Flush()
			return
		}
		if errors.Is(err, textproto.ErrWoken) {
			c.WriteLine("woken")
			continue
		}
		if err != nil {
			return
		}
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		switch string(line) {
		case "PANIC":
			panic("asked for")
		case "WAKE":
			c.Wake()
		case "DATA":
			b, err := io.ReadAll(c.DotReader(textproto.Strict))
			if err != nil {
				return
			}
			d := c.DotWriter()
			d.Write(b)
			d.Close()
		default:
			c.WriteLineBytes(line)
		}
	}
}

func (echo) Refuse(c *textproto.Conn, reason error) { c.WriteLine("refused: " + reason.Error()) }

func TestServerEcho(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	var s textproto.Server
	done := make(chan error)
	go func() { done <- s.Serve(l, echo{}) }()
	nc, err := net.Dial("tcp", l.Addr().String())
	require.NoError(t, err)
	c := textproto.NewConn(nc, nil)
	defer c.Close()
	line := func() string {
		l, err := c.ReadLine()
		require.NoError(t, err)
		return string(l)
	}
	require.Equal(t, "hello", line())
	c.WriteLine("one")
	c.WriteLine("WAKE")
	c.WriteLine("DATA")
	d := c.DotWriter()
	io.WriteString(d, ".a\n..b\rc")
	d.Close()
	c.Flush()
	require.Equal(t, "one", line())
	require.Equal(t, "woken", line())
	b, err := io.ReadAll(c.DotReader(textproto.Strict))
	require.NoError(t, err)
	require.Equal(t, ".a\r\n..b\r\nc\r\n", string(b))
	go s.Shutdown(context.Background())
	require.Equal(t, "bye", line())
	_, err = c.ReadLine()
	require.Equal(t, io.EOF, err)
	require.ErrorIs(t, <-done, textproto.ErrServerClosed)
}
