package smtpclient_test

import (
	"context"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/sasl"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
)

// FuzzClient lets a server say anything. The client must come to an end, and
// call no recipient accepted that it had no reply for.
func FuzzClient(f *testing.F) {
	ok := "220 x\r\n250-x\r\n250-PIPELINING\r\n250-SIZE 1000\r\n250-CHUNKING\r\n250-AUTH CRAM-MD5 SCRAM-SHA-1\r\n250 DSN\r\n"
	f.Add([]byte(ok+"250 a\r\n250 b\r\n354 c\r\n250 d\r\n250 e\r\n250 f\r\n221 g\r\n"), uint8(0))
	f.Add([]byte(ok+"250 a\r\n550 b\r\n354 c\r\n554 d\r\n250 e\r\n"), uint8(1))
	f.Add([]byte(ok+"334 PDEyMzQ1QHg+\r\n235 ok\r\n250 a\r\n250 b\r\n250 c\r\n"), uint8(2))
	f.Add([]byte("220 x\r\n502 no\r\n250 x\r\n421 bye\r\n"), uint8(3))
	f.Add([]byte("220-a\r\n220-b\r\n\r\n"), uint8(0))
	f.Add([]byte("220 x\r\n250-x\r\n250 LIMITS RCPTMAX=0 MAILMAX=-1 RCPTMAX=99999999999999999999\r\n250\r\n"), uint8(4))
	f.Fuzz(func(t *testing.T, in []byte, mode uint8) {
		a, b := net.Pipe()
		done := make(chan struct{})
		go func() {
			defer close(done)
			go io.Copy(io.Discard, b)
			b.Write(in)
			b.Close()
		}()
		defer func() { a.Close(); <-done }()
		ctx := context.Background()
		o := &smtpclient.Options{LocalName: "c.example", LMTP: mode&1 != 0, Chunking: mode&2 != 0, AllowInsecureAuth: true}
		if mode&4 != 0 {
			o.Credentials = &sasl.Credentials{Username: "u", Password: "p"}
		}
		c, err := smtpclient.NewClient(ctx, a, o)
		if err != nil {
			return
		}
		env := &smtpclient.Envelope{To: []smtp.Address{{Local: "a", Domain: "b.example"}, {Local: "c", Domain: "d.example"}}, AllOrNothing: mode&8 != 0}
		for range 3 {
			res, err := c.Send(ctx, env, strings.NewReader(message))
			for _, r := range res.Recipients {
				if (r.Status == smtpclient.Accepted) != (r.Err == nil) {
					t.Fatalf("%v with error %v", r.Status, r.Err)
				}
				if err == nil && r.Status != smtpclient.Accepted {
					t.Fatalf("no error, but %v", r.Status)
				}
			}
		}
		c.Quit(ctx)
	})
}
