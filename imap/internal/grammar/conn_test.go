package grammar

import (
	"io"
	"net"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap"
	"github.com/posthorn-mail/posthorn/imap/internal/wire"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A Reader on a connection sends continuation requests in time, streams a big
// message, and leaves no secret in the trace.
func TestReaderOnConn(t *testing.T) {
	client, server := net.Pipe()
	defer client.Close()
	var trace strings.Builder
	conn := textproto.NewConn(server, &textproto.Options{Trace: func(e textproto.Event) {
		trace.Write(e.Line)
		trace.WriteByte('\n')
	}})
	defer conn.Close()
	const size = 3 << 20
	done := make(chan error, 1)
	go func() {
		expect := func(want string) error {
			b := make([]byte, len(want))
			if _, err := io.ReadFull(client, b); err != nil {
				return err
			}
			if string(b) != want {
				return io.ErrUnexpectedEOF
			}
			return nil
		}
		send := func(s string) {
			io.WriteString(client, s)
		}
		send("a LOGIN {5}\r\n")
		if err := expect("+ Ready\r\n"); err != nil {
			done <- err
			return
		}
		send("alice swordfish\r\n")
		send("b APPEND INBOX {3145728}\r\n")
		if err := expect("+ Ready\r\n"); err != nil {
			done <- err
			return
		}
		chunk := strings.Repeat("x", 1<<20)
		for range size >> 20 {
			send(chunk)
		}
		send("\r\nc APPEND INBOX {3145728+}\r\n")
		for range size >> 20 {
			send(chunk)
		}
		send("\r\nd NOOP\r\n")
		client.Close()
		done <- nil
	}()

	r := NewReader(conn, wire.LimitsBeforeLogin())
	tag, cmd, err := r.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, "a", tag)
	require.Equal(t, &imap.Login{User: "alice", Password: "swordfish"}, cmd)
	require.NotContains(t, trace.String(), "swordfish")

	r.SetLimits(wire.LimitsAfterLogin())
	_, cmd, err = r.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, int64(size), cmd.(*imap.Append).Message.Literal.Size)
	body, err := r.OpenLiteral()
	require.NoError(t, err)
	n, err := io.Copy(io.Discard, body)
	require.NoError(t, err)
	require.Equal(t, int64(size), n)
	m, err := r.NextMessage()
	require.NoError(t, err)
	require.Nil(t, m)

	_, _, err = r.ReadCommand()
	require.NoError(t, err)
	require.NoError(t, r.RefuseLiteral())
	tag, cmd, err = r.ReadCommand()
	require.NoError(t, err)
	require.Equal(t, "d", tag)
	require.Equal(t, &imap.Noop{}, cmd)
	_, _, err = r.ReadCommand()
	require.Equal(t, io.EOF, err)
	require.NoError(t, <-done)
}

func TestLoginErrorHidesPassword(t *testing.T) {
	_, err := parseOne(t, `LOGIN alice sword"fish`)
	require.Error(t, err)
	require.NotContains(t, err.Error(), "fish")
}
