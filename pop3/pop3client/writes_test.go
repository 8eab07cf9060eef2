package pop3client

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/sasl"
)

// counting remembers what each Write of a connection was given.
type counting struct {
	net.Conn
	mu     *sync.Mutex
	writes *[]string
}

func (c counting) Write(p []byte) (int, error) {
	c.mu.Lock()
	*c.writes = append(*c.writes, string(p))
	c.mu.Unlock()
	return c.Conn.Write(p)
}

type countingDialer struct {
	mu     sync.Mutex
	writes []string
}

func (d *countingDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return counting{nc, &d.mu, &d.writes}, err
}

// taken returns the writes since the last call, shortened.
func (d *countingDialer) taken() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	w := d.writes
	d.writes = nil
	return w
}

// A command is one Write, and so is a group that is pipelined. Two small ones in a
// row can wait for the peer's delayed acknowledgement in between.
func TestWrites(t *testing.T) {
	ctx := context.Background()
	const n = 100
	group := func(verb string) string {
		var b strings.Builder
		for i := 1; i <= n; i++ {
			fmt.Fprintf(&b, "%s %d\r\n", verb, i)
		}
		return b.String()
	}
	d := &countingDialer{}
	for _, tc := range []struct {
		mechanism string
		login     []string
	}{
		{"PLAIN", []string{"AUTH PLAIN AG1yb3NlAHRhbnN0YWFm\r\n"}},
		{"USER", []string{"USER mrose\r\n", "PASS tanstaaf\r\n"}},
	} {
		t.Run(tc.mechanism, func(t *testing.T) {
			ts := serve(t, nil, numbered(n)...)
			o := insecure()
			o.Dialer, o.Mechanisms = d, []string{tc.mechanism}
			c, err := Dial(ctx, ts.addr, o)
			require.NoError(t, err)
			want := append([]string{"CAPA\r\n"}, tc.login...)
			require.Equal(t, append(want, "CAPA\r\n"), d.taken())

			for m, err := range c.Messages(ctx, nil) {
				require.NoError(t, err)
				m.Delete()
			}
			require.Equal(t, []string{"LIST\r\nUIDL\r\n", group("RETR"), group("DELE")}, d.taken())
			require.NoError(t, c.Reset(ctx))
			_, err = c.Download(ctx, &memorySeen{}, nil, func(*Message) error { return nil })
			require.NoError(t, err)
			require.Equal(t, []string{"RSET\r\n", "LIST\r\nUIDL\r\n", group("RETR"), group("DELE"), "QUIT\r\n"}, d.taken())
		})
	}

	// One at a time.
	ts := serve(t, nil, numbered(2)...)
	o := insecure()
	o.Dialer, o.NoPipelining, o.Credentials = d, true, nil
	c, err := Dial(ctx, ts.addr, o)
	require.NoError(t, err)
	require.NoError(t, c.Auth(ctx, sasl.Login("mrose", "tanstaaf")))
	require.Equal(t, []string{"CAPA\r\n", "AUTH LOGIN\r\n", "bXJvc2U=\r\n", "dGFuc3RhYWY=\r\n", "CAPA\r\n"}, d.taken())
	for m, err := range c.Messages(ctx, nil) {
		require.NoError(t, err)
		m.Delete()
	}
	require.Equal(t, []string{"LIST\r\n", "UIDL\r\n", "RETR 1\r\n", "DELE 1\r\n", "RETR 2\r\n", "DELE 2\r\n"}, d.taken())
	_, _, err = c.Stat(ctx)
	require.NoError(t, err)
	body, err := c.Top(ctx, 1, 0)
	require.Error(t, err) // deleted
	require.Nil(t, body)
	require.NoError(t, c.Reset(ctx))
	require.NoError(t, c.Delete(ctx, 1, 2))
	require.NoError(t, c.Quit(ctx))
	require.Equal(t, []string{"STAT\r\n", "TOP 1 0\r\n", "RSET\r\n", "DELE 1\r\n", "DELE 2\r\n", "QUIT\r\n"}, d.taken())

	// An exchange that the client gives up.
	addr := scripted(t, "+OK\r\n", map[string]string{"CAPA": "-ERR\r\n", "*": "-ERR\r\n", "": "+ ????\r\n"})
	c, err = Dial(ctx, addr, &Options{Dialer: d})
	require.NoError(t, err)
	require.Error(t, c.Auth(ctx, sasl.SCRAM(sasl.SHA256, "a", "b", nil)))
	writes := d.taken()
	require.Len(t, writes, 3)
	require.Equal(t, "*\r\n", writes[2])
	require.NoError(t, c.Close())
}
