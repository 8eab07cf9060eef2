package pop3server

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/transcript"
	"github.com/posthorn-mail/posthorn/pop3"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// memConn is a peer that has sent all it has to say.
type memConn struct {
	in  io.Reader
	out bytes.Buffer
}

func (c *memConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *memConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *memConn) Close() error                     { return nil }
func (c *memConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *memConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *memConn) SetDeadline(time.Time) error      { return nil }
func (c *memConn) SetReadDeadline(time.Time) error  { return nil }
func (c *memConn) SetWriteDeadline(time.Time) error { return nil }

// converse serves one session whose input is all there.
func converse(srv *Server, input io.Reader) *memConn {
	mc := &memConn{in: input}
	if err := srv.setup(); err != nil {
		panic(err)
	}
	c := textproto.NewConn(mc, &textproto.Options{MaxLine: pop3.MaxCommand})
	handler{srv}.ServeConn(context.Background(), c)
	return mc
}

// anybody lets mrose in with any password, at no cost.
var anybody = sasl.AuthFunc(func(_ context.Context, user, _ string) (string, error) {
	if user != "mrose" {
		return "", sasl.ErrAuthFailed
	}
	return user, nil
})

// Whatever a client sends, the server answers in whole lines, keeps its state
// and does not panic.
func FuzzSession(f *testing.F) {
	paths, _ := filepath.Glob("testdata/*.txt")
	for _, path := range paths {
		s, err := transcript.Load(path)
		if err != nil {
			f.Fatal(err)
		}
		text, _ := os.ReadFile(s.Path)
		var input strings.Builder
		for line := range strings.Lines(string(text)) {
			if c, ok := strings.CutPrefix(line, "C: "); ok {
				input.WriteString(strings.TrimSuffix(c, "\n") + "\r\n")
			}
		}
		f.Add([]byte(input.String()), false)
	}
	f.Add([]byte("RETR 1\r\nTOP 2 1\r\nDELE 1\r\nRETR 2\r\nRETR 1\r\nUIDL\r\nQUIT\r\n"), true)
	f.Add([]byte("AUTH PLAIN =\r\nAUTH PLAIN\r\nAGE=\r\nAUTH LOGIN\r\n*\r\nUSER mrose\n PASS x\r\n\r\n\x00\xff\r"), false)
	f.Fuzz(func(t *testing.T, input []byte, login bool) {
		store, _ := openStore(t, messages...)
		srv := &Server{Store: store, Authenticator: anybody, AllowInsecureAuth: true, MaxBadCommands: -1, MaxAuthFailures: -1, Hostname: "localhost"}
		srv.OnAuth = func(context.Context, sasl.Attempt) {}
		srv.Logger = slog.New(slog.DiscardHandler)
		var in io.Reader = bytes.NewReader(input)
		if login {
			in = io.MultiReader(strings.NewReader("USER mrose\r\nPASS x\r\n"), in)
		}
		out := converse(srv, in).out.String()
		if !strings.HasPrefix(out, "+OK localhost POP3 ready") || !strings.HasSuffix(out, "\r\n") {
			t.Fatalf("%q", out)
		}
		for line := range strings.SplitSeq(out, "\r\n") {
			if strings.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("%q in %q", line, out)
			}
		}
		if store := srv.locks.held; len(store) > 0 {
			t.Fatal("maildrop is still locked")
		}
	})
}
