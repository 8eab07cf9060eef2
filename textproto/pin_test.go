package textproto

import (
	"bytes"
	"fmt"
	"net"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bodies that are pinned stay what they were while the connection reads on, and
// those that can't be pinned are read as others.
func TestPinned(t *testing.T) {
	var want [][]byte
	var wire []byte
	for i := range 400 {
		body := bytes.Repeat(fmt.Appendf(nil, "%04d", i), 100+i*7%900)
		want = append(want, body)
		wire = append(fmt.Appendf(wire, "{%d}\r\n", len(body)), body...)
		wire = append(wire, "\r\n"...)
	}
	client, server := net.Pipe()
	defer client.Close()
	go func() {
		server.Write(wire)
		server.Close()
	}()
	c := NewConn(client, nil)
	type part struct {
		p   []byte
		pin *Pin
	}
	var got []part
	pins := 0
	for i := range want {
		line, err := c.ReadLine()
		require.NoError(t, err)
		require.Equal(t, fmt.Sprintf("{%d}", len(want[i])), string(line))
		p, pin, ok := c.Pinned(len(want[i]))
		if ok {
			pins++
		} else {
			p = make([]byte, len(want[i]))
			n, err := c.ReadCounted(p)
			require.NoError(t, err)
			require.Equal(t, len(p), n)
		}
		got = append(got, part{p, pin})
		line, err = c.ReadLine()
		require.NoError(t, err)
		require.Empty(t, line)
	}
	require.Greater(t, pins, 100)
	for i, g := range got {
		require.Equal(t, want[i], g.p)
	}
	for _, g := range got {
		if g.pin != nil {
			g.pin.Release()
		}
	}
	_, err := c.ReadCounted(make([]byte, 5))
	require.Error(t, err)
}
