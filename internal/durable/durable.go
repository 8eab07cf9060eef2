// Package durable writes files and folders that are still there after a loss of
// power. A file system may keep the name of a file, its octets and the folder that it
// is in for some time in memory only, and write them in any order.
package durable

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
)

// sync is (*os.File).Sync; tests replace it.
var sync = (*os.File).Sync

// WriteFile replaces the content of a file, or creates it with the mode (before the
// umask). At each moment the path stands for the whole old file or the whole new
// one, which is on the disk when WriteFile returns. After an error the old one is
// there, except if only the sync of the folder has failed. For a moment there is a
// file path.new, with the same mode. It is not for two writers of a path at once.
func WriteFile(path string, content []byte, mode fs.FileMode) error {
	temp := path + ".new"
	if err := os.Remove(temp); err != nil && !errors.Is(err, fs.ErrNotExist) { // of a crash
		return err
	}
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, mode)
	if err != nil {
		return err
	}
	if _, err = f.Write(content); err == nil {
		err = sync(f)
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err == nil {
		err = os.Rename(temp, path)
	}
	if err != nil {
		os.Remove(temp)
		return err
	}
	return SyncFolder(filepath.Dir(path))
}

// MkdirAll is os.MkdirAll, and syncs the folder that each new one is in.
func MkdirAll(path string, mode fs.FileMode) error {
	if fi, err := os.Stat(path); err == nil {
		if !fi.IsDir() {
			return &fs.PathError{Op: "mkdir", Path: path, Err: syscall.ENOTDIR}
		}
		return nil
	}
	parent := filepath.Dir(path)
	if parent != path {
		if err := MkdirAll(parent, mode); err != nil {
			return err
		}
	}
	if err := os.Mkdir(path, mode); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return SyncFolder(parent)
}

// SyncFolder makes durable which files a folder has, after one was created, renamed
// or removed.
func SyncFolder(path string) error {
	if runtime.GOOS == "windows" { // cannot sync a folder
		return nil
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(sync(d), d.Close())
}
