package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/pop3/pop3client"
	"github.com/posthorn-mail/posthorn/sasl"
)

// A cannedPOP3 serves the maildrop from prepared replies at almost no cost, so
// that the client is measured.
type cannedPOP3 struct {
	listing, uids []byte // the replies to LIST and UIDL
	whole         []byte // the replies to RETR, one after the other
	ends          []int  // of each
}

func newCannedPOP3() *cannedPOP3 {
	s := &cannedPOP3{listing: []byte("+OK\r\n"), uids: []byte("+OK\r\n")}
	for i := range maildropMessages {
		m := maildropMessage(i)
		s.listing = fmt.Appendf(s.listing, "%d %d\r\n", i+1, len(m))
		s.uids = fmt.Appendf(s.uids, "%d uid-%d\r\n", i+1, i+1)
		s.whole = fmt.Appendf(s.whole, "+OK %d octets\r\n", len(m))
		s.whole = append(append(s.whole, bytes.ReplaceAll(m, []byte("\n."), []byte("\n.."))...), ".\r\n"...)
		s.ends = append(s.ends, len(s.whole))
	}
	s.listing, s.uids = append(s.listing, ".\r\n"...), append(s.uids, ".\r\n"...)
	return s
}

// serve answers until the client quits. Messages in a row are written at once.
func (s *cannedPOP3) serve(nc net.Conn) {
	defer nc.Close()
	r := bufio.NewReaderSize(nc, 1<<16)
	reply := []byte("+OK ready\r\n")
	first, last := 0, 0 // the messages that are to be written
	for {
		if r.Buffered() == 0 || reply != nil || last-first == 64 {
			if last > first {
				from := 0
				if first > 0 {
					from = s.ends[first-1]
				}
				nc.Write(s.whole[from:s.ends[last-1]])
				first = last
			}
			nc.Write(reply)
			reply = nil
		}
		line, err := r.ReadSlice('\n')
		if err != nil {
			return
		}
		verb, argument, _ := bytes.Cut(bytes.TrimRight(line, "\r\n"), []byte(" "))
		switch string(verb) {
		case "CAPA":
			reply = []byte("+OK\r\nUSER\r\nUIDL\r\nPIPELINING\r\n.\r\n")
		case "LIST":
			reply = s.listing
		case "UIDL":
			reply = s.uids
		case "RETR":
			n, _ := strconv.Atoi(string(argument))
			if n-1 != last {
				first = n - 1
			}
			last = n
		default:
			reply = []byte("+OK\r\n")
		}
	}
}

// clientRead reads the whole maildrop with pop3client, and returns the octets of
// the messages.
func clientRead(tb testing.TB, c *pop3client.Client, read func(*pop3client.Body) (int64, error)) (octets int64) {
	messages := 0
	for m, err := range c.Messages(context.Background(), nil) {
		if err != nil {
			tb.Fatal(err)
		}
		n, err := read(m.Body)
		if err != nil {
			tb.Fatal(err)
		}
		octets += n
		messages++
	}
	require.Equal(tb, maildropMessages, messages)
	return octets
}

// BenchmarkPOP3Client reads a maildrop with pop3client's Messages: from
// prepared replies, with WriteTo and with Read, and from pop3server. "loopback"
// is io.Copy of the same replies: the most that the connection can carry.
func BenchmarkPOP3Client(b *testing.B) {
	canned := newCannedPOP3()
	b.Run("loopback", func(b *testing.B) {
		w, r := pipe(b)
		b.SetBytes(int64(len(canned.whole)))
		b.ResetTimer()
		go func() {
			for range b.N {
				for rest := canned.whole; len(rest) > 0; {
					n := min(len(rest), 1<<18)
					if _, err := w.Write(rest[:n]); err != nil {
						return
					}
					rest = rest[n:]
				}
			}
		}()
		buf := make([]byte, 1<<16)
		for range b.N {
			_, err := io.CopyBuffer(struct{ io.Writer }{io.Discard}, io.LimitReader(plainConn{r}, int64(len(canned.whole))), buf)
			require.NoError(b, err)
		}
	})
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer l.Close()
	go func() {
		for {
			nc, err := l.Accept()
			if err != nil {
				return
			}
			go canned.serve(nc)
		}
	}()
	writeTo := func(body *pop3client.Body) (int64, error) { return body.WriteTo(io.Discard) }
	buf := make([]byte, 1<<16)
	for _, v := range []struct {
		name string
		addr func() string
		read func(*pop3client.Body) (int64, error)
	}{
		{"WriteTo", l.Addr().String, writeTo},
		{"Read", l.Addr().String, func(body *pop3client.Body) (int64, error) {
			return io.CopyBuffer(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{body}, buf)
		}},
		{"posthorn-sqlite", func() string { return posthornPOP3(b) }, writeTo},
	} {
		b.Run(v.name, func(b *testing.B) {
			ctx := context.Background()
			c, err := pop3client.Dial(ctx, v.addr(), &pop3client.Options{
				Credentials:       &sasl.Credentials{Username: maildropUser, Password: maildropPassword},
				AllowInsecureAuth: true,
			})
			require.NoError(b, err)
			defer c.Close()
			octets := clientRead(b, c, v.read) // warms caches
			b.SetBytes(octets)
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			b.ResetTimer()
			for range b.N {
				require.Equal(b, octets, clientRead(b, c, v.read))
			}
			b.StopTimer()
			runtime.ReadMemStats(&after)
			messages := float64(b.N) * maildropMessages
			b.ReportMetric(messages/b.Elapsed().Seconds(), "messages/s")
			if !strings.HasPrefix(v.name, "posthorn") { // where the server allocates too
				b.ReportMetric(float64(after.Mallocs-before.Mallocs)/messages, "allocs/message")
				b.ReportMetric(float64(after.TotalAlloc-before.TotalAlloc)/messages, "B/message")
			}
		})
	}
}
