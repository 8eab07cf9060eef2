package textproto

import (
	"context"
	"crypto/tls"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

type tlsConfig = *tls.Config

func TestStartTLS(t *testing.T) {
	testutil.NoLeaks(t)
	server, client := testutil.TLS(t, "mail.example.org")
	a, b := tcpConns(t, nil)
	require.Nil(t, a.TLS())
	done := make(chan error, 1)
	go func() {
		done <- func() error {
			if _, err := b.ReadLine(); err != nil {
				return err
			}
			b.WriteLine("220 go ahead")
			if err := b.StartTLSServer(t.Context(), server); err != nil {
				return err
			}
			if _, err := b.ReadLine(); err != nil {
				return err
			}
			b.WriteLine("250 hidden")
			return b.Flush()
		}()
	}()
	a.WriteLine("STARTTLS")
	a.Flush()
	_, err := a.ReadLine()
	require.NoError(t, err)
	require.NoError(t, a.StartTLSClient(t.Context(), client))
	a.WriteLine("EHLO")
	a.Flush()
	line, err := a.ReadLine()
	require.NoError(t, err)
	require.Equal(t, "250 hidden", string(line))
	require.NoError(t, <-done)
	require.NotNil(t, a.TLS())
	require.Equal(t, ErrTLSActive, a.StartTLSClient(t.Context(), client))
	require.NoError(t, b.Close())
	_, err = a.ReadLine()
	require.Equal(t, io.EOF, err)
}

// What was sent in the clear behind the command, or the reply, is not taken for
// something sent under TLS (CVE-2011-0411, CVE-2021-33515).
func TestStartTLSInjection(t *testing.T) {
	server, client := testutil.TLS(t, "mail.example.org")
	for side, start := range map[string]func(c *Conn) error{
		"server": func(c *Conn) error { return c.StartTLSServer(t.Context(), server) },
		"client": func(c *Conn) error { return c.StartTLSClient(t.Context(), client) },
	} {
		for _, s := range []string{"x", "RSET\r\n", "\x16\x03\x01"} {
			c, w := wire("first\r\n" + s)
			_, err := c.ReadLine()
			require.NoError(t, err)
			require.Equal(t, ErrPlaintextBuffered, start(c), side)
			require.True(t, w.closed)
			_, err = c.ReadLine()
			require.Equal(t, ErrPlaintextBuffered, err, "injected line was read")
			require.Equal(t, ErrPlaintextBuffered, c.WriteLine("x"))
			require.Equal(t, ErrPlaintextBuffered, c.Wait())
			require.Empty(t, w.out)
		}
	}
}

func TestHandshakeTimeout(t *testing.T) {
	server, client := testutil.TLS(t, "mail.example.org")
	synctest.Test(t, func(t *testing.T) {
		c, peer := pipe(t, &Options{HandshakeTimeout: time.Minute, ReadTimeout: 50 * time.Second})
		go func() { // progress does not prolong it
			for i := range 3 {
				time.Sleep(25 * time.Second)
				peer.Write([]byte{"\x16\x03\x01"[i]})
			}
		}()
		start := time.Now()
		err := c.StartTLSServer(t.Context(), server)
		var ne net.Error
		require.ErrorAs(t, err, &ne)
		require.True(t, ne.Timeout())
		require.Equal(t, time.Minute, time.Since(start))

		c, peer2 := pipe(t, nil)
		go io.Copy(io.Discard, peer2)
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		require.ErrorIs(t, c.StartTLSClient(ctx, client), context.DeadlineExceeded)
		_, err = c.ReadLine()
		require.ErrorIs(t, err, context.DeadlineExceeded)
		time.Sleep(time.Minute) // until the helpers are done
	})
}

// A peer that does not read cannot hold Close.
func TestCloseTLSBlocked(t *testing.T) {
	server, client := testutil.TLS(t, "mail.example.org")
	synctest.Test(t, func(t *testing.T) {
		x, y := net.Pipe()
		a, b := NewConn(x, nil), NewConn(y, nil)
		upgrade(t, a, b, "tls", server, client)
		a.Close()
		b.NetConn().Close()
	})
}
