package smtpclient_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/smtp/smtpclient"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// BenchmarkSend sends to our own server, which throws messages away.
func BenchmarkSend(b *testing.B) {
	for _, size := range []int{4000, 64 << 20} {
		b.Run(map[int]string{4000: "4KB", 64 << 20: "64MB"}[size], func(b *testing.B) {
			a := serve(b, &smtpserver.Server{Backend: &sink{}}, false)
			ctx := context.Background()
			c, err := smtpclient.Dial(ctx, a, nil)
			require.NoError(b, err)
			defer c.Close()
			body := []byte("Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", size/78))
			env := &smtpclient.Envelope{From: addr(b, "someone@example.org"), To: addrs(b, "somebody@example.net")}
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := c.Send(ctx, env, bytes.NewReader(body)); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
