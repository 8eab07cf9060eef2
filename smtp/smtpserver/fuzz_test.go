package smtpserver_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// FuzzSession feeds a server with anything. Each line it answers must be a line
// of a reply.
func FuzzSession(f *testing.F) {
	files, _ := filepath.Glob("testdata/*.txt")
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		var in strings.Builder
		for line := range strings.Lines(string(text)) {
			if c, ok := strings.CutPrefix(line, "C: "); ok {
				in.WriteString(strings.TrimSuffix(c, "\n") + "\r\n")
			}
		}
		f.Add([]byte(in.String()), uint8(0))
		f.Add([]byte(in.String()), uint8(1))
	}
	f.Add([]byte("EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nBDAT 3\r\nabcBDAT 2 LAST\r\nab"), uint8(2))
	users := &sasl.Users{Iterations: sasl.MinIterations, KeepSecrets: true}
	if err := users.Set("tim", "tanstaaftanstaaf"); err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte, mode uint8) {
		srv := &smtpserver.Server{
			Backend: &scriptBackend{full: mode&4 != 0, exts: smtp.ExtensionSet(1<<62 - 1)}, Hostname: "foo.com",
			Authenticator: users, AllowInsecureAuth: true, LMTP: mode&1 != 0, NormaliseLineEnds: mode&2 != 0,
		}
		srv.OnAuth = func(context.Context, sasl.Attempt) {}
		srv.Logger = slog.New(slog.DiscardHandler)
		if mode&8 != 0 {
			srv.Allow = smtp.AllowAll
		}
		srv.Limits = smtpserver.Limits{Message: 1000, Discard: 2000}
		l := testutil.NewPipeListener()
		done := make(chan struct{})
		go func() { defer close(done); srv.Serve(l) }()
		nc := l.Dial()
		go func() {
			nc.Write(in)
			nc.Write([]byte("\r\n.\r\nQUIT\r\n"))
			// The server may be reading a chunk that will never be complete.
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
			defer cancel()
			srv.Shutdown(ctx)
		}()
		out, _ := io.ReadAll(nc)
		nc.Close()
		srv.Close()
		<-done
		for line := range bytes.Lines(out) {
			line = bytes.TrimSuffix(line, []byte("\r\n"))
			if _, _, _, err := smtp.CutReplyLine(line); err != nil || bytes.ContainsAny(line, "\r\n\x00") {
				t.Fatalf("bad line %q", line)
			}
		}
	})
}
