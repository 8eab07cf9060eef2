package textproto

import (
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The kernel acknowledges at once after the first read of a command, and delays
// again when it is told so, as it does itself after a reply.
func TestQuickAckOption(t *testing.T) {
	x, peer := tcpPair(t)
	c := NewConn(x, &Options{ReadTimeout: time.Millisecond})
	raw, err := x.(*net.TCPConn).SyscallConn()
	require.NoError(t, err)
	option := func(set func(fd int) error) (v int) {
		require.NoError(t, raw.Control(func(fd uintptr) {
			if set != nil {
				require.NoError(t, set(int(fd)))
			}
			var err error
			v, err = syscall.GetsockoptInt(int(fd), syscall.IPPROTO_TCP, syscall.TCP_QUICKACK)
			require.NoError(t, err)
		}))
		return v
	}
	for range 3 {
		io.WriteString(peer, "a NO")
		require.NoError(t, c.Wait())
		require.Zero(t, option(func(fd int) error {
			return syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_QUICKACK, 0)
		}))
		_, err = c.ReadLine()
		require.ErrorAs(t, err, new(*TimeoutError))
		require.Equal(t, 1, option(nil))
		io.WriteString(peer, "OP\r\n")
		for {
			if _, err = c.ReadLine(); err == nil {
				break
			}
			require.ErrorAs(t, err, new(*TimeoutError))
		}
		c.WriteLine("a OK")
		require.NoError(t, c.Flush())
	}
}
