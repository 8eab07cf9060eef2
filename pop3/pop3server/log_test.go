package pop3server

import (
	"bytes"
	"log/slog"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/internal/testutil"
)

// lines is a log that is written and read at the same time.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) take() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// The client is not told why the store has failed. The log is, and whose maildrop it
// is about.
func TestStoreErrorIsLogged(t *testing.T) {
	store, _ := openStore(t, messages...)
	srv := newServer(t, store)
	var log lines
	srv.Logger = slog.New(slog.NewTextHandler(&log, nil))
	addr := testutil.Serve(t, srv)
	p, late := dial(t, addr), dial(t, addr)
	p.login()
	late.line()
	require.NoError(t, store.Close())

	require.Equal(t, "-ERR [SYS/TEMP] "+textUnavailable, p.do("RETR 1"))
	logged := log.take()
	require.Contains(t, logged, "level=ERROR")
	require.Contains(t, logged, "user=mrose")
	require.Contains(t, logged, "closed")

	require.Contains(t, late.do("USER tim"), "+OK")
	require.Equal(t, "-ERR [SYS/TEMP] "+textUnavailable, late.do("PASS tanstaaf"))
	logged = log.take()
	require.Contains(t, logged, "level=ERROR")
	require.Contains(t, logged, "tim")
	require.NotContains(t, logged, "tanstaaf")
}
