//go:build unix

package sqlite

import (
	"bytes"
	"context"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

// noDescriptors makes every attempt to open a file fail until the function that it
// returns is called.
func noDescriptors(t *testing.T) (end func()) {
	t.Helper()
	var before syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &before))
	limit := before
	limit.Cur = 0
	require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &limit))
	return func() { require.NoError(t, syscall.Setrlimit(syscall.RLIMIT_NOFILE, &before)) }
}

// A store that is open needs no more file descriptors.
func TestNoDescriptors(t *testing.T) {
	s := openStore(t, nil)
	m := inbox(t, s, "alice")
	end := noDescriptors(t)
	defer end()
	_, err := os.Open(s.path)
	require.ErrorIs(t, err, syscall.EMFILE)

	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			ctx := context.Background()
			_, err := m.Append(ctx, mailbox.Incoming{Body: bytes.NewReader(message4k), Size: 4096},
				mailbox.Incoming{Body: lines(1 << 20), Size: mailbox.SizeUnknown})
			if err != nil {
				t.Error(err)
			}
			for _, err := range m.Messages(ctx, mailbox.AllUIDs(), mailbox.WantContent|mailbox.WantSummary) {
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	a := m.(*box).a
	_, err = a.Create(t.Context(), "Archive", nil)
	require.NoError(t, err)
	_, err = m.Move(t.Context(), mailbox.AllUIDs(), "Archive")
	require.NoError(t, err)
	require.NoError(t, a.Rename(t.Context(), "Archive", "Old"))
	require.NoError(t, a.Delete(t.Context(), "Old"))
	require.NoError(t, s.write(t.Context(), func(t *tx) error {
		s.tune.maxLog = 0
		_, err := t.sweep()
		return err
	}))
	time.Sleep(2 * s.opts.PollInterval) // the log is copied back
	_, err = m.Append(t.Context(), mailbox.Incoming{Body: strings.NewReader("x"), Size: 1})
	require.NoError(t, err)
}
