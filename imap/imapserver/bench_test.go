package imapserver_test

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/imap/imapserver"
	"github.com/posthorn-mail/posthorn/mailbox"
	"github.com/posthorn-mail/posthorn/mailbox/memory"
)

func benchServer(b *testing.B, messages int) *client {
	store := memory.New(nil)
	b.Cleanup(func() { store.Close() })
	require.NoError(b, store.CreateAccount(b.Context(), "fred"))
	acct, err := store.Account(b.Context(), "fred")
	require.NoError(b, err)
	inbox, err := acct.Mailbox(b.Context(), "INBOX")
	require.NoError(b, err)
	for n := 0; n < messages; {
		var msgs []mailbox.Incoming
		for ; n < messages && len(msgs) < 1000; n++ {
			msg := testMessage(n + 1)
			msgs = append(msgs, mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
		}
		_, err := inbox.Append(b.Context(), msgs...)
		require.NoError(b, err)
	}
	return login(b, start(b, unhurried(store)))
}

// skip reads to the tagged response and counts octets.
func (c *client) skip(cmd string) (n int64) {
	c.conn.SetReadDeadline(time.Now().Add(time.Minute))
	c.send("z " + cmd + "\r\n")
	buf := make([]byte, 64<<10)
	end := []byte("\r\nz OK ")
	tail := []byte("\r\n")
	for {
		k, err := c.r.Read(buf)
		require.NoError(c.t, err)
		n += int64(k)
		tail = append(tail, buf[:k]...)
		if bytes.Contains(tail, end) && bytes.HasSuffix(tail, []byte("\r\n")) {
			return n
		}
		if len(tail) > 256 {
			tail = append(tail[:0], tail[len(tail)-256:]...)
		}
	}
}

func benchCommand(b *testing.B, messages int, cmd string) {
	c := benchServer(b, messages)
	c.ok("SELECT INBOX")
	b.ReportAllocs()
	b.ResetTimer()
	for b.Loop() {
		b.SetBytes(c.skip(cmd))
	}
	b.ReportMetric(float64(messages)*float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

func BenchmarkFetchFlags100k(b *testing.B) { benchCommand(b, 100_000, "UID FETCH 1:* (FLAGS)") }

func BenchmarkFetchOverview20k(b *testing.B) {
	benchCommand(b, 20_000, "FETCH 1:* (UID FLAGS INTERNALDATE RFC822.SIZE ENVELOPE)")
}

func BenchmarkFetchHeaderFields20k(b *testing.B) {
	benchCommand(b, 20_000, "FETCH 1:* (UID BODY.PEEK[HEADER.FIELDS (From To Subject Date)])")
}

func BenchmarkSearchFlags100k(b *testing.B)  { benchCommand(b, 100_000, "SEARCH UNFLAGGED SEEN") }
func BenchmarkSearchSubject20k(b *testing.B) { benchCommand(b, 20_000, "SEARCH SUBJECT nowhere") }
func BenchmarkSearchBody20k(b *testing.B)    { benchCommand(b, 20_000, "SEARCH BODY nowhere") }
func BenchmarkNoop(b *testing.B)             { benchCommand(b, 1, "NOOP") }
func BenchmarkStoreSilent10k(b *testing.B) {
	benchCommand(b, 10_000, "STORE 1:* FLAGS.SILENT (\\Seen)")
}
func BenchmarkSelect100k(b *testing.B) { benchCommand(b, 100_000, "SELECT INBOX") }

// BenchmarkFetchBody streams a message of 100 MB.
func BenchmarkFetchBody(b *testing.B) {
	store := memory.New(nil)
	b.Cleanup(func() { store.Close() })
	require.NoError(b, store.CreateAccount(b.Context(), "fred"))
	acct, err := store.Account(b.Context(), "fred")
	require.NoError(b, err)
	inbox, err := acct.Mailbox(b.Context(), "INBOX")
	require.NoError(b, err)
	line := strings.Repeat("x", 70) + "\r\n"
	msg := "Subject: large\r\n\r\n" + strings.Repeat(line, vastSize/len(line))
	_, err = inbox.Append(b.Context(), mailbox.Incoming{Body: strings.NewReader(msg), Size: int64(len(msg))})
	require.NoError(b, err)
	c := login(b, start(b, unhurried(store)))
	c.ok("SELECT INBOX")
	b.ReportAllocs()
	b.SetBytes(int64(len(msg)))
	for b.Loop() {
		c.send("z FETCH 1 BODY.PEEK[]\r\n")
		c.line()
		_, err := io.CopyN(io.Discard, c.r, int64(len(msg)))
		require.NoError(b, err)
		c.line()
		c.line()
	}
}

func BenchmarkAppend(b *testing.B) {
	c := benchServer(b, 1)
	msg := testMessage(1)
	cmd := fmt.Sprintf("APPEND INBOX {%d+}\r\n%s", len(msg), msg)
	b.ReportAllocs()
	for b.Loop() {
		c.ok(cmd)
	}
}

// BenchmarkIdleConn measures the memory of a connection in IDLE. The client ends
// are not included: they are bare file descriptors.
func BenchmarkIdleConn(b *testing.B) {
	store := memory.New(nil)
	b.Cleanup(func() { store.Close() })
	require.NoError(b, store.CreateAccount(b.Context(), "fred"))
	addr := start(b, unhurried(store))
	const n = 500
	for b.Loop() {
		before := memoryInUse()
		conns := make([]net.Conn, n)
		buf := make([]byte, 4096)
		for i := range conns {
			conn, err := net.Dial("tcp", addr)
			require.NoError(b, err)
			conns[i] = conn
			_, err = conn.Write([]byte("a LOGIN fred x\r\nb SELECT INBOX\r\nc IDLE\r\n"))
			require.NoError(b, err)
			var got []byte
			for !bytes.HasSuffix(got, []byte("+ idling\r\n")) {
				k, err := conn.Read(buf)
				require.NoError(b, err)
				got = append(got, buf[:k]...)
			}
		}
		time.Sleep(50 * time.Millisecond)
		b.ReportMetric(float64(memoryInUse()-before)/n, "B/conn")
		for _, c := range conns {
			c.Close()
		}
	}
}

func memoryInUse() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// unhurried is a server that lets clients go as fast as they can.
func unhurried(store mailbox.Store) *imapserver.Server {
	srv := &imapserver.Server{Store: store, AllowInsecureAuth: true, Authenticator: plainUsers{}}
	srv.Rates.Commands.N = -1
	return srv
}
