package pop3client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
	"github.com/posthorn-mail/posthorn/pop3/pop3server"
)

// inboxOf collects what is delivered, by text.
type inboxOf map[string]int

func (in inboxOf) deliver(m *Message) error {
	text, err := io.ReadAll(m.Body)
	if err != nil {
		return err
	}
	in[string(text)]++
	return nil
}

func download(t *testing.T, ts *testServer, path string, o *DownloadOptions, deliver func(*Message) error) (Downloaded, error) {
	ctx := context.Background()
	c, err := Dial(ctx, ts.addr, insecure())
	require.NoError(t, err)
	defer c.Close()
	seen, err := OpenSeen(path)
	require.NoError(t, err)
	defer seen.Close()
	return c.Download(ctx, seen, o, deliver)
}

func TestDownload(t *testing.T) {
	testutil.NoLeaks(t)
	path := filepath.Join(t.TempDir(), "seen")
	ts := serve(t, nil, numbered(50)...)
	got := inboxOf{}

	// Leave them.
	leave := &DownloadOptions{Leave: -1}
	d, err := download(t, ts, path, leave, got.deliver)
	require.NoError(t, err)
	require.Equal(t, Downloaded{Fetched: 50}, d)
	d, err = download(t, ts, path, leave, got.deliver)
	require.NoError(t, err)
	require.Zero(t, d)

	// New ones, some at a time.
	ts.add(t, "Subject: a\r\n\r\n", "Subject: b\r\n\r\n", "Subject: c\r\n\r\n")
	d, err = download(t, ts, path, &DownloadOptions{Leave: time.Hour, Max: 2}, got.deliver)
	require.NoError(t, err)
	require.Equal(t, Downloaded{Fetched: 2}, d)

	// All are old enough, at once.
	ts.add(t, "Subject: large\r\n\r\n0123456789\r\n")
	d, err = download(t, ts, path, &DownloadOptions{MaxSize: 20}, got.deliver)
	require.NoError(t, err)
	require.Equal(t, Downloaded{Fetched: 1, Deleted: 53, Skipped: 1}, d)
	require.Equal(t, 1, ts.count(t))
	require.Len(t, got, 53)
	for text, n := range got {
		require.Equal(t, 1, n, text)
	}

	// What is gone from the server is forgotten.
	_, err = download(t, ts, path, leave, got.deliver)
	require.NoError(t, err)
	seen, err := OpenSeen(path)
	require.NoError(t, err)
	require.Len(t, seen.times, 1)
	require.NoError(t, seen.Close())
}

// breaking is a connection that breaks after a number of octets, in either
// direction.
type breaking struct {
	net.Conn
	left int
}

func (b *breaking) Read(p []byte) (int, error) {
	if b.left <= 0 {
		b.Conn.Close()
	}
	n, err := b.Conn.Read(p[:min(len(p), max(b.left, 1))])
	b.left -= n
	return n, err
}

type breakingDialer struct{ left int }

func (d breakingDialer) DialContext(ctx context.Context, network, addr string) (net.Conn, error) {
	nc, err := (&net.Dialer{}).DialContext(ctx, network, addr)
	return &breaking{nc, d.left}, err
}

// Wherever the connection breaks, every message arrives, and once.
func TestDownloadBreaks(t *testing.T) {
	testutil.NoLeaks(t)
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	ts := serve(t, func(s *pop3server.Server) { s.Shared = true }, numbered(40)...)
	got := inboxOf{}
	added := 40
	breaks := 0
	for left := 100; ; left += 37 {
		o := insecure()
		o.Mechanisms = []string{"USER"}
		o.Dialer = breakingDialer{left}
		seen, err := OpenSeen(path)
		require.NoError(t, err)
		c, err := Dial(ctx, ts.addr, o)
		if err == nil {
			_, err = c.Download(ctx, seen, nil, got.deliver)
			c.Close()
		}
		require.NoError(t, seen.Close())
		if err == nil {
			break
		}
		breaks++
		if breaks%7 == 0 {
			added++
			ts.add(t, fmt.Sprintf("Subject: %d\r\n\r\n.%d\r\n", added, added))
		}
	}
	require.Greater(t, breaks, 10)
	require.Len(t, got, added)
	for text, n := range got {
		require.Equal(t, 1, n, text)
	}
	require.Zero(t, ts.count(t))
}

func TestDownloadFailures(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	ts := serve(t, nil, numbered(3)...)
	full := errors.New("disk is full")
	n := 0
	d, err := download(t, ts, path, nil, func(m *Message) error {
		if n++; n == 2 {
			return full
		}
		return nil // unread: counts as delivered, if it arrives whole
	})
	require.ErrorIs(t, err, full)
	require.Equal(t, Downloaded{Fetched: 1, Deleted: 1}, d)
	require.Equal(t, 3, ts.count(t)) // no QUIT
	got := inboxOf{}
	d, err = download(t, ts, path, nil, got.deliver)
	require.NoError(t, err)
	require.Equal(t, Downloaded{Fetched: 2, Deleted: 3}, d)
	require.Zero(t, ts.count(t))

	addr := scripted(t, "+OK\r\n", map[string]string{"LIST": "+OK\r\n1 5\r\n.\r\n", "": "-ERR\r\n"})
	c, err := Dial(ctx, addr, nil)
	require.NoError(t, err)
	seen, err := OpenSeen(path)
	require.NoError(t, err)
	_, err = c.Download(ctx, seen, nil, got.deliver)
	require.ErrorIs(t, err, ErrNoUIDs)
	require.NoError(t, c.Close())
	require.NoError(t, seen.Close())
}

func TestSeenFile(t *testing.T) {
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "seen")
	s, err := OpenSeen(path)
	require.NoError(t, err)
	when := time.Unix(1_700_000_000, 0)
	require.NoError(t, s.Add(ctx, when, "a"))
	require.NoError(t, s.Add(ctx, when, "b"))
	require.ErrorIs(t, s.Add(ctx, when, "b\n1 c"), ErrProtocol)
	require.NoError(t, s.Close())

	// A crash within a line.
	f, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
	require.NoError(t, err)
	_, err = f.WriteString("1700000000 half")
	require.NoError(t, err)
	require.NoError(t, f.Close())

	s, err = OpenSeen(path)
	require.NoError(t, err)
	_, ok := s.When("half")
	require.False(t, ok)
	got, ok := s.When("b")
	require.True(t, ok)
	require.True(t, got.Equal(when))
	require.NoError(t, s.Add(ctx, when, "c"))
	require.NoError(t, s.Keep(ctx, func(uid string) bool { return uid != "a" }))
	require.NoError(t, s.Add(ctx, when, "d"))
	require.NoError(t, s.Close())
	s, err = OpenSeen(path)
	require.NoError(t, err)
	require.Len(t, s.times, 3)
	require.NoError(t, s.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NotContains(t, string(text), " a\n")
}
