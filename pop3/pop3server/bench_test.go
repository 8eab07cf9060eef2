package pop3server

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// BenchmarkRetr fetches messages of 4 KB, all commands pipelined, from the
// memory store over loopback.
func BenchmarkRetr(b *testing.B) {
	const count = 10_000
	msg := "Subject: x\r\n\r\n" + strings.Repeat(strings.Repeat("x", 70)+"\r\n", 57)
	msgs := make([]string, count)
	for i := range msgs {
		msgs[i] = msg
	}
	store, _ := openStore(b, msgs...)
	srv := newServer(b, store)
	srv.Authenticator = anybody
	addr := testutil.Serve(b, srv)
	var cmds bytes.Buffer
	for i := range count {
		fmt.Fprintf(&cmds, "RETR %d\r\n", i+1)
	}
	b.SetBytes(int64(len(msg)) * count)
	b.ReportAllocs()
	for b.Loop() {
		nc, err := net.Dial("tcp", addr)
		if err != nil {
			b.Fatal(err)
		}
		go io.WriteString(nc, "USER mrose\r\nPASS x\r\n"+cmds.String()+"QUIT\r\n")
		n, _ := io.Copy(io.Discard, bufio.NewReaderSize(nc, 1<<16))
		if n < int64(len(msg))*count {
			b.Fatal(n)
		}
		nc.Close()
	}
	b.ReportMetric(float64(count)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkUIDL(b *testing.B) {
	const count = 10_000
	msgs := make([]string, count)
	for i := range msgs {
		msgs[i] = "Subject: x\r\n\r\n"
	}
	store, _ := openStore(b, msgs...)
	srv := newServer(b, store)
	srv.Authenticator = anybody
	b.ReportAllocs()
	for b.Loop() {
		converse(srv, strings.NewReader("USER mrose\r\nPASS x\r\nUIDL\r\nQUIT\r\n"))
	}
}
