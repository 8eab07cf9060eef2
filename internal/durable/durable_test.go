package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// onSync calls f before each sync, with the path of what is synced; its error is that
// of the sync.
func onSync(t *testing.T, f func(path string) error) {
	t.Cleanup(func() { sync = (*os.File).Sync })
	sync = func(file *os.File) error {
		if err := f(file.Name()); err != nil {
			return err
		}
		return file.Sync()
	}
}

func names(t *testing.T, dir string) (list []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, e := range entries {
		list = append(list, e.Name())
	}
	return list
}

// The octets are synced before the file has its name, and the name after that.
func TestWriteFile(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "passwords")
	require.NoError(t, os.WriteFile(path+".new", []byte("of a crash"), 0o644))
	for _, step := range []struct{ before, content string }{{"", "one"}, {"one", "two"}} {
		var synced []string
		onSync(t, func(name string) error {
			synced = append(synced, name)
			now, _ := os.ReadFile(path)
			if name == dir {
				require.Equal(t, step.content, string(now))
				require.Equal(t, []string{"passwords"}, names(t, dir))
				return nil
			}
			require.Equal(t, step.before, string(now))
			whole, err := os.ReadFile(name)
			require.NoError(t, err)
			require.Equal(t, step.content, string(whole))
			fi, err := os.Stat(name)
			require.NoError(t, err)
			require.EqualValues(t, 0o600, fi.Mode().Perm(), "a secret at no moment for others")
			return nil
		})
		require.NoError(t, WriteFile(path, []byte(step.content), 0o600))
		require.Equal(t, []string{path + ".new", dir}, synced)
		fi, err := os.Stat(path)
		require.NoError(t, err)
		require.EqualValues(t, 0o600, fi.Mode().Perm())
	}
}

// After a failure the old file is there, and nothing besides.
func TestWriteFileFails(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "passwords")
	require.NoError(t, WriteFile(path, []byte("old"), 0o600))
	full := errors.New("no space left")
	onSync(t, func(string) error { return full })
	require.ErrorIs(t, WriteFile(path, []byte("new"), 0o600), full)
	require.Equal(t, []string{"passwords"}, names(t, dir))
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "old", string(b))
	onSync(t, func(string) error { return nil })

	require.NoError(t, os.MkdirAll(filepath.Join(dir, "folder", "x"), 0o700))
	require.Error(t, WriteFile(filepath.Join(dir, "folder"), []byte("new"), 0o600))
	require.Equal(t, []string{"folder", "passwords"}, names(t, dir))
	require.ErrorIs(t, WriteFile(filepath.Join(dir, "none", "x"), nil, 0o600), fs.ErrNotExist)
}

// Each folder that gets a new one is synced, when it has it.
func TestMkdirAll(t *testing.T) {
	dir := t.TempDir()
	var synced []string
	onSync(t, func(name string) error { synced = append(synced, name); return nil })
	require.NoError(t, MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	require.Equal(t, []string{dir, filepath.Join(dir, "a")}, synced)
	fi, err := os.Stat(filepath.Join(dir, "a", "b"))
	require.NoError(t, err)
	require.EqualValues(t, 0o700, fi.Mode().Perm())
	synced = nil
	require.NoError(t, MkdirAll(filepath.Join(dir, "a", "b"), 0o700))
	require.Empty(t, synced)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	require.Error(t, MkdirAll(filepath.Join(dir, "file", "x"), 0o700))
	require.Error(t, MkdirAll(filepath.Join(dir, "file"), 0o700))
}
