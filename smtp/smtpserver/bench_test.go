package smtpserver_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/smtp"
	"github.com/posthorn-mail/posthorn/smtp/smtpserver"
)

// discard is a Backend that throws messages away.
type discard struct{}

func (discard) NewSession(context.Context, *smtpserver.Conn) (smtpserver.Session, error) {
	return discard{}, nil
}
func (discard) Mail(context.Context, smtp.Address, *smtp.MailOptions) error { return nil }
func (discard) Rcpt(context.Context, smtp.Address, *smtp.RcptOptions) error { return nil }
func (discard) Data(_ context.Context, r io.Reader) error {
	_, err := io.Copy(io.Discard, r)
	return err
}
func (discard) Reset(context.Context) {}
func (discard) Close() error          { return nil }

func benchBody(size int) []byte {
	line := strings.Repeat("x", 76) + "\r\n"
	return []byte(strings.Repeat(line, size/len(line)+1))
}

// BenchmarkLoopback is what the connection itself carries.
func BenchmarkLoopback(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	go func() {
		c, err := l.Accept()
		if err == nil {
			io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{c})
			c.Close()
		}
	}()
	c, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	body := benchBody(1 << 20)
	b.SetBytes(int64(len(body)))
	for b.Loop() {
		c.Write(body)
	}
	c.Close()
}

// BenchmarkLarge is a message of 64 MiB into a server that throws it away.
func BenchmarkLarge(b *testing.B) {
	for _, cmd := range []string{"DATA", "BDAT"} {
		b.Run(cmd, func(b *testing.B) {
			k := talk(b, start(b, &smtpserver.Server{Backend: discard{}}))
			k.do("EHLO x", "250")
			body := benchBody(64 << 20)
			b.SetBytes(int64(len(body)))
			b.ReportAllocs()
			for b.Loop() {
				k.do("MAIL FROM:<a@b.example>", "250")
				k.do("RCPT TO:<a@b.example>", "250")
				if cmd == "DATA" {
					k.do("DATA", "354")
					k.c.Write(body)
					k.do(".", "250")
				} else {
					k.c.Write(smtp.AppendBdat(nil, int64(len(body)), true))
					k.c.Write(body)
					k.expect("250")
				}
			}
		})
	}
}

// BenchmarkSmall is messages of 4 KB, in one flight each with all replies read
// at its end, over 1 and 8 connections.
func BenchmarkSmall(b *testing.B) {
	for _, conns := range []int{1, 8} {
		b.Run(map[int]string{1: "1conn", 8: "8conns"}[conns], func(b *testing.B) {
			addr := start(b, &smtpserver.Server{Backend: discard{}})
			flight := append([]byte("MAIL FROM:<someone@example.org> SIZE=4000\r\nRCPT TO:<somebody@example.net>\r\nDATA\r\n"), benchBody(4000)...)
			flight = append(flight, ".\r\n"...)
			var left atomic.Int64
			left.Store(int64(b.N))
			var clients []*talker
			for range conns {
				k := talk(b, addr)
				k.do("EHLO x", "250")
				clients = append(clients, k)
			}
			b.ReportAllocs()
			b.ResetTimer()
			var wg sync.WaitGroup
			for _, k := range clients {
				wg.Go(func() {
					for left.Add(-1) >= 0 {
						k.c.Write(flight)
						k.c.Flush()
						for range 4 {
							if _, err := k.c.ReadLine(); err != nil {
								b.Error(err)
								return
							}
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "msg/s")
		})
	}
}

// nullStore is a store that reads what is appended and keeps nothing.
type nullStore struct{}

func (nullStore) Account(context.Context, string) (mailbox.Account, error) { return nullAccount{}, nil }

type nullAccount struct{ mailbox.Account }

func (nullAccount) Limits() mailbox.Limits { return mailbox.Limits{} }
func (nullAccount) Close() error           { return nil }
func (nullAccount) Mailbox(context.Context, string) (mailbox.Mailbox, error) {
	return nullMailbox{}, nil
}

type nullMailbox struct{ mailbox.Mailbox }

func (nullMailbox) Info() mailbox.Info { return mailbox.Info{Access: mailbox.FullAccess()} }

func (nullMailbox) Append(_ context.Context, msgs ...mailbox.Incoming) (mailbox.Result, error) {
	for _, m := range msgs {
		n, err := io.Copy(io.Discard, m.Body)
		if err != nil || n != m.Size {
			return mailbox.Result{}, mailbox.ErrSize
		}
	}
	return mailbox.Result{}, nil
}

// A message of 100 MB passes through a Delivery in little memory.
func TestMemory(t *testing.T) {
	d := &smtpserver.Delivery{Store: nullStore{}, TempDir: t.TempDir(), Resolve: func(_ context.Context, to smtp.Address) (string, string, error) {
		return to.Local, "", nil
	}}
	addr := start(t, &smtpserver.Server{Backend: d})
	k := talk(t, addr)
	k.do("EHLO x", "250")
	chunk := benchBody(1 << 20)
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	k.do("MAIL FROM:<a@b.example> SIZE=100000000", "250")
	for _, to := range []string{"a", "b", "c"} {
		k.do("RCPT TO:<"+to+"@b.example>", "250")
	}
	k.do("DATA", "354")
	k.c.WriteString("Subject: big\r\n\r\n")
	for range 96 {
		_, err := k.c.Write(chunk)
		require.NoError(t, err)
	}
	k.do(".", "250")
	runtime.ReadMemStats(&after)
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(2<<20), "memory taken for a message of 100 MB")
}

func BenchmarkDelivery(b *testing.B) {
	d := &smtpserver.Delivery{Store: nullStore{}, TempDir: b.TempDir(), Resolve: func(_ context.Context, to smtp.Address) (string, string, error) {
		return to.Local, "", nil
	}}
	for _, tt := range []struct {
		name string
		size int
		lmtp bool
	}{{"4KB", 4000, false}, {"4KB-LMTP", 4000, true}, {"8MB", 8 << 20, false}} {
		b.Run(tt.name, func(b *testing.B) {
			k := talk(b, start(b, &smtpserver.Server{Backend: d, LMTP: tt.lmtp}))
			k.do(map[bool]string{false: "EHLO x", true: "LHLO x"}[tt.lmtp], "250")
			flight := append([]byte("MAIL FROM:<someone@example.org>\r\nRCPT TO:<somebody@example.net>\r\nDATA\r\n"), bytes.Join([][]byte{[]byte("Subject: x\r\n\r\n"), benchBody(tt.size)}, nil)...)
			flight = append(flight, ".\r\n"...)
			b.SetBytes(int64(tt.size))
			b.ReportAllocs()
			for b.Loop() {
				k.c.Write(flight)
				k.c.Flush()
				for range 4 {
					if _, err := k.c.ReadLine(); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkIdle is what a connection that waits for a command costs beside the
// kernel, the client's end of it (300 octets) included.
func BenchmarkIdle(b *testing.B) {
	addr := start(b, &smtpserver.Server{Backend: discard{}})
	const n = 1000
	measure := func() uint64 {
		runtime.GC()
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc + m.StackInuse
	}
	buf := make([]byte, 4096)
	var conns []net.Conn
	before := measure()
	for range n {
		nc, err := net.Dial("tcp", addr)
		require.NoError(b, err)
		conns = append(conns, nc)
		nc.Read(buf)
		io.WriteString(nc, "EHLO client.example\r\n")
		nc.Read(buf)
	}
	b.ReportMetric(float64(measure()-before)/n, "B/conn")
	b.ReportMetric(0, "ns/op")
	for _, c := range conns {
		c.Close()
	}
}
