package main

import (
	"context"
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// The server starts, serves and ends when its context does. What it does in
// between is tested in internal/systemtest.
func TestRun(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := l.Addr().(*net.TCPAddr).Port
	l.Close()
	args := []string{"-data", filepath.Join(t.TempDir(), "data")}
	for _, s := range services {
		args = append(args, "-"+s.name, "0")
	}
	l, err = net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	metrics := l.Addr().String()
	l.Close()
	args = append(args, "-imap", strconv.Itoa(port), "-metrics", metrics, "-memory", "100M")

	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	out := make(lines, 100)
	ended := make(chan error, 1)
	go func() { ended <- run(ctx, args, out, out) }()
	for ready := false; !ready; {
		select {
		case line := <-out:
			ready = strings.Contains(line, "Press Ctrl-C")
		case err := <-ended:
			t.Fatal("the server has ended: ", err)
		case <-time.After(time.Minute):
			t.Fatal("the server is not ready")
		}
	}
	c, err := net.Dial("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	require.NoError(t, err)
	_, err = c.Read(make([]byte, 1)) // of the greeting
	require.NoError(t, err)
	resp, err := http.Get("http://" + metrics)
	require.NoError(t, err)
	var page struct {
		Servers map[string]struct{ Accepted, Active int }
		Bounds  map[string]int
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&page))
	require.NoError(t, resp.Body.Close())
	require.Len(t, page.Servers, 4)
	require.Equal(t, 1, page.Servers["imap"].Active)
	require.Contains(t, page.Bounds, "MemoryRefused")
	http.DefaultClient.CloseIdleConnections()
	require.NoError(t, c.Close())
	stop()
	require.NoError(t, <-ended)
}

// lines passes on what is written, a line with each Write.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}
