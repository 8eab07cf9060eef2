package textproto

import (
	"context"
	"net"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// memory returns the bytes that live objects and goroutine stacks take.
func memory() int64 {
	var m runtime.MemStats
	for range 6 { // stacks shrink by half at a time
		runtime.GC()
	}
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc + m.StackInuse)
}

// idleConns measures what one of n connections of a Server costs while it waits
// after a command: goroutine, Conn, context and net.Conn, but not the client's end.
func idleConns(tb testing.TB, n int, layer string) int64 {
	serverTLS, clientTLS := testutil.TLS(tb, "mail.example.org")
	s := &Server{TLSConfig: serverTLS, ReadTimeout: time.Hour}
	h := testHandler{idle: make(chan struct{})}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	done := make(chan error, 1)
	go func() { done <- s.Serve(l, upgradeHandler{h, layer, s}) }()
	clients := make([]net.Conn, n)
	defer func() {
		s.Close()
		<-done
		for _, c := range clients {
			c.Close()
		}
	}()
	dial := func(i int) {
		nc, err := net.Dial("tcp", l.Addr().String())
		require.NoError(tb, err)
		clients[i] = nc
		c := NewConn(nc, nil)
		if strings.Contains(layer, "tls") {
			require.NoError(tb, c.StartTLSClient(tb.Context(), clientTLS))
		}
		if strings.Contains(layer, "deflate") {
			require.NoError(tb, c.Compress(-1))
		}
		_, err = c.ReadLine()
		require.NoError(tb, err)
		<-h.idle
		c.WriteLine("a1 SELECT INBOX")
		require.NoError(tb, c.Flush())
		_, err = c.ReadLine()
		require.NoError(tb, err)
		<-h.idle
	}
	dial(0) // what is made once is made
	time.Sleep(10 * time.Millisecond)
	before := memory()
	var wg sync.WaitGroup
	wg.Go(func() {
		for i := 1; i < n; i++ {
			dial(i)
		}
	})
	wg.Wait()
	time.Sleep(50 * time.Millisecond)
	if strings.Contains(layer, "deflate") {
		time.Sleep(restDelay)
	}
	return (memory()-before)/int64(n-1) - socketCost(tb)
}

// socketCost is what a net.Conn of the client's end costs.
func socketCost(tb testing.TB) int64 {
	const n = 200
	keep := make([]net.Conn, 0, 2*n)
	before := memory()
	for range n {
		x, y := tcpPair(tb)
		keep = append(keep, x, y)
	}
	cost := (memory() - before) / (2 * n)
	for _, c := range keep {
		c.Close()
	}
	return cost
}

type upgradeHandler struct {
	testHandler
	layer string
	s     *Server
}

func (h upgradeHandler) ServeConn(ctx context.Context, c *Conn) {
	if strings.Contains(h.layer, "tls") && c.StartTLSServer(ctx, h.s.TLSConfig) != nil {
		return
	}
	if strings.Contains(h.layer, "deflate") && c.Compress(-1) != nil {
		return
	}
	h.testHandler.ServeConn(ctx, c)
}

// An idle connection costs little beside the kernel's share.
func TestIdleMemory(t *testing.T) {
	if raceEnabled {
		t.Skip("the race detector takes memory of its own")
	}
	n := idleConns(t, 500, "plain")
	t.Logf("%d bytes an idle connection", n)
	require.Less(t, n, int64(6<<10))
}

func BenchmarkIdleConn(b *testing.B) {
	for _, layer := range []string{"plain", "tls", "deflate", "tls+deflate"} {
		b.Run(layer, func(b *testing.B) {
			var n int64
			for b.Loop() {
				n = idleConns(b, 1000, layer)
			}
			b.ReportMetric(float64(n), "bytes/conn")
			b.ReportMetric(0, "ns/op")
		})
	}
}
