package sqlite

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/posthorn-mail/posthorn/mailbox"
)

const smallDiskEnv = "SQLITE_TEST_SMALL_DISK"

// onSmallDisk runs a test with a folder on a file system of so many octets, which is
// seen by a process of its own only. It needs no privileges where users may have
// namespaces, and is skipped elsewhere.
func onSmallDisk(t *testing.T, octets string, f func(t *testing.T, dir string)) {
	if dir := os.Getenv(smallDiskEnv); dir != "" {
		if err := syscall.Mount("none", dir, "tmpfs", 0, "size="+octets); err != nil {
			t.Skip("mount:", err)
		}
		f(t, dir)
		return
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), smallDiskEnv+"="+t.TempDir())
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}},
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Skip("a file system of one's own:", err)
	}
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// fillDisk fills what is left of the disk as another program would.
func fillDisk(t *testing.T, dir string) (path string) {
	t.Helper()
	path = filepath.Join(dir, "of another program")
	f, err := os.Create(path)
	require.NoError(t, err)
	b := make([]byte, 64<<10)
	for len(b) > 0 {
		if _, err := f.Write(b); err != nil {
			b = b[:len(b)/2]
		}
	}
	require.NoError(t, f.Close())
	return path
}

// openSmall opens a store that sweeps and keeps its reserve when it is told to, and
// has a reserve.
func openSmall(t *testing.T, path string, size int64) (*Store, func()) {
	t.Helper()
	s := openPath(t, path, &Options{PollInterval: time.Hour, Exclusive: true, Reserve: size})
	idle := func() {
		t.Helper()
		for range 3 {
			for more := true; more; {
				// As the writer does it when it is idle: without sync.
				require.NoError(t, s.do(context.Background(), &request{lazy: true, run: func(t *tx) (err error) {
					t.now = t.now.Add(time.Hour)
					more, err = t.sweep()
					return err
				}}))
			}
			s.reserve.left = 0
			s.writer.keepReserve()
		}
	}
	s.tune.sweep = time.Hour
	idle()
	return s, idle
}

// On a disk that another program has filled to the last octet, a user flags and
// expunges mail. There is space then, and mail can come again.
func TestFullDisk(t *testing.T) {
	onSmallDisk(t, "32m", func(t *testing.T, dir string) {
		ctx := t.Context()
		s, idle := openSmall(t, filepath.Join(dir, "mail.db"), 4<<20)
		m := inbox(t, s, "alice")
		fill(t, m, 3000)
		for range 4 {
			require.NoError(t, add(m, 1<<20))
		}
		_, err := s.writer.checkpoint() // the log has no room from before
		require.NoError(t, err)
		idle()
		other := fillDisk(t, dir)

		require.ErrorIs(t, add(m, 1000), mailbox.ErrUnavailable, "the reserve is not for this")
		require.False(t, s.reserve.low.Load())
		deleted := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.FlagSetOf(mailbox.SystemDeleted, nil)}
		_, err = m.SetFlags(ctx, mailbox.AllUIDs(), deleted)
		require.NoError(t, err)
		require.True(t, s.reserve.low.Load())
		require.NoFileExists(t, s.reservePath())
		require.ErrorIs(t, add(m, 1000), errFull)
		_, err = m.Copy(ctx, mailbox.UIDSetOf(1), "INBOX")
		require.ErrorIs(t, err, errFull)
		_, err = m.(*box).a.Create(ctx, "other", nil)
		require.ErrorIs(t, err, errFull)
		idle()
		require.ErrorIs(t, add(m, 1000), errFull, "there is no more space by itself")

		res, err := m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSetOf(mailbox.SystemDeleted, nil))
		require.NoError(t, err)
		require.Equal(t, 3004, res.SourceUIDs().Len())
		idle()
		require.FileExists(t, s.reservePath())
		require.NoError(t, add(m, 1000))
		requireSound(t, s)

		require.NoError(t, os.Remove(other))
		require.NoError(t, add(m, 4<<20))
		require.NoError(t, s.Close())
	})
}

// A disk that mail itself has filled, as far as it gets, can be emptied.
func TestDiskFilledByMail(t *testing.T) {
	onSmallDisk(t, "32m", func(t *testing.T, dir string) {
		ctx := t.Context()
		s, idle := openSmall(t, filepath.Join(dir, "mail.db"), 4<<20)
		m := inbox(t, s, "alice")
		fill(t, m, 1000)
		for _, size := range []int64{1 << 20, 100 << 10, 1000} {
			var err error
			for err == nil {
				err = add(m, size)
			}
			require.ErrorIs(t, err, mailbox.ErrUnavailable)
		}
		for range 2 {
			snap, err := m.Snapshot(ctx)
			require.NoError(t, err)
			n := snap.UIDs.Len()
			deleted := mailbox.FlagChange{Op: mailbox.FlagsAdd, Flags: mailbox.FlagSetOf(mailbox.SystemDeleted, nil)}
			_, err = m.SetFlags(ctx, mailbox.AllUIDs(), deleted)
			require.NoError(t, err)
			res, err := m.Expunge(ctx, mailbox.AllUIDs(), mailbox.FlagSetOf(mailbox.SystemDeleted, nil))
			require.NoError(t, err)
			require.Equal(t, n, res.SourceUIDs().Len())
			idle()
			for err == nil {
				err = add(m, 1<<20)
			}
			require.ErrorIs(t, err, mailbox.ErrUnavailable)
			snap, err = m.Snapshot(ctx)
			require.NoError(t, err)
			require.Less(t, 8, snap.UIDs.Len(), "the space is used again")
		}
		require.NoError(t, s.Close())
	})
}
