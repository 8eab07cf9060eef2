package pop3client

import (
	"bytes"
	"context"
	"io"
	"net"
	"testing"
	"time"
)

// talker is a server that has said all it has to say.
type talker struct{ in io.Reader }

func (c *talker) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *talker) Write(p []byte) (int, error)      { return len(p), nil }
func (c *talker) Close() error                     { return nil }
func (c *talker) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *talker) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *talker) SetDeadline(time.Time) error      { return nil }
func (c *talker) SetReadDeadline(time.Time) error  { return nil }
func (c *talker) SetWriteDeadline(time.Time) error { return nil }

// Whatever a server says, the client does not panic, hang or grow.
func FuzzServerReplies(f *testing.F) {
	for _, s := range []string{
		"+OK <a@b>\r\n+OK\r\nSASL PLAIN SCRAM-SHA-1\r\nPIPELINING\r\n.\r\n+OK\r\n-ERR\r\n+OK\r\n1 5\r\n2 6\r\n.\r\n+OK\r\n1 a\r\n2   b\r\n.\r\n+OK\r\nx\r\n..\r\n.\r\n-ERR [SYS/TEMP] x\r\n+OK\r\n+OK\r\n",
		"+OK\n-ERR\n+OK\n\n+OK\n+OK\n.\n",
		"+OK\r\n+OK\r\nSASL CRAM-MD5\r\n.\r\n+ PGFAYj4=\r\n+OK\r\n-ERR\r\n+OK 1 2\r\n",
		"-ERR [IN-USE] x\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, said []byte) {
		ctx := context.Background()
		c, err := NewClient(ctx, &talker{bytes.NewReader(said)}, insecure())
		if err != nil {
			return
		}
		defer c.Close()
		c.Stat(ctx)
		for m, err := range c.Messages(ctx, &MessagesOptions{Select: func(e Entry) bool { return e.Num < 1000 }}) {
			if err == nil {
				io.CopyN(io.Discard, m.Body, 3)
				m.Delete()
			}
		}
		c.Quit(ctx)
	})
}
