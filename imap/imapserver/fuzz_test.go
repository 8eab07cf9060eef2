package imapserver

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/textproto"
)

// A scriptedConn is a client that has sent all its input already.
type scriptedConn struct {
	in  *bytes.Reader
	out bytes.Buffer
}

func (c *scriptedConn) Read(p []byte) (int, error)       { return c.in.Read(p) }
func (c *scriptedConn) Write(p []byte) (int, error)      { return c.out.Write(p) }
func (c *scriptedConn) Close() error                     { return nil }
func (c *scriptedConn) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (c *scriptedConn) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (c *scriptedConn) SetDeadline(time.Time) error      { return nil }
func (c *scriptedConn) SetReadDeadline(time.Time) error  { return nil }
func (c *scriptedConn) SetWriteDeadline(time.Time) error { return nil }

type anybody struct{}

func (anybody) Authenticate(context.Context, string, string) (string, error) { return "fred", nil }

// FuzzSession plays arbitrary input. Nothing may panic, and a client must be able
// to parse every line that is sent.
func FuzzSession(f *testing.F) {
	// The transcripts are the seeds: what the client says in them.
	paths, err := filepath.Glob("testdata/*.txt")
	require.NoError(f, err)
	for _, p := range paths {
		b, err := os.ReadFile(p)
		require.NoError(f, err)
		var script strings.Builder
		for line := range strings.Lines(string(b)) {
			line = strings.TrimSuffix(line, "\n")
			if text, ok := strings.CutPrefix(line, "C: "); ok {
				script.WriteString(text + "\r\n")
			} else if text, ok := strings.CutPrefix(line, "C- "); ok {
				if raw, err := strconv.Unquote(text); err == nil {
					script.WriteString(raw)
				}
			}
		}
		f.Add([]byte(script.String()))
	}
	mime, err := os.ReadFile("testdata/parts.eml")
	require.NoError(f, err)
	f.Fuzz(func(t *testing.T, input []byte) {
		store := memory.New(nil)
		defer store.Close()
		require.NoError(t, store.CreateAccount(t.Context(), "fred"))
		acct, err := store.Account(t.Context(), "fred")
		require.NoError(t, err)
		inbox, err := acct.Mailbox(t.Context(), "INBOX")
		require.NoError(t, err)
		for range 3 {
			_, err := inbox.Append(t.Context(), mailbox.Incoming{Body: bytes.NewReader(mime), Size: int64(len(mime))})
			require.NoError(t, err)
		}
		srv := &Server{Store: store, Authenticator: anybody{}, AllowInsecureAuth: true}
		srv.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
		srv.OnAuth = func(context.Context, sasl.Attempt) {}
		conn := &scriptedConn{in: bytes.NewReader(append([]byte("a LOGIN fred x\r\nb SELECT INBOX\r\n"), input...))}
		c := textproto.NewConn(conn, nil)
		require.NoError(t, srv.setup())
		handler{srv}.ServeConn(t.Context(), c)
		checkResponses(t, conn.out.Bytes())
	})
}

var (
	responseLine = regexp.MustCompile(`^(\* |\+ |\+$|[^\x00-\x20"%()*+\\{\x7f]+ (OK|NO|BAD) )`)
	literalEnd   = regexp.MustCompile(`\{(\d+)\}$`)
)

// checkResponses reads what was sent as a client does: lines, with literals.
func checkResponses(t *testing.T, out []byte) {
	for len(out) > 0 {
		start := true
		for {
			line, rest, ok := bytes.Cut(out, []byte("\r\n"))
			if !ok {
				return // the connection may end anywhere
			}
			require.False(t, bytes.ContainsAny(line, "\r\n\x00"), "%q", line)
			if start {
				require.Regexp(t, responseLine, string(line))
			}
			out = rest
			m := literalEnd.FindSubmatch(line)
			if m == nil {
				break
			}
			n, err := strconv.Atoi(string(m[1]))
			require.NoError(t, err)
			if n > len(out) {
				return
			}
			out = out[n:]
			start = false
		}
	}
}
